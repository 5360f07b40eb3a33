"""Every label is checked against the evidence, whoever proposed it; the reason codes are in :mod:`.reasons`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Optional

from attrs import evolve, frozen

from gca_scanpy._judging import evidence
from gca_scanpy._judging.evidence import LabelEvidence, Rival
from gca_scanpy._judging.label import Apart, denied_by, finest, is_kin_of_best, own_candidate, speaks_for
from gca_scanpy._judging.mixture import note_of
from gca_scanpy._judging.reasons import ABSENT, ADVISORY
from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._names.labels import agrees, term_of
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.case import Case
from gca_scanpy._scoring.path import key_of, without_penalties
from gca_scanpy._steps import Verdict
from gca_scanpy.model import Candidate, Mixture, Panel, Separation, Status, Validation

SHOWN_MISSING, SHOWN_CANDIDATES, SHOWN_LACKED = 10, 3, 6
OF_TWO = ("mixed_lineage", "contradictory_markers")  # the codes of clusters whose cells may be of two lineages


@frozen
class Judgment:
    """A validation with the status that follows from it, the other lineage that is supported, and caveats if any.

    Attributes
    ----------
    verdict
        The verdict that was judged: the one that came, or its finest guess if another lineage stands beside that.
    mixture
        The two related types that the label has in common, if the cells are of both.
    """

    validation: Validation
    status: Status
    verdict: Verdict
    rival: Optional[Rival] = None
    caveats: tuple[str, ...] = ()
    mixture: Optional[Mixture] = None


@frozen
class _Finding:
    """A reason code with a sentence for the reader, which may be empty, and the type that speaks against the label."""

    code: str
    note: str = ""
    rival: Optional[Rival] = None


def judge(case: Case, verdict: Verdict, second: Optional[Rival] = None) -> Judgment:
    """Judge the verdict of the scorer, of a language model or of the user on a cluster.

    Parameters
    ----------
    second
        The lineage that some of its cells turned out to have beside that of the label.
    """
    verdict = finest(verdict) if second else _of_one_lineage(case, verdict)
    term = term_of(verdict.label, verdict.ontology_id, case.index.lineages.ontology, case.tissues)
    findings = [] if case.markers.genes else [_Finding("no_markers_supplied", "the cluster has no marker gene")]
    label_evidence, apart = LabelEvidence(), None
    if not verdict.label:
        findings.append(_Finding("validation_missing", "no label came for this cluster"))
    if verdict.panel is not None and verdict.panel.agreement < numbers.NUMBERS.min_agreement:
        findings.append(_Finding("model_disagreement", _answers(verdict.panel)))
    if verdict.label and verdict.label != UNKNOWN_LABEL:
        label_evidence, against_label = _check_label(case, verdict, term)
        apart = Apart.of(term or verdict.label, case)
        findings += against_label + _separated(apart, case, verdict, term)
        if second is not None:
            findings.append(_supported_beside(verdict, second, "mixed_lineage"))
    elif verdict.label and verdict.source == "offline" and case.markers.genes:
        note = case.weights.states.note or "no gene of the cluster marks a cell type of the database"
        findings.append(_Finding("low_marker_overlap", note))
    if verdict.unavailable:
        findings.append(_Finding("llm_unavailable", f"no language model answered: {verdict.unavailable}"))
    judgment = _judgment(case, verdict, term, label_evidence, findings)
    if apart is None:
        return judgment
    separation = apart.separation(case.markers.measured)
    is_shown = judgment.status == "supported" and case.index.lineages.is_subtype(term)
    caveats = tuple(_separation_caveats(apart, separation, verdict)) if is_shown else ()
    return evolve(judgment, validation=evolve(judgment.validation, separation=separation), caveats=caveats)


def of_two(case: Case, judgment: Judgment, mixture: Mixture) -> Judgment:
    """The judgment of a cluster whose cells are of the type of its label and of a related one.

    The label becomes what both have in common. If no level of its path is, the cluster is mixed.
    """
    verdict, (first, second), ontology = judgment.verdict, mixture.parts, case.index.lineages.ontology
    above = [{part.ontology_id, *ontology.ancestors(part.ontology_id or part.label)} for part in (first, second)]
    common = [level for level in verdict.path if level.ontology_id in above[0] & above[1]]
    if not common:
        genes = dict.fromkeys(second.genes, (second.label,))
        return judge(case, verdict, Rival(second.label, 0.0, 1.0, genes, first.genes, second.ontology_id))
    level = common[-1]
    why = f"Some cells are of {first.label}, others of {second.label}; {level.label} is what both have in common."
    broader = evolve(verdict, label=level.label, ontology_id=level.ontology_id, path=verdict.path[: len(common)])
    judged = judge(case, evolve(broader, confidence_score=level.probability, rationale=why))
    notes = (*judged.validation.notes, note_of(mixture, [first.label, second.label]))
    return evolve(judged, validation=evolve(judged.validation, notes=notes), mixture=mixture)


def _check_label(case: Case, verdict: Verdict, term: Optional[str]) -> tuple[LabelEvidence, list[_Finding]]:
    """The evidence for a label, and what speaks against it."""
    label_evidence = LabelEvidence()
    findings = _identity(verdict, case, term)
    is_foreign = (term or verdict.label) in case.index.foreign
    if is_foreign:
        findings.append(_Finding("species_mismatch", f"{verdict.label} is not known for {case.index.species}"))
    relatives = evidence.family(term, verdict.label, case.index)
    if relatives:
        label_evidence = evidence.gather(relatives, term, case, by_lineage=_counts_by_lineage(case, verdict))
        findings += _weight(case, verdict, label_evidence, term)
    elif not is_foreign:
        findings.append(_Finding("label_not_in_kb", _not_known(verdict.label, case)))
    return label_evidence, findings + _advice(case, verdict, term)


def _not_known(label: str, case: Case) -> str:
    ontology = case.index.lineages.ontology
    candidates = ontology.read(label, case.tissues).candidates
    if candidates:
        return f"{label!r} may mean {' or '.join(map(ontology.label, candidates[:SHOWN_CANDIDATES]))}"
    return f"the database knows neither {label!r} nor a relative of it"


def _answers(panel: Panel) -> str:
    return "; ".join(f"{answer.model} says {answer.label or 'nothing'}" for answer in panel.answers)


def _identity(verdict: Verdict, case: Case, term: Optional[str]) -> list[_Finding]:
    """Whether the id that came with the label is the label's own."""
    given, ontology = verdict.ontology_id, case.index.lineages.ontology
    if given is None or ontology.is_label(verdict.label, given):
        return []
    if given not in ontology:
        return [_Finding("ontology_mismatch", f"{given} is not a current Cell Ontology term")]
    by_name = ontology.resolve(verdict.label, case.tissues)
    if by_name is None and not agrees(verdict.label, ontology.terms[given]):
        note = f"{given} is {ontology.label(given)!r}, and {verdict.label!r} is not another name of it"
        return [_Finding("ontology_mismatch", note)]
    if by_name is not None and term != given:
        note = f"{given} is {ontology.label(given)!r}; {verdict.label!r} is {by_name}"
        return [_Finding("ontology_mismatch", note)]
    return []


def _weight(case: Case, verdict: Verdict, label_evidence: LabelEvidence, term: Optional[str]) -> list[_Finding]:
    """Whether there is enough evidence for the label, and not too much for another lineage."""
    own = own_candidate(term, verdict.label, case)
    if verdict.source == "offline":
        findings = _mixture(case, verdict, label_evidence) or _too_little(case, verdict, label_evidence)
        # The cells may lack the genes of the best subtype of a broad label.
        is_own = own is not None and key_of(own) == (term or verdict.label)
        return findings or (_denied(own, case) if own is not None and is_own else [])
    if own is not None and speaks_for(own, term, case):
        # Whoever gave a label that its genes support best may have seen more than the genes: a pair is no objection.
        used, is_kin = numbers.NUMBERS, is_kin_of_best(own, term, case)
        mixture = _mixture(case, verdict, label_evidence, min_genes=used.min_rival_genes_of_given if is_kin else 0)
        spared = used.spared_genes_of_user if is_kin and verdict.source == "user" else 0
        return mixture or _too_little(case, verdict, label_evidence, spared=spared) or _denied(own, case)
    rivals = [rival for rival in (label_evidence.rival, label_evidence.better) if rival is not None]
    if rivals:
        rival = max(rivals, key=lambda rival: rival.evidence)
        note = f"{rival.label} has more evidence than {verdict.label}, from {rival.named()}"
        return [_Finding("contradictory_markers", note, rival)]
    too_little = _too_little(case, verdict, label_evidence)
    if too_little:
        return too_little
    what = "little" if own is not None else "no"
    state = case.weights.states.note
    ahead = _ahead(label_evidence) or (f"; {state}" if state else "")
    note = f"the cluster's genes give {verdict.label} {what} score of its own{ahead}"
    return [_Finding("low_marker_overlap", note, label_evidence.leader)]


def _of_one_lineage(case: Case, verdict: Verdict) -> Verdict:
    """The verdict, or its finest guess if another lineage stands beside that: a broad label may hide that it has two.

    Lymphocyte, for example, is what B and T cells have in common.
    """
    guess = finest(verdict)
    if guess.label == verdict.label:
        return verdict
    relatives = evidence.family(guess.ontology_id, guess.label, case.index)
    by_lineage = _counts_by_lineage(case, guess)
    found = evidence.gather(relatives, guess.ontology_id, case, by_lineage=by_lineage)
    return guess if _mixture(case, guess, found) else verdict


def _counts_by_lineage(case: Case, verdict: Verdict) -> bool:
    """Whether the types of another lineage count together: not in a matrix, nor against a label that someone gave."""
    return verdict.source == "offline" and case.cells is None


def _mixture(case: Case, verdict: Verdict, label_evidence: LabelEvidence, *, min_genes: int = 0) -> list[_Finding]:
    """Whether a lineage that excludes the label is supported beside it, unless chance explains both."""
    rival, strength, key = label_evidence.rival, case.strength, verdict.key
    if rival is None or len(rival.genes) < min_genes or rival.share < case.limits.mixed_ratio or strength is None:
        return []
    # A rival's genes may be penalties in the score of the best candidate, and other clusters share those of a mixture.
    strengths = strength, without_penalties(strength, case.candidates[0])
    by_cells = max(case.log_odds_of_cells(key), 0.0)
    if verdict.source == "offline" and not any(one.beyond(by_cells) for one in strengths):
        return []
    code = "contradictory_markers" if rival.share > numbers.NUMBERS.contradicting_ratio else "mixed_lineage"
    return [_supported_beside(verdict, rival, code)]


def _supported_beside(verdict: Verdict, rival: Rival, code: str) -> _Finding:
    return _Finding(code, f"{rival.label} is supported beside {verdict.label}, by {rival.named()}", rival)


def _too_little(case: Case, verdict: Verdict, label_evidence: LabelEvidence, *, spared: int = 0) -> list[_Finding]:
    """Whether too few genes are known for the label, or no more than chance would give; so many may be missing."""
    ranked = {gene.name for gene in (*case.markers.genes, *case.markers.expressed)}
    note = f"{len(ranked & label_evidence.support.keys())} of {len(ranked)} genes are known for {verdict.label}"
    if len(label_evidence.support) < max(case.limits.min_support - spared, 1):
        return [_Finding("low_marker_overlap", f"{note}{_ahead(label_evidence)}", label_evidence.leader)]
    if verdict.source == "offline" and not case.beyond_chance(verdict.key):
        state = case.weights.states.note
        return [_Finding("low_marker_overlap", f"{note}, hardly more than chance gives{f'; {state}' if state else ''}")]
    return []


def _denied(own: Candidate, case: Case) -> list[_Finding]:
    """Whether the cells lack the genes that mark the label's own candidate more than other types."""
    lacked = denied_by(own, case)
    if not lacked:
        return []
    note = f"the cells lack {', '.join(lacked[:SHOWN_LACKED])}, which mark {own.label} more than other types"
    return [_Finding("low_marker_overlap", note)]


def _ahead(label_evidence: LabelEvidence) -> str:
    leader = label_evidence.leader
    return f"; {leader.label} is the best type, from {leader.named()}" if leader else ""


def _advice(case: Case, verdict: Verdict, term: Optional[str]) -> list[_Finding]:
    """What speaks against a label without stopping it."""
    findings = []
    if term is None:
        findings.append(_Finding("missing_ontology_id", f"{verdict.label!r} is not a Cell Ontology name"))
    kind = case.index.types.get(term or "")
    if kind is not None and kind.is_elsewhere(case.tissues):
        findings.append(_Finding("tissue_mismatch", f"{kind.label} is expected in {', '.join(sorted(kind.tissues))}"))
    index, genes = case.index, case.markers.genes
    if index.species != index.genes_of:
        findings.append(_Finding("other_species", f"genes of {index.species} were read as those of {index.genes_of}"))
    unmapped = sum(1 for gene in genes if gene.symbol is None)
    if index.genes_of != "human" and unmapped > numbers.NUMBERS.max_unmapped * len(genes):
        note = f"{unmapped} of {len(genes)} genes have no known human ortholog"
        findings.append(_Finding("ortholog_unmapped", note))
    return findings


def _separated(apart: Optional[Apart], case: Case, verdict: Verdict, term: Optional[str]) -> list[_Finding]:
    """Whether any gene can tell the label from its nearest competitor, and for a given subtype whether one does."""
    if apart is None:
        return []
    pair, separation = f"{verdict.label} from {apart.competitor.label}", apart.separation(case.markers.measured)
    if separation is not None and separation.n_genes and not separation.n_measured:
        note = f"the data have none of the genes that tell {pair}, such as {', '.join(apart.genes[:SHOWN_LACKED])}"
        return [_Finding("separating_genes_unmeasured", note)]
    if verdict.source == "offline" or not case.index.lineages.is_subtype(term):
        return []
    if apart.inseparable:
        return [_Finding("not_separated", _no_gene_separates(apart, verdict))]
    if not case.expressed.intersection(apart.of_label):
        return [_Finding("not_separated", f"the cluster has no gene that tells {pair}")]
    return []


def _no_gene_separates(apart: Apart, verdict: Verdict) -> str:
    return f"the database has no gene that tells {verdict.label} from {apart.inseparable}"


def _separation_caveats(apart: Apart, separation: Optional[Separation], verdict: Verdict) -> Iterator[str]:
    """What a reader of a subtype should know of its competitors, whether or not it lowers the confidence."""
    if apart.inseparable and verdict.source == "offline":
        yield _no_gene_separates(apart, verdict)
    if separation is not None and 0 < separation.n_measured < separation.n_genes:
        counts = f"{separation.n_measured} of {separation.n_genes} genes"
        yield f"{counts} that separate {verdict.label} from {separation.competitor} were measured"


def _judgment(
    case: Case,
    verdict: Verdict,
    term: Optional[str],
    label_evidence: LabelEvidence,
    findings: Sequence[_Finding],
) -> Judgment:
    codes = tuple(dict.fromkeys(finding.code for finding in findings))
    status = _status(verdict, codes)
    label_evidence = _as_found(label_evidence, findings, stopped=status != "supported")
    missing, unmeasured = _missing(case, term or verdict.label)
    validation = Validation(
        is_supported=status == "supported",
        supporting_markers=_strongest_first(label_evidence.support),
        missing_markers=missing,
        unmeasured_markers=unmeasured,
        contradictory_markers=dict(label_evidence.contradictory),
        ontology_mismatch="ontology_mismatch" in codes,
        notes=tuple(finding.note for finding in findings if finding.note),
        support_count=len(label_evidence.support),
        flag_reasons=codes,
    )
    return Judgment(validation, status, verdict, next((f.rival for f in findings if f.code in OF_TWO), None))


def _as_found(label_evidence: LabelEvidence, findings: Sequence[_Finding], *, stopped: bool) -> LabelEvidence:
    """The evidence as the findings used it, so that the genes for and against a stopped label explain why it was."""
    rival = next((finding.rival for finding in findings if finding.rival), None if stopped else label_evidence.rival)
    if rival is not None:
        return label_evidence.against(rival)
    return evolve(label_evidence, contradictory={}) if stopped else label_evidence


def _status(verdict: Verdict, codes: Sequence[str]) -> Status:
    stopping = [code for code in codes if code not in ADVISORY]
    without_evidence = bool(stopping) and ABSENT.issuperset(stopping) and verdict.source == "offline"
    if verdict.label == UNKNOWN_LABEL or without_evidence:
        return "unknown"
    return "flagged" if stopping else "supported"


def _strongest_first(support: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(sorted(support, key=lambda gene: (-support[gene], gene)))


def _missing(case: Case, key: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Canonical markers of a type that are not among the cluster's genes: the measured ones, and the others."""
    markers, kind = case.markers, case.index.types.get(key)
    missing = [gene for gene in kind.canonical if gene not in case.expressed] if kind else []
    measured = markers.measured if markers.measured is not None else frozenset(missing)
    return (
        tuple(gene for gene in missing if gene in measured)[:SHOWN_MISSING],
        tuple(gene for gene in missing if gene not in measured)[:SHOWN_MISSING],
    )
