"""The offline scorer: from ranked genes to the best justified Cell Ontology term.

A type's score is the sum, over the cluster's genes, of the log odds that the gene is one of that type's markers,
weighted by rank. Where the leading types cannot be told apart, the answer is their common ancestor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from attrs import frozen

from gca_scanpy._core.index import MarkerIndex
from gca_scanpy._core.states import damping
from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy.model import Alternative, Candidate, ClusterMarkers, Evidence, Verdict

RANK_HALF = 25  # rank at which a gene's weight has fallen to a half
AGAINST = 1.0  # nats that a negative marker at rank 1 takes away
IN_TISSUE, OUT_OF_TISSUE = 0.6, -1.2  # log prior of a type that belongs to the tissue, or only to others
TEMPERATURE = 1.2  # marker genes come in modules, so their evidence is not independent
MIN_CONFIDENCE = 0.2  # below it the evidence is no better than chance
SEPARATED = 0.5  # share of the evidence that a term must hold before one goes down to it
N_CANDIDATES = 8
CHANCE, CHANCE_PER_GENE = 3.0, 0.12  # score that the best type of random genes reaches, by recognised genes


@frozen
class Gene:
    """A recognised gene of a cluster, with the weight of its rank."""

    name: str
    symbol: str
    weight: float


def weighted_genes(cluster: ClusterMarkers) -> tuple[Gene, ...]:
    """The mapped genes of a cluster, each once, with their weights."""
    seen: dict[str, Gene] = {}
    for rank, gene in enumerate(cluster.genes):
        if gene.symbol is not None and gene.symbol not in seen:
            weight = damping(gene.symbol) * RANK_HALF / (RANK_HALF + rank)
            seen[gene.symbol] = Gene(gene.name, gene.symbol, weight)
    return tuple(seen.values())


def rank(cluster: ClusterMarkers, tissues: Sequence[str], index: MarkerIndex) -> tuple[Candidate, ...]:
    """The cell types that any gene of the cluster marks, best first.

    Parameters
    ----------
    cluster
        Ranked genes with canonical symbols.
    tissues
        Canonical tissues, empty where unknown. A prior, never a wall.
    """
    supporting: dict[str, list[Evidence]] = {}
    genes = weighted_genes(cluster)
    for gene in genes:
        for key, log_odds in index.hits.get(gene.symbol, {}).items():
            supporting.setdefault(key, []).append(Evidence(gene.name, round(gene.weight * log_odds, 4)))
    found = []
    for key, evidence in supporting.items():
        kind = index.types[key]
        against = [Evidence(g.name, round(-AGAINST * g.weight, 4)) for g in genes if g.symbol in kind.negative]
        prior = _tissue_prior(kind.tissues, tissues)
        score = sum(e.contribution for e in evidence) + sum(e.contribution for e in against) + prior
        found.append((score, key, evidence, against))
    found.sort(key=lambda item: (-item[0], item[1]))
    if not found:
        return ()
    top = found[0][0]
    total = sum(math.exp((score - top) / TEMPERATURE) for score, *_ in found)
    return tuple(
        Candidate(
            label=index.types[key].label,
            ontology_id=index.types[key].id,
            score=round(score, 4),
            probability=round(math.exp((score - top) / TEMPERATURE) / total, 6),
            supporting=_strongest(evidence),
            contradicting=_strongest(against),
        )
        for score, key, evidence, against in found
    )


def _tissue_prior(types: frozenset[str], tissues: Sequence[str]) -> float:
    if not tissues or not types:
        return 0.0
    return IN_TISSUE if types.intersection(tissues) else OUT_OF_TISSUE


def _strongest(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    return tuple(sorted(evidence, key=lambda e: (-abs(e.contribution), e.gene)))


def choose(candidates: Sequence[Candidate], index: MarkerIndex) -> Candidate:
    """The deepest term that holds most of the evidence, itself and its subtypes together."""
    best = candidates[0]
    if best.probability >= SEPARATED or best.ontology_id is None:
        return best
    by_id = {c.ontology_id: c for c in candidates if c.ontology_id is not None}
    mass: dict[str, float] = {}
    for candidate in by_id.values():
        for key in (candidate.ontology_id, *index.ancestors(candidate.ontology_id or "")):
            mass[key or ""] = mass.get(key or "", 0.0) + candidate.probability
    for ancestor in index.ancestors(best.ontology_id):
        if mass[ancestor] >= SEPARATED and ancestor in by_id and by_id[ancestor].score > 0:
            return by_id[ancestor]
    return best


def beyond_chance(candidate: Candidate, cluster: ClusterMarkers, index: MarkerIndex) -> float:
    """Score of a candidate over what the best type of as many random genes reaches; 1 is chance."""
    recognised = sum(1 for gene in cluster.genes if gene.symbol in index.hits)
    return candidate.score / (CHANCE + CHANCE_PER_GENE * recognised)


def confidence(candidate: Candidate, candidates: Sequence[Candidate], cluster: ClusterMarkers, index: MarkerIndex) -> float:
    """Probability that the lineage of a candidate is right, 0 to 1."""
    lineage = index.lineages.lineage(candidate.ontology_id)
    agreeing = sum(c.probability for c in candidates if index.lineages.lineage(c.ontology_id) == lineage)
    excess = beyond_chance(candidate, cluster, index) - 1.0
    return round(agreeing / (1.0 + math.exp(-2.5 * excess)), 4)


def propose(cluster: ClusterMarkers, candidates: Sequence[Candidate], index: MarkerIndex) -> Verdict:
    """The scorer's verdict: the best justified term, or Unknown where no gene marks anything."""
    if not candidates or candidates[0].score <= 0:
        return Verdict(cluster.cluster_id, UNKNOWN_LABEL, None, 0.0, "offline", "No gene of this cluster marks a cell type of the database.")
    chosen = choose(candidates, index)
    names = [e.gene for e in chosen.supporting]
    others = tuple(
        Alternative(c.label, f"{c.probability:.0%} of the evidence, from {', '.join(e.gene for e in c.supporting[:3])}", c.ontology_id)
        for c in candidates[:4]
        if c is not chosen
    )[:3]
    return Verdict(
        cluster_id=cluster.cluster_id,
        label=chosen.label,
        ontology_id=chosen.ontology_id,
        confidence_score=confidence(chosen, candidates, cluster, index),
        source="offline",
        rationale=f"{len(names)} of {len(cluster.genes)} marker genes are known for {chosen.label}: {', '.join(names[:5])}.",
        alternatives=others,
        markers=tuple(names),
    )
