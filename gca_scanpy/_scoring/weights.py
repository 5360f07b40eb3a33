"""The genes of a cluster, with the weight of what each of them says."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from gca_scanpy._scoring.states import damping
from gca_scanpy._steps import ClusterMarkers, RankedGene

RANK_HALF = 25  # rank at which a gene's weight has fallen to a half
BY_EXPRESSION = 0.85  # weight of what the cells express, where a ranking of another kind stands beside it
PRESENT = 0.3  # weight of a gene that the cells widely express, though not more than other clusters do
ABSENT = 0.3  # weight of a marker that they lack


@frozen
class Gene:
    """A recognized gene of a cluster, with its weight."""

    name: str
    symbol: str
    weight: float


def weighted_genes(cluster: ClusterMarkers) -> tuple[Gene, ...]:
    """The ranked genes of a cluster, each once: weighted by rank, averaged over the orders there are."""
    both = cluster.genes and cluster.expressed
    shares = (1 - BY_EXPRESSION, BY_EXPRESSION) if both else (1.0, 1.0)
    names: dict[str, str] = {}
    weights: dict[str, float] = {}
    for order, share in zip((cluster.genes, cluster.expressed), shares):
        seen: set[str] = set()
        for rank, gene in enumerate(order):
            if gene.symbol is not None and gene.symbol not in seen:
                seen.add(gene.symbol)
                names.setdefault(gene.symbol, gene.name)
                weight = damping(gene.symbol) * RANK_HALF / (RANK_HALF + rank) * share
                weights[gene.symbol] = weights.get(gene.symbol, 0.0) + weight
    return tuple(Gene(names[symbol], symbol, weight) for symbol, weight in weights.items())


def present_genes(cluster: ClusterMarkers) -> tuple[Gene, ...]:
    """The genes that the cells widely express, but for the ranked ones."""
    return _beside(cluster.present, cluster, PRESENT)


def absent_genes(cluster: ClusterMarkers) -> tuple[Gene, ...]:
    """The genes that the cells lack; a name that is also ranked is another gene of the same symbol."""
    return _beside(cluster.absent, cluster, ABSENT)


def _beside(genes: Iterable[RankedGene], cluster: ClusterMarkers, weight: float) -> tuple[Gene, ...]:
    ranked = {gene.symbol for gene in (*cluster.genes, *cluster.expressed)}
    names: dict[str, str] = {}
    for gene in genes:
        if gene.symbol is not None and gene.symbol not in ranked:
            names.setdefault(gene.symbol, gene.name)
    return tuple(Gene(name, symbol, weight * damping(symbol)) for symbol, name in names.items())
