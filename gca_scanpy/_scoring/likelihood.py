"""The offline scorer: from ranked genes to the best justified Cell Ontology term.

A type's score is the sum, over the cluster's genes, of what the gene tells for that type, weighted by rank. Where the
leading types cannot be told apart, the answer is their common ancestor.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import evolve

from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.index import MarkerIndex
from gca_scanpy._scoring.weights import Gene, absent_genes, present_genes, weighted_genes
from gca_scanpy.model import Alternative, Candidate, ClusterMarkers, Evidence, Verdict

EXPLAINED = 12  # leading candidates that carry their genes, in addition to the ancestors of the first

Telling = Sequence[tuple[Gene, Mapping[str, float]]]  # genes with what each tells for each type


def rank(cluster: ClusterMarkers, tissues: Sequence[str], index: MarkerIndex) -> tuple[Candidate, ...]:
    """The cell types that any gene of the cluster marks, best first; the leading ones carry their genes.

    Parameters
    ----------
    cluster
        Ranked genes with canonical symbols.
    tissues
        Canonical tissues, empty where unknown. A prior, never a wall.
    """
    used = numbers.NUMBERS
    genes, present, absent = weighted_genes(cluster), present_genes(cluster), absent_genes(cluster)
    telling, widely = (
        [(gene, index.hits[gene.symbol]) for gene in some if gene.symbol in index.hits] for some in (genes, present)
    )
    told, beside = _told(telling), _told(widely)
    lacking = _lacking(absent, index)
    # What a type must not have speaks against it wherever it is expressed, whether or not other clusters have it, too.
    negative = (*genes, *(evolve(gene, weight=gene.weight / used.present_weight) for gene in present))
    speaking = {gene.symbol: gene for gene in negative}
    places = {symbol: place for place, symbol in enumerate(speaking)}
    lacked = {gene.symbol: gene for gene in absent}
    found = []
    for key, nats in told.items():
        kind = index.types[key]
        most = used.max_expression_part * nats
        nats += min(beside.get(key, 0.0), most) - min(lacking.get(key, 0.0), most)
        score = nats * _tissue_factor(kind.tissues, tissues) * (1 + used.per_source * kind.n_sources)
        against = [symbol for symbol in kind.negative if symbol in speaking]
        if against:  # in the order of the genes: the last digits of a sum hang on it
            score -= sum(_against(speaking[symbol], index) for symbol in sorted(against, key=places.__getitem__))
        found.append((score, key))
    found.sort(key=lambda item: (-item[0], item[1]))
    if not found:
        return ()
    top = found[0][0]
    total = sum(math.exp((score - top) / used.temperature) for score, _ in found)
    # Those that can be the answer or be shown; objects for the genes of all the others would take most of the time.
    explained = {key for _, key in found[:EXPLAINED]}.union(index.ancestors(found[0][1]))
    return tuple(
        Candidate(
            label=index.types[key].label,
            ontology_id=index.types[key].id,
            score=round(score, 4),
            probability=round(math.exp((score - top) / used.temperature) / total, 6),
            supporting=_supporting(key, telling, widely, told[key]) if key in explained else (),
            contradicting=_contradicting(key, speaking, lacked, told[key], index) if key in explained else (),
        )
        for score, key in found
    )


def _told(telling: Telling) -> dict[str, float]:
    """What genes tell for each type together."""
    told: dict[str, float] = {}
    for gene, tells in telling:
        for key, nats in tells.items():
            told[key] = told.get(key, 0.0) + round(gene.weight * nats, 4)
    return told


def _lacking(absent: Iterable[Gene], index: MarkerIndex) -> dict[str, float]:
    """What absent genes would tell for the types whose own well-founded markers they are."""
    told: dict[str, float] = {}
    for gene in absent:
        for key, nats in index.hits.owned(gene.symbol, numbers.NUMBERS.canonical, gene.weight).items():
            told[key] = told.get(key, 0.0) + nats
    return told


def _supporting(key: str, telling: Telling, widely: Telling, told: float) -> tuple[Evidence, ...]:
    ranked, beside = (
        [Evidence(gene.name, round(gene.weight * tells[key], 4)) for gene, tells in some if key in tells]
        for some in (telling, widely)
    )
    return _strongest((*ranked, *_bounded(beside, told)))


def _contradicting(
    key: str, speaking: Mapping[str, Gene], absent: Mapping[str, Gene], told: float, index: MarkerIndex
) -> tuple[Evidence, ...]:
    kind = index.types[key]
    against = [
        Evidence(speaking[symbol].name, -_against(speaking[symbol], index))
        for symbol in kind.negative
        if symbol in speaking
    ]
    lacking = [
        Evidence(gene.name, -index.hits.owned(gene.symbol, numbers.NUMBERS.canonical, gene.weight)[key])
        for gene in (absent[symbol] for symbol in kind.positive if symbol in absent)
        if kind.positive[gene.symbol] >= numbers.NUMBERS.canonical
    ]
    return _strongest((*against, *_bounded(lacking, told)))


def _bounded(evidence: Sequence[Evidence], told: float) -> Iterator[Evidence]:
    """Evidence of genes beside the ranking, scaled down to the part that it may have."""
    total = abs(sum(e.contribution for e in evidence))
    share = min(1.0, numbers.NUMBERS.max_expression_part * told / total) if total else 1.0
    return (Evidence(e.gene, round(e.contribution * share, 4)) for e in evidence)


def _against(gene: Gene, index: MarkerIndex) -> float:
    """A negative marker takes away a part of what it tells for the type that it is best for."""
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
    """The deepest term that holds most of the evidence, itself and its subtypes together."""
    used, best = numbers.NUMBERS, candidates[0]
    if best.probability >= used.min_own_share or best.ontology_id is None:
        return best
    by_id = {c.ontology_id: c for c in candidates if c.ontology_id is not None}
    mass: dict[str, float] = {}
    for candidate in by_id.values():
        # Lineages that exclude each other are no family: two of them are a mixture, not their common ancestor.
        if candidate.probability < used.negligible_share or index.lineages.disjoint(
            best.ontology_id, candidate.ontology_id
        ):
            continue
        for key in (candidate.ontology_id, *index.ancestors(candidate.ontology_id or "")):
            mass[key or ""] = mass.get(key or "", 0.0) + candidate.probability
    for ancestor in index.ancestors(best.ontology_id):
        if mass.get(ancestor, 0.0) >= used.min_family_share and ancestor in by_id and by_id[ancestor].score > 0:
            return by_id[ancestor]
    return best


def features(
    candidate: Candidate, cluster: ClusterMarkers, index: MarkerIndex, candidates: Sequence[Candidate] = ()
) -> tuple[float, float, float, float]:
    """The features of the confidence, for a candidate with a positive score; the first is the intercept's.

    The others are the log of its score, the log of the weight of all recognized genes (more genes reach a score by
    chance), and the score of the best of some candidates whose lineage is disjoint, relative to its own, 0 to 1.
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
    """The scorer's verdict: the best justified term, or Unknown where no gene marks anything."""
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
    names = [e.gene for e in chosen.supporting]
    others = tuple(
        Alternative(
            c.label,
            f"{c.probability:.0%} of the evidence, from {', '.join(e.gene for e in c.supporting[:3])}",
            c.ontology_id,
        )
        for c in candidates[:4]
        if c is not chosen
    )[:3]
    return Verdict(
        cluster_id=cluster.cluster_id,
        label=chosen.label,
        ontology_id=chosen.ontology_id,
        confidence_score=confidence(candidates[0], candidates, cluster, index),
        source="offline",
        rationale=f"{len(names)} marker genes are known for {chosen.label}: {', '.join(names[:5])}.",
        alternatives=others,
        markers=tuple(names),
    )
