"""Every label is checked against the evidence, whoever proposed it.

Reason codes that stop a label (the cluster is ``flagged``, or ``unknown`` where there was nothing to judge):

``no_markers_supplied``     the cluster has no marker gene
``low_marker_overlap``      too few of its genes are known for the label, or no more than chance would give
``contradictory_markers``   a disjoint lineage, or for a given label another broad type, outweighs the support
``mixed_lineage``           two disjoint lineages are each well supported: a doublet, or two types in one cluster
``ontology_mismatch``       the id that came with the label is another cell type's
``label_not_in_kb``         the database knows neither the label nor a relative of it
``species_mismatch``        the database knows the label for another species only
``validation_missing``      no label came for this cluster
``model_disagreement``      several language models were asked, and they do not agree on a cell type

Reason codes that are told, while the label stands (confidence is at most Medium):

``tissue_mismatch``         the type belongs to other tissues than the one given
``missing_ontology_id``     the label has no Cell Ontology term
``ortholog_unmapped``       most genes have no known human ortholog
``llm_unavailable``         no language model that was asked gave an answer; the offline scorer's stands in
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from attrs import frozen

from gca_scanpy._judging import evidence, vote
from gca_scanpy._judging.evidence import LabelEvidence
from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._names.labels import agrees
from gca_scanpy._scoring import likelihood
from gca_scanpy._scoring.index import MarkerIndex
from gca_scanpy._steps import ClusterMarkers, Verdict
from gca_scanpy.model import Candidate, Status, Validation

ADVISORY = frozenset({"tissue_mismatch", "missing_ontology_id", "ortholog_unmapped", "llm_unavailable"})
# Where nothing else was found, these say that there is no evidence, not that the evidence is against the label.
ABSENT = frozenset({"low_marker_overlap", "no_markers_supplied"})
SHOWN_MISSING = 10


@frozen
class Judgment:
    """A validation with the status that follows from it."""

    validation: Validation
    status: Status


@frozen
class Limits:
    """The thresholds of a run.

    Attributes
    ----------
    min_support
        Genes of the cluster that must be known for the label.
    mixed_ratio
        Evidence of a disjoint lineage relative to the label's from which the cluster counts as mixed, 0 to 1.
    """

    min_support: int
    mixed_ratio: float


@frozen
class _Case:
    """Everything that one judgment is about."""

    verdict: Verdict
    term: Optional[str]
    cluster: ClusterMarkers
    candidates: Sequence[Candidate]
    index: MarkerIndex
    tissues: Sequence[str]
    limits: Limits


@frozen
class _Finding:
    """A reason code with a sentence for the reader, which may be empty."""

    code: str
    note: str = ""


def check(
    verdict: Verdict,
    cluster: ClusterMarkers,
    candidates: Sequence[Candidate],
    index: MarkerIndex,
    tissues: Sequence[str],
    limits: Limits,
) -> Judgment:
    """Judge one verdict.

    Parameters
    ----------
    verdict
        The proposed label, from the scorer, a language model or the user.
    cluster
        The cluster's genes with canonical symbols.
    candidates
        What the scorer found for the cluster, best first.
    tissues
        Canonical tissues, empty where unknown.
    """
    case = _Case(verdict, _term(verdict, index), cluster, candidates, index, tissues, limits)
    findings = [] if cluster.genes else [_Finding("no_markers_supplied", "the cluster has no marker gene")]
    known = LabelEvidence({}, {}, None)
    if not verdict.label:
        findings.append(_Finding("validation_missing", "no label came for this cluster"))
    if verdict.panel is not None and verdict.panel.agreement < vote.AGREED:
        findings.append(_Finding("model_disagreement", _answers(verdict)))
    if verdict.label and verdict.label != UNKNOWN_LABEL:
        findings += _identity(case)
        foreign = (case.term or verdict.label) in index.foreign
        if foreign:
            findings.append(_Finding("species_mismatch", f"{verdict.label} is not known for {index.species}"))
        relatives = evidence.family(case.term, verdict.label, index)
        if relatives:
            rivals = [c.ontology_id or c.label for c in candidates]
            known = evidence.gather(relatives, case.term, cluster, rivals, index)
            findings += _weight(case, known)
        elif not foreign:
            note = f"the database knows neither {verdict.label!r} nor a relative of it"
            findings.append(_Finding("label_not_in_kb", note))
        findings += _advice(case)
    elif verdict.label and verdict.source == "offline" and cluster.genes:
        findings.append(_Finding("low_marker_overlap", "no gene of the cluster marks a cell type of the database"))
    if verdict.unavailable:
        findings.append(_Finding("llm_unavailable", f"no language model answered: {verdict.unavailable}"))
    return _judgment(case, known, findings)


def _answers(verdict: Verdict) -> str:
    answers = verdict.panel.answers if verdict.panel else ()
    return "; ".join(f"{a.model} says {a.label or 'nothing'}" for a in answers)


def _term(verdict: Verdict, index: MarkerIndex) -> Optional[str]:
    by_name = index.lineages.ontology.resolve(verdict.label)
    given = verdict.ontology_id if verdict.ontology_id in index.lineages.ontology else None
    return by_name or given


def _identity(case: _Case) -> list[_Finding]:
    """Whether the id that came with the label is the label's own."""
    given, ontology = case.verdict.ontology_id, case.index.lineages.ontology
    if given is None:
        return []
    if given not in ontology:
        return [_Finding("ontology_mismatch", f"{given} is not a current Cell Ontology term")]
    by_name = ontology.resolve(case.verdict.label)
    if by_name is None and not agrees(case.verdict.label, ontology.terms[given]):
        note = f"{given} is {ontology.label(given)!r}, and {case.verdict.label!r} is not another name of it"
        return [_Finding("ontology_mismatch", note)]
    if by_name is not None and by_name != given:
        note = f"{given} is {ontology.label(given)!r}; {case.verdict.label!r} is {by_name}"
        return [_Finding("ontology_mismatch", note)]
    return []


def _weight(case: _Case, known: LabelEvidence) -> list[_Finding]:
    """Whether there is enough for the label, and not too much for another lineage."""
    label, offline = case.verdict.label, case.verdict.source == "offline"
    rival = known.rival
    # Where the scorer's best candidate is no better than chance, so is its rival.
    by_chance = offline and not _beyond_chance(case)
    if rival is not None and rival.share >= case.limits.mixed_ratio and not by_chance:
        code = "contradictory_markers" if rival.share > evidence.OUTWEIGHED else "mixed_lineage"
        return [_Finding(code, f"{rival.label} is supported beside {label}, by {', '.join(rival.genes[:5])}")]
    if known.better is not None and not offline:
        note = f"{known.better.label} has more evidence than {label}, from {', '.join(known.better.genes[:5])}"
        return [_Finding("contradictory_markers", note)]
    note = f"{len(known.support)} of {len(_names(case.cluster))} genes are known for {label}"
    if len(known.support) < case.limits.min_support:
        return [_Finding("low_marker_overlap", note)]
    if offline and (by_chance or case.verdict.confidence_score < likelihood.MIN_CONFIDENCE):
        return [_Finding("low_marker_overlap", f"{note}, hardly more than chance gives")]
    return []


def _names(cluster: ClusterMarkers) -> set[str]:
    return {gene.name for gene in (*cluster.genes, *cluster.expressed)}


def _beyond_chance(case: _Case) -> bool:
    return bool(case.candidates) and likelihood.beyond_chance(case.candidates[0], case.cluster, case.index)


def _advice(case: _Case) -> list[_Finding]:
    findings = []
    if case.term is None:
        findings.append(_Finding("missing_ontology_id", f"{case.verdict.label!r} is not a Cell Ontology name"))
    kind = case.index.types.get(case.term or "")
    if kind is not None and kind.tissues and case.tissues and not kind.tissues.intersection(case.tissues):
        findings.append(_Finding("tissue_mismatch", f"{kind.label} is expected in {', '.join(sorted(kind.tissues))}"))
    unmapped = sum(1 for gene in case.cluster.genes if gene.symbol is None)
    if case.index.species != "human" and unmapped * 2 > len(case.cluster.genes):
        note = f"{unmapped} of {len(case.cluster.genes)} genes have no known human ortholog"
        findings.append(_Finding("ortholog_unmapped", note))
    return findings


def _judgment(case: _Case, known: LabelEvidence, findings: Sequence[_Finding]) -> Judgment:
    reasons = tuple(dict.fromkeys(finding.code for finding in findings))
    stopping = [reason for reason in reasons if reason not in ADVISORY]
    absent = bool(stopping) and ABSENT.issuperset(stopping) and case.verdict.source == "offline"
    status: Status = "flagged" if stopping else "supported"
    if case.verdict.label == UNKNOWN_LABEL or absent:
        status = "unknown"
    cluster = case.cluster
    there = {gene.symbol for gene in (*cluster.genes, *cluster.expressed, *cluster.present)}
    kind = case.index.types.get(case.term or case.verdict.label)
    missing = [gene for gene in kind.canonical if gene not in there] if kind else []
    validation = Validation(
        is_supported=status == "supported",
        supporting_markers=tuple(sorted(known.support, key=lambda gene: (-known.support[gene], gene))),
        missing_markers=tuple(missing[:SHOWN_MISSING]),
        contradictory_markers=dict(known.contradictory),
        ontology_mismatch="ontology_mismatch" in reasons,
        notes=tuple(finding.note for finding in findings if finding.note),
        support_count=len(known.support),
        flag_reasons=reasons,
    )
    return Judgment(validation, status)
