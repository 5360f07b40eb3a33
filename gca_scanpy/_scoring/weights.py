"""The genes of a cluster with their weights."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from attrs import frozen

from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.states import States, is_generic, states
from gca_scanpy._steps import ClusterMarkers, RankedGene


@frozen
class Gene:
    """A gene with a symbol and a weight."""

    name: str
    symbol: str
    weight: float


@lru_cache(maxsize=100_000)  # the same thousands of genes in cluster after cluster
def gene_of(name: str, symbol: str, weight: float) -> Gene:
    """A gene, the same object if it was made before."""
    return Gene(name, symbol, weight)


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
    states
        The states of its cells, with their genes.
    """

    ranked: tuple[Gene, ...]
    present: tuple[Gene, ...]
    absent: tuple[Gene, ...]
    states: States

    @classmethod
    def of(cls, cluster: ClusterMarkers) -> Weights:
        """Weigh the genes of a cluster."""
        held = states(gene.symbol for gene in (cluster.genes or cluster.expressed) if gene.symbol)
        return cls(_ranked(cluster, held), _present(cluster, held), _absent(cluster, held), held)

    @property
    def free(self) -> tuple[Gene, ...]:
        """The ranked genes that no state explains."""
        return tuple(gene for gene in self.ranked if gene.symbol not in self.states.bound)


def _damping(symbol: str, held: States) -> float:
    """The factor of a gene's weight: 1, or less for the genes of a state that holds and for those of all cells."""
    if symbol in held.bound:
        return numbers.NUMBERS.state_weight
    return numbers.NUMBERS.generic_weight if is_generic(symbol) else 1.0


def _ranked(cluster: ClusterMarkers, held: States) -> tuple[Gene, ...]:
    """The ranked genes of a cluster, each once: weighted by rank, averaged over the rankings that there are."""
    half, share = numbers.NUMBERS.rank_half, numbers.NUMBERS.t_test_share
    level_exponent = numbers.NUMBERS.level_exponent
    shares = (1 - share, share) if cluster.genes and cluster.expressed else (1.0, 1.0)
    names: dict[str, str] = {}
    weights: dict[str, float] = {}
    for ranking, part in zip((cluster.genes, cluster.expressed), shares):
        seen: set[str] = set()
        passed = 0  # genes of a state, before which the others do not stand back
        for rank, gene in enumerate(ranking):
            if gene.symbol is not None and gene.symbol not in seen:
                seen.add(gene.symbol)
                names.setdefault(gene.symbol, gene.name)
                weight = _damping(gene.symbol, held) * half / (half + rank - passed) * part
                weight *= gene.level**level_exponent
                weights[gene.symbol] = weights.get(gene.symbol, 0.0) + weight
                passed += gene.symbol in held.bound
    return tuple(Gene(names[symbol], symbol, weight) for symbol, weight in weights.items())


def _present(cluster: ClusterMarkers, held: States) -> tuple[Gene, ...]:
    """The genes that the cells widely express, without the ranked ones."""
    return _unranked(cluster.present, cluster, numbers.NUMBERS.present_weight, held)


def _absent(cluster: ClusterMarkers, held: States) -> tuple[Gene, ...]:
    """The genes that the cells lack, without symbols that are also ranked: those are of another gene."""
    return _unranked(cluster.absent, cluster, numbers.NUMBERS.absent_weight, held)


def _unranked(genes: Iterable[RankedGene], cluster: ClusterMarkers, weight: float, held: States) -> tuple[Gene, ...]:
    ranked = {gene.symbol for gene in (*cluster.genes, *cluster.expressed)}
    names: dict[str, str] = {}
    for gene in genes:
        if gene.symbol is not None and gene.symbol not in ranked:
            names.setdefault(gene.symbol, gene.name)
    return tuple(gene_of(name, symbol, weight * _damping(symbol, held)) for symbol, name in names.items())
