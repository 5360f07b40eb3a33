"""The genes of a cluster, with the weight of what each of them says."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.states import damping
from gca_scanpy.model import ClusterMarkers, RankedGene


@frozen
class Gene:
    """A recognized gene of a cluster, with its weight."""

    name: str
    symbol: str
    weight: float


def weighted_genes(cluster: ClusterMarkers) -> tuple[Gene, ...]:
    """The ranked genes of a cluster, each once: weighted by rank, averaged over the orders there are."""
    both = cluster.genes and cluster.expressed
    half, tested = numbers.NUMBERS.rank_half, numbers.NUMBERS.t_test_share
    shares = (1 - tested, tested) if both else (1.0, 1.0)
    names: dict[str, str] = {}
    weights: dict[str, float] = {}
    for order, share in zip((cluster.genes, cluster.expressed), shares):
        seen: set[str] = set()
        for rank, gene in enumerate(order):
            if gene.symbol is not None and gene.symbol not in seen:
                seen.add(gene.symbol)
                names.setdefault(gene.symbol, gene.name)
                weight = damping(gene.symbol) * half / (half + rank) * share
                weights[gene.symbol] = weights.get(gene.symbol, 0.0) + weight
    return tuple(Gene(names[symbol], symbol, weight) for symbol, weight in weights.items())


def present_genes(cluster: ClusterMarkers) -> tuple[Gene, ...]:
    """The genes that the cells widely express, but for the ranked ones."""
    return _beside(cluster.present, cluster, numbers.NUMBERS.present_weight)


def absent_genes(cluster: ClusterMarkers) -> tuple[Gene, ...]:
    """The genes that the cells lack; a name that is also ranked is another gene of the same symbol."""
    return _beside(cluster.absent, cluster, numbers.NUMBERS.absent_weight)


def _beside(genes: Iterable[RankedGene], cluster: ClusterMarkers, weight: float) -> tuple[Gene, ...]:
    ranked = {gene.symbol for gene in (*cluster.genes, *cluster.expressed)}
    names: dict[str, str] = {}
    for gene in genes:
        if gene.symbol is not None and gene.symbol not in ranked:
            names.setdefault(gene.symbol, gene.name)
    return tuple(Gene(name, symbol, weight * damping(symbol)) for symbol, name in names.items())
