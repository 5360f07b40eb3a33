"""The genes of a cluster with their weights."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.states import damping
from gca_scanpy._steps import ClusterMarkers, RankedGene


@frozen
class Gene:
    """A gene with a symbol and a weight."""

    name: str
    symbol: str
    weight: float


@frozen
class Weights:
    """The recognized genes of a cluster.

    Attributes
    ----------
    ranked
        Its ranked genes.
    present
        Genes that its cells widely express, except for the ranked ones.
    absent
        Genes that its cells lack.
    """

    ranked: tuple[Gene, ...]
    present: tuple[Gene, ...]
    absent: tuple[Gene, ...]

    @classmethod
    def of(cls, cluster: ClusterMarkers) -> Weights:
        """Weigh the genes of a cluster."""
        return cls(_ranked(cluster), _present(cluster), _absent(cluster))


def _ranked(cluster: ClusterMarkers) -> tuple[Gene, ...]:
    """The ranked genes of a cluster, each once: weighted by rank, averaged over the rankings that there are."""
    half, share = numbers.NUMBERS.rank_half, numbers.NUMBERS.t_test_share
    level_exponent = numbers.NUMBERS.level_exponent
    shares = (1 - share, share) if cluster.genes and cluster.expressed else (1.0, 1.0)
    names: dict[str, str] = {}
    weights: dict[str, float] = {}
    for ranking, part in zip((cluster.genes, cluster.expressed), shares):
        seen: set[str] = set()
        for rank, gene in enumerate(ranking):
            if gene.symbol is not None and gene.symbol not in seen:
                seen.add(gene.symbol)
                names.setdefault(gene.symbol, gene.name)
                weight = damping(gene.symbol) * half / (half + rank) * part * gene.level**level_exponent
                weights[gene.symbol] = weights.get(gene.symbol, 0.0) + weight
    return tuple(Gene(names[symbol], symbol, weight) for symbol, weight in weights.items())


def _present(cluster: ClusterMarkers) -> tuple[Gene, ...]:
    """The genes that the cells widely express, without the ranked ones."""
    return _unranked(cluster.present, cluster, numbers.NUMBERS.present_weight)


def _absent(cluster: ClusterMarkers) -> tuple[Gene, ...]:
    """The genes that the cells lack, without symbols that are also ranked: those are of another gene."""
    return _unranked(cluster.absent, cluster, numbers.NUMBERS.absent_weight)


def _unranked(genes: Iterable[RankedGene], cluster: ClusterMarkers, weight: float) -> tuple[Gene, ...]:
    ranked = {gene.symbol for gene in (*cluster.genes, *cluster.expressed)}
    names: dict[str, str] = {}
    for gene in genes:
        if gene.symbol is not None and gene.symbol not in ranked:
            names.setdefault(gene.symbol, gene.name)
    return tuple(Gene(name, symbol, weight * damping(symbol)) for symbol, name in names.items())
