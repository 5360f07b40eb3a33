"""The offline scorer: from ranked genes to the best justified Cell Ontology term.

A type's score is the sum, over the cluster's genes, of what the gene tells for that type, weighted by rank. Where the
leading types cannot be told apart, the answer is their common ancestor.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import evolve

from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._scoring.index import CANONICAL, MarkerIndex
from gca_scanpy._scoring.weights import PRESENT, Gene, absent_genes, present_genes, weighted_genes
from gca_scanpy._steps import ClusterMarkers, Verdict
from gca_scanpy.model import Alternative, Candidate, Evidence

MOST_BESIDE = 0.5  # part of what the ranked genes tell that present genes may add, and absent ones take away
AGAINST = 0.75  # part of what a gene tells that it takes away where it is a negative marker
IN_TISSUE, OUT_OF_TISSUE = 1.1, 0.7  # factor for a type that belongs to the tissue, or only to others
KNOWN = 0.05  # more for a type for every source that has it, too: labs name the common types more often than the rare
TEMPERATURE = 1.0  # nats; how sharply scores become shares of the evidence
SEPARATED = 0.5  # share of the evidence that a term must hold by itself to be the answer
SHARED = 0.6  # share that an ancestor must hold with its subtypes, where no term does by itself
NEGLIGIBLE = 1e-4  # share of the evidence below which a term is not asked for its lineage
EXPLAINED = 12  # leading candidates that carry their genes, beside the ancestors of the first
MIN_CONFIDENCE = 0.6  # below it the evidence is no better than that of random genes
# Intercept and slopes on log score, log recognized genes and the rival's share; fitted by logistic regression to
# clusters that experts labeled and to random gene lists (docs/scoring.md).
CONFIDENCE = (-7.88, 4.02, -0.47, -2.42)
BEYOND_CHANCE = (-11.26, 5.93, -1.22, 0.0)

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
    genes, present, absent = weighted_genes(cluster), present_genes(cluster), absent_genes(cluster)
    telling, widely = (
        [(gene, index.hits[gene.symbol]) for gene in some if gene.symbol in index.hits] for some in (genes, present)
    )
    told, beside = _told(telling), _told(widely)
    lacking = _lacking(absent, index)
    # What a type must not have speaks against it wherever it is expressed, whether or not other clusters have it, too.
    negative = (*genes, *(evolve(gene, weight=gene.weight / PRESENT) for gene in present))
    speaking = {gene.symbol: gene for gene in negative}
    places = {symbol: place for place, symbol in enumerate(speaking)}
    lacked = {gene.symbol: gene for gene in absent}
    found = []
    for key, nats in told.items():
        kind = index.types[key]
        most = MOST_BESIDE * nats
        nats += min(beside.get(key, 0.0), most) - min(lacking.get(key, 0.0), most)
        score = nats * _tissue_factor(kind.tissues, tissues) * (1 + KNOWN * kind.n_sources)
        against = [symbol for symbol in kind.negative if symbol in speaking]
        if against:  # in the order of the genes: the last digits of a sum hang on it
            score -= sum(_against(speaking[symbol], index) for symbol in sorted(against, key=places.__getitem__))
        found.append((score, key))
    found.sort(key=lambda item: (-item[0], item[1]))
    if not found:
        return ()
    top = found[0][0]
    total = sum(math.exp((score - top) / TEMPERATURE) for score, _ in found)
    # Those that can be the answer or be shown; objects for the genes of all the others would take most of the time.
    explained = {key for _, key in found[:EXPLAINED]}.union(index.ancestors(found[0][1]))
    return tuple(
        Candidate(
            label=index.types[key].label,
            ontology_id=index.types[key].id,
            score=round(score, 4),
            probability=round(math.exp((score - top) / TEMPERATURE) / total, 6),
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
        for key, nats in index.hits.owned(gene.symbol, CANONICAL, gene.weight).items():
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
        Evidence(gene.name, -index.hits.owned(gene.symbol, CANONICAL, gene.weight)[key])
        for gene in (absent[symbol] for symbol in kind.positive if symbol in absent)
        if kind.positive[gene.symbol] >= CANONICAL
    ]
    return _strongest((*against, *_bounded(lacking, told)))


def _bounded(evidence: Sequence[Evidence], told: float) -> Iterator[Evidence]:
    """Evidence of genes beside the ranking, scaled down to the part that it may have."""
    total = abs(sum(e.contribution for e in evidence))
    share = min(1.0, MOST_BESIDE * told / total) if total else 1.0
    return (Evidence(e.gene, round(e.contribution * share, 4)) for e in evidence)


def _against(gene: Gene, index: MarkerIndex) -> float:
    """A negative marker takes away a part of what it tells for the type that it is best for."""
    return round(AGAINST * gene.weight * max(index.hits.get(gene.symbol, {}).values(), default=1.0), 4)


def _tissue_factor(types: frozenset[str], tissues: Sequence[str]) -> float:
    if not tissues or not types:
        return 1.0
    return IN_TISSUE if types.intersection(tissues) else OUT_OF_TISSUE


def _strongest(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    return tuple(sorted(evidence, key=lambda e: (-abs(e.contribution), e.gene)))


def choose(candidates: Sequence[Candidate], index: MarkerIndex) -> Candidate:
    """The deepest term that holds most of the evidence, itself and its subtypes together."""
    best = candidates[0]
    if best.probability >= SEPARATED or best.ontology_id is None:
        return best
    by_id = {c.ontology_id: c for c in candidates if c.ontology_id is not None}
    mass: dict[str, float] = {}
    for candidate in by_id.values():
        # Lineages that exclude each other are no family: two of them are a mixture, not their common ancestor.
        if candidate.probability < NEGLIGIBLE or index.lineages.disjoint(best.ontology_id, candidate.ontology_id):
            continue
        for key in (candidate.ontology_id, *index.ancestors(candidate.ontology_id or "")):
            mass[key or ""] = mass.get(key or "", 0.0) + candidate.probability
    for ancestor in index.ancestors(best.ontology_id):
        if mass.get(ancestor, 0.0) >= SHARED and ancestor in by_id and by_id[ancestor].score > 0:
            return by_id[ancestor]
    return best


def confidence(
    candidate: Candidate, candidates: Sequence[Candidate], cluster: ClusterMarkers, index: MarkerIndex
) -> float:
    """Probability that the lineage of a candidate is right, 0 to 1.

    A logistic function of its score, of the weight of all recognized genes (more genes reach a score by chance),
    and of the best candidate of a disjoint lineage.
    """
    if candidate.score <= 0:
        return 0.0
    disjoint = (c.score for c in candidates if index.lineages.disjoint(candidate.ontology_id, c.ontology_id))
    rival = min(max(next(disjoint, 0.0) / candidate.score, 0.0), 1.0)
    return round(_logistic(CONFIDENCE, candidate, cluster, index, rival), 4)


def beyond_chance(candidate: Candidate, cluster: ClusterMarkers, index: MarkerIndex) -> bool:
    """Whether random genes would rarely reach this score, whatever else the cluster may be."""
    return candidate.score > 0 and _logistic(BEYOND_CHANCE, candidate, cluster, index) >= MIN_CONFIDENCE


def _logistic(
    model: Sequence[float], candidate: Candidate, cluster: ClusterMarkers, index: MarkerIndex, rival: float = 0.0
) -> float:
    recognized = sum(gene.weight for gene in weighted_genes(cluster) if gene.symbol in index.hits)
    features = (1.0, math.log(candidate.score), math.log(max(recognized, 0.1)), rival)
    return 1.0 / (1.0 + math.exp(-sum(slope * feature for slope, feature in zip(model, features))))


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
