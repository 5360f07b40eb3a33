"""The offline scorer: from ranked genes to the best justified Cell Ontology term.

A gene contributes its weight times its information to the score of each type that it marks. If the genes cannot
separate the leading types, the answer is their common ancestor. docs/scoring.md has the whole model.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import evolve, frozen

from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.index import MarkerIndex
from gca_scanpy._scoring.weights import Gene, absent_genes, present_genes, weighted_genes
from gca_scanpy.model import Alternative, Candidate, ClusterMarkers, Evidence, Verdict

EXPLAINED = 12  # leading candidates that carry their genes, in addition to the ancestors of the first
SHOWN_ALTERNATIVES, SHOWN_GENES, SHOWN_GENES_OF_ALTERNATIVE = 3, 5, 3

Scored = Sequence[tuple[Gene, Mapping[str, float]]]  # genes with their information for each type that they mark


def rank(cluster: ClusterMarkers, tissues: Sequence[str], index: MarkerIndex) -> tuple[Candidate, ...]:
    """The cell types that any ranked gene of the cluster marks, best first; the leading ones carry their genes.

    Parameters
    ----------
    cluster
        Ranked genes with canonical symbols.
    tissues
        Canonical tissues, empty if unknown. They shift the scores but never exclude a type.
    """
    genes = _ClusterGenes.of(cluster, index)
    scores = _scores(genes, tissues, index)
    if not scores:
        return ()
    shares = _softmax([score for score, _ in scores])
    # Only these can be the answer or be displayed; evidence for all the others would take most of the time.
    explained = {key for _, key in scores[:EXPLAINED]}.union(index.ancestors(scores[0][1]))
    return tuple(
        Candidate(
            label=index.types[key].label,
            ontology_id=index.types[key].id,
            score=round(score, 4),
            probability=round(share, 6),
            supporting=_supporting(key, genes) if key in explained else (),
            contradicting=_contradicting(key, genes, index) if key in explained else (),
        )
        for (score, key), share in zip(scores, shares)
    )


@frozen
class _ClusterGenes:
    """The recognized genes of a cluster.

    Attributes
    ----------
    ranked, present
        Genes with their information.
    expressed
        Ranked and present genes by symbol. As a negative marker a present gene has its full weight, because it
        contradicts a type whether or not other clusters express it too.
    absent
        Genes that the cells lack, by symbol.
    evidence
        Sum of the contributions of the ranked genes, by type.
    """

    ranked: Scored
    present: Scored
    expressed: Mapping[str, Gene]
    absent: Mapping[str, Gene]
    evidence: Mapping[str, float]

    @classmethod
    def of(cls, cluster: ClusterMarkers, index: MarkerIndex) -> _ClusterGenes:
        weighted, widely = weighted_genes(cluster), present_genes(cluster)
        full = (evolve(gene, weight=gene.weight / numbers.NUMBERS.present_weight) for gene in widely)
        ranked = _scored(weighted, index)
        return cls(
            ranked=ranked,
            present=_scored(widely, index),
            expressed={gene.symbol: gene for gene in (*weighted, *full)},
            absent={gene.symbol: gene for gene in absent_genes(cluster)},
            evidence=_evidence(ranked),
        )


def _scored(genes: Iterable[Gene], index: MarkerIndex) -> Scored:
    return [(gene, index.hits[gene.symbol]) for gene in genes if gene.symbol in index.hits]


def _scores(genes: _ClusterGenes, tissues: Sequence[str], index: MarkerIndex) -> list[tuple[float, str]]:
    """The score of each type that a ranked gene marks, with its key, best first."""
    used = numbers.NUMBERS
    present, absent = _evidence(genes.present), _absent_evidence(genes.absent.values(), index)
    order = {symbol: place for place, symbol in enumerate(genes.expressed)}
    scores = []
    for key, ranked in genes.evidence.items():
        cell_type = index.types[key]
        limit = used.max_expression_part * ranked
        evidence = ranked + (min(present.get(key, 0.0), limit) - min(absent.get(key, 0.0), limit))
        score = evidence * _tissue_factor(cell_type.tissues, tissues) * (1 + used.per_source * cell_type.n_sources)
        negative = [symbol for symbol in cell_type.negative if symbol in genes.expressed]
        if negative:  # in the order of the genes, because the last digits of a sum depend on the order
            score -= sum(_penalty(genes.expressed[symbol], index) for symbol in sorted(negative, key=order.__getitem__))
        scores.append((score, key))
    return sorted(scores, key=lambda item: (-item[0], item[1]))


def _softmax(scores: Sequence[float]) -> list[float]:
    """Scores, best first, as shares of one."""
    exponentials = [math.exp((score - scores[0]) / numbers.NUMBERS.temperature) for score in scores]
    total = sum(exponentials)
    return [value / total for value in exponentials]


def _evidence(genes: Scored) -> dict[str, float]:
    """The sum of the contributions of some genes, by type."""
    evidence: dict[str, float] = {}
    for gene, information in genes:
        for key, nats in information.items():
            evidence[key] = evidence.get(key, 0.0) + round(gene.weight * nats, 4)
    return evidence


def _absent_evidence(absent: Iterable[Gene], index: MarkerIndex) -> dict[str, float]:
    """What absent genes would contribute to the types whose own canonical markers they are."""
    evidence: dict[str, float] = {}
    for gene in absent:
        for key, nats in index.hits.own(gene.symbol, numbers.NUMBERS.canonical, gene.weight).items():
            evidence[key] = evidence.get(key, 0.0) + nats
    return evidence


def _supporting(key: str, genes: _ClusterGenes) -> tuple[Evidence, ...]:
    ranked, present = (
        [Evidence(gene.name, round(gene.weight * nats[key], 4)) for gene, nats in scored if key in nats]
        for scored in (genes.ranked, genes.present)
    )
    return _strongest((*ranked, *_limited(present, genes.evidence[key])))


def _contradicting(key: str, genes: _ClusterGenes, index: MarkerIndex) -> tuple[Evidence, ...]:
    cell_type, canonical = index.types[key], numbers.NUMBERS.canonical
    negative = [
        Evidence(genes.expressed[symbol].name, -_penalty(genes.expressed[symbol], index))
        for symbol in cell_type.negative
        if symbol in genes.expressed
    ]
    absent = [
        Evidence(gene.name, -index.hits.own(gene.symbol, canonical, gene.weight)[key])
        for gene in (genes.absent[symbol] for symbol in cell_type.positive if symbol in genes.absent)
        if cell_type.positive[gene.symbol] >= canonical
    ]
    return _strongest((*negative, *_limited(absent, genes.evidence[key])))


def _limited(evidence: Sequence[Evidence], ranked: float) -> Iterator[Evidence]:
    """The evidence of unranked genes, scaled down to the part of the ranked genes' evidence that it may have."""
    total = abs(sum(e.contribution for e in evidence))
    scale = min(1.0, numbers.NUMBERS.max_expression_part * ranked / total) if total else 1.0
    return (Evidence(e.gene, round(e.contribution * scale, 4)) for e in evidence)


def _penalty(gene: Gene, index: MarkerIndex) -> float:
    """What a gene subtracts from the score of a type of which it is a negative marker."""
    used = numbers.NUMBERS
    best = max(index.hits.get(gene.symbol, {}).values(), default=used.negative_information)
    return round(used.negative_factor * gene.weight * best, 4)


def _tissue_factor(types: frozenset[str], tissues: Sequence[str]) -> float:
    if not tissues or not types:
        return 1.0
    return numbers.NUMBERS.in_tissue if types.intersection(tissues) else numbers.NUMBERS.out_of_tissue


def _strongest(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    return tuple(sorted(evidence, key=lambda e: (-abs(e.contribution), e.gene)))


def choose(candidates: Sequence[Candidate], index: MarkerIndex) -> Candidate:
    """The best candidate if it has most of the evidence, else its nearest ancestor whose subtypes together have."""
    used, best = numbers.NUMBERS, candidates[0]
    if best.probability >= used.min_own_share or best.ontology_id is None:
        return best
    by_id = {c.ontology_id: c for c in candidates if c.ontology_id is not None}
    shares: dict[str, float] = {}  # of each term with its subtypes
    for term, candidate in by_id.items():
        # Two lineages that exclude each other are a mixture, which their common ancestor does not describe.
        if candidate.probability < used.negligible_share or index.lineages.disjoint(best.ontology_id, term):
            continue
        for key in (term, *index.ancestors(term)):
            shares[key] = shares.get(key, 0.0) + candidate.probability
    for ancestor in index.ancestors(best.ontology_id):
        if shares.get(ancestor, 0.0) >= used.min_family_share and ancestor in by_id and by_id[ancestor].score > 0:
            return by_id[ancestor]
    return best


def features(
    candidate: Candidate, cluster: ClusterMarkers, index: MarkerIndex, candidates: Sequence[Candidate] = ()
) -> tuple[float, float, float, float]:
    """The features of the confidence for a candidate with a positive score; the first, 1, is the intercept's.

    The others are the log of its score; the log of the weight of all recognized genes, because more genes reach a
    score by chance; and the score of the best candidate of a disjoint lineage relative to its own, 0 to 1.
    """
    recognized = sum(gene.weight for gene in weighted_genes(cluster) if gene.symbol in index.hits)
    disjoint = (c.score for c in candidates if index.lineages.disjoint(candidate.ontology_id, c.ontology_id))
    rival = min(max(next(disjoint, 0.0) / candidate.score, 0.0), 1.0)
    return 1.0, math.log(candidate.score), math.log(max(recognized, numbers.NUMBERS.min_recognized)), rival


def confidence(
    candidate: Candidate, candidates: Sequence[Candidate], cluster: ClusterMarkers, index: MarkerIndex
) -> float:
    """Probability that the lineage of a candidate is right, 0 to 1."""
    if candidate.score <= 0:
        return 0.0
    return round(_logistic(numbers.NUMBERS.confidence, features(candidate, cluster, index, candidates)), 4)


def beyond_chance(candidate: Candidate, cluster: ClusterMarkers, index: MarkerIndex) -> bool:
    """Whether random genes would rarely reach this score, whatever else the cluster may be."""
    if candidate.score <= 0:
        return False
    used = numbers.NUMBERS
    return _logistic(used.beyond_chance, features(candidate, cluster, index)) >= used.min_confidence


def _logistic(slopes: Sequence[float], values: Sequence[float]) -> float:
    """The logistic function of a weighted sum. Not SciPy's expit: its import takes a tenth of an offline call."""
    return 1.0 / (1.0 + math.exp(-sum(slope * value for slope, value in zip(slopes, values))))


def propose(cluster: ClusterMarkers, candidates: Sequence[Candidate], index: MarkerIndex) -> Verdict:
    """The scorer's verdict: the best justified term, or Unknown if no gene marks a type."""
    if not candidates or candidates[0].score <= 0:
        return Verdict(
            cluster.cluster_id,
            UNKNOWN_LABEL,
            None,
            0.0,
            "offline",
            "No gene of this cluster marks a cell type of the database.",
        )
    chosen = choose(candidates, index)
    genes = [e.gene for e in chosen.supporting]
    return Verdict(
        cluster_id=cluster.cluster_id,
        label=chosen.label,
        ontology_id=chosen.ontology_id,
        confidence_score=confidence(candidates[0], candidates, cluster, index),
        source="offline",
        rationale=f"{len(genes)} marker genes are known for {chosen.label}: {', '.join(genes[:SHOWN_GENES])}.",
        alternatives=_alternatives(candidates, chosen),
        markers=tuple(genes),
    )


def _alternatives(candidates: Sequence[Candidate], chosen: Candidate) -> tuple[Alternative, ...]:
    others = [c for c in candidates[: SHOWN_ALTERNATIVES + 1] if c is not chosen]
    return tuple(Alternative(c.label, _share_and_genes(c), c.ontology_id) for c in others[:SHOWN_ALTERNATIVES])


def _share_and_genes(candidate: Candidate) -> str:
    genes = ", ".join(e.gene for e in candidate.supporting[:SHOWN_GENES_OF_ALTERNATIVE])
    return f"{candidate.probability:.0%} of the evidence, from {genes}"
