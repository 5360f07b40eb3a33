"""Every label is checked against the evidence, whoever proposed it.

Reason codes that stop a label (the cluster is ``flagged``, or ``unknown`` where there was nothing to judge):

``no_markers_supplied``     the cluster has no marker gene
``low_marker_overlap``      too few of its genes are known for the label, or no more than chance would give
``contradictory_markers``   specific genes of a disjoint lineage outweigh the support
``mixed_lineage``           two disjoint lineages are each well supported: a doublet, or two types in one cluster
``ontology_mismatch``       the id that came with the label is another cell type's
``label_not_in_kb``         the database knows neither the label nor a relative of it
``species_mismatch``        the database knows the label for another species only
``validation_missing``      no label came for this cluster

Reason codes that are told, while the label stands (confidence is at most Medium):

``tissue_mismatch``         the type belongs to other tissues than the one given
``missing_ontology_id``     the label has no Cell Ontology term
``ortholog_unmapped``       most genes have no known human ortholog
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Optional

from attrs import frozen

from gca_scanpy._core import scoring
from gca_scanpy._core.index import MarkerIndex
from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy.model import ClusterMarkers, Status, Validation, Verdict

ADVISORY = frozenset({"tissue_mismatch", "missing_ontology_id", "ortholog_unmapped"})
# Where nothing else was found, these say that there is no evidence, not that the evidence is against the label.
ABSENT = frozenset({"low_marker_overlap", "no_markers_supplied"})
MIN_EXCLUSIVE = 3  # specific genes from which a second lineage is taken seriously


@frozen
class Judgement:
    """A validation with the status that follows from it."""

    validation: Validation
    status: Status


@frozen
class _Evidence:
    """The genes of a cluster that speak for a label, and for each lineage that excludes it."""

    support: Mapping[str, float]
    against: Mapping[str, Mapping[str, float]]
    contradictory: Mapping[str, tuple[str, ...]]


def check(
    verdict: Verdict,
    cluster: ClusterMarkers,
    index: MarkerIndex,
    tissues: Sequence[str],
    *,
    min_support: int,
    mixed_ratio: float,
) -> Judgement:
    """Judge one verdict.

    Parameters
    ----------
    verdict
        The proposed label, from the scorer, a language model or the user.
    cluster
        The cluster's genes with canonical symbols.
    tissues
        Canonical tissues, empty where unknown.
    min_support
        Genes of the cluster that must be known for the label.
    mixed_ratio
        Evidence of a disjoint lineage relative to the label's from which the cluster counts as mixed, 0 to 1.
    """
    term = _term(verdict, index)
    notes: list[str] = []
    reasons: list[str] = []
    evidence = _Evidence({}, {}, {})
    if not cluster.genes:
        reasons.append("no_markers_supplied")
    if not verdict.label:
        reasons.append("validation_missing")
    elif verdict.label != UNKNOWN_LABEL:
        mismatch = _ontology_mismatch(verdict, index)
        if mismatch:
            reasons.append("ontology_mismatch")
            notes.append(mismatch)
        family = _family(term, verdict.label, index)
        if family:
            evidence = _gather(family, term, cluster, index)
            reasons += _weigh(verdict, evidence, cluster, index, min_support, mixed_ratio, notes)
        else:
            foreign = (term or verdict.label) in index.foreign
            reasons.append("species_mismatch" if foreign else "label_not_in_kb")
        reasons += _advice(term, cluster, index, tissues, notes)
    return _judgement(verdict, term, cluster, index, evidence, tuple(dict.fromkeys(reasons)), tuple(notes))


def _term(verdict: Verdict, index: MarkerIndex) -> Optional[str]:
    by_name = index.lineages.ontology.resolve(verdict.label)
    given = verdict.ontology_id if verdict.ontology_id in index.lineages.ontology else None
    return by_name or given


def _ontology_mismatch(verdict: Verdict, index: MarkerIndex) -> str:
    if verdict.ontology_id is None:
        return ""
    ontology = index.lineages.ontology
    if verdict.ontology_id not in ontology:
        return f"{verdict.ontology_id} is not a current Cell Ontology term"
    by_name = ontology.resolve(verdict.label)
    if by_name is not None and by_name != verdict.ontology_id:
        return f"{verdict.ontology_id} is {ontology.label(verdict.ontology_id)!r}; {verdict.label!r} is {by_name}"
    return ""


def _family(term: Optional[str], label: str, index: MarkerIndex) -> tuple[str, ...]:
    """The label's own type, its subtypes, and its ancestors within the same broad type."""
    if term is None:
        return (label,) if label in index.types else ()
    broad = index.lineages.broad(term)
    ancestors = index.lineages.ontology.ancestors(term)
    return tuple(
        key for key in index.family(term) if key not in ancestors or index.lineages.broad(key) == broad
    )


def _gather(family: Sequence[str], term: Optional[str], cluster: ClusterMarkers, index: MarkerIndex) -> _Evidence:
    support: dict[str, float] = {}
    against: dict[str, dict[str, float]] = {}
    contradictory: dict[str, tuple[str, ...]] = {}
    own = {gene for key in family for gene in index.types[key].positive}
    for gene in scoring.weighted_genes(cluster):
        marked = index.hits.get(gene.symbol, {})
        if gene.symbol in own:
            support[gene.name] = gene.weight * max(marked[key] for key in family if key in marked)
            continue
        # A gene that any compatible type has contradicts nothing.
        listing = [key for key in marked if gene.symbol in index.types[key].positive]
        if not listing or not all(index.lineages.disjoint(term, index.types[key].id) for key in listing):
            continue
        strongest = sorted(listing, key=lambda key: (-marked[key], key))
        contradictory[gene.name] = tuple(index.types[key].label for key in strongest[:3])
        for key in strongest:
            lineage = index.lineages.lineage(key) or index.types[key].label
            genes = against.setdefault(lineage, {})
            genes[gene.name] = max(genes.get(gene.name, 0.0), gene.weight * marked[key])
    return _Evidence(support, against, contradictory)


def _weigh(
    verdict: Verdict,
    evidence: _Evidence,
    cluster: ClusterMarkers,
    index: MarkerIndex,
    min_support: int,
    mixed_ratio: float,
    notes: list[str],
) -> list[str]:
    reasons = []
    total = sum(evidence.support.values())
    if len(evidence.support) < min_support or (verdict.source == "offline" and verdict.confidence_score < scoring.MIN_CONFIDENCE):
        reasons.append("low_marker_overlap")
        notes.append(f"{len(evidence.support)} of {len(cluster.genes)} genes are known for {verdict.label}")
    rivals = {
        lineage: (sum(genes.values()), sorted(genes, key=lambda g: -genes[g]))
        for lineage, genes in evidence.against.items()
        if len(genes) >= MIN_EXCLUSIVE
    }
    if rivals:
        lineage, (mass, genes) = max(rivals.items(), key=lambda item: (item[1][0], item[0]))
        if mass > total:
            reasons.append("contradictory_markers")
        elif mass >= mixed_ratio * total:
            reasons.append("mixed_lineage")
        if mass >= mixed_ratio * total:
            kinds = evidence.contradictory[genes[0]]
            notes.append(f"{verdict.label} and {kinds[0]} are both supported; the second by {', '.join(genes[:5])}")
    return reasons


def _advice(
    term: Optional[str], cluster: ClusterMarkers, index: MarkerIndex, tissues: Sequence[str], notes: list[str]
) -> list[str]:
    reasons = []
    if term is None:
        reasons.append("missing_ontology_id")
    kind = index.types.get(term or "")
    if kind is not None and kind.tissues and tissues and not kind.tissues.intersection(tissues):
        reasons.append("tissue_mismatch")
        notes.append(f"{kind.label} is expected in {', '.join(sorted(kind.tissues))}")
    unmapped = sum(1 for gene in cluster.genes if gene.symbol is None)
    if index.species != "human" and unmapped * 2 > len(cluster.genes):
        reasons.append("ortholog_unmapped")
        notes.append(f"{unmapped} of {len(cluster.genes)} genes have no known human ortholog")
    return reasons


def _judgement(
    verdict: Verdict,
    term: Optional[str],
    cluster: ClusterMarkers,
    index: MarkerIndex,
    evidence: _Evidence,
    reasons: tuple[str, ...],
    notes: tuple[str, ...],
) -> Judgement:
    stopping = [reason for reason in reasons if reason not in ADVISORY]
    if verdict.label == UNKNOWN_LABEL or (stopping and ABSENT.issuperset(stopping) and verdict.source == "offline"):
        status: Status = "unknown"
    else:
        status = "flagged" if stopping else "supported"
    present = {gene.symbol for gene in cluster.genes}
    kind = index.types.get(term or verdict.label)
    validation = Validation(
        is_supported=status == "supported",
        supporting_markers=tuple(sorted(evidence.support, key=lambda gene: (-evidence.support[gene], gene))),
        missing_markers=tuple(g for g in kind.canonical if g not in present)[:10] if kind else (),
        contradictory_markers=dict(evidence.contradictory),
        ontology_mismatch="ontology_mismatch" in reasons,
        notes=notes,
        support_count=len(evidence.support),
        flag_reasons=reasons,
    )
    return Judgement(validation, status)
