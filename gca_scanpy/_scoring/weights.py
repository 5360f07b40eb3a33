"""The genes of a cluster with their weights, which genes of a state have less of.

A state that holds is reported, and its genes alone name no type. What the genes weigh may enter, not what they mark.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from attrs import evolve, field, frozen

from gca_scanpy._names.genes import clean, without_shared
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.programs import PROGRAMS, Program
from gca_scanpy._steps import ClusterMarkers, RankedGene

SHOWN_GENES = 5

_GENERIC = re.compile(
    r"^(RP[LS]\d|RPLP\d|RPSA$|MRP[LS]\d|MT-|MTRNR|MT[12][A-Z]?$|EEF1|HLA-[ABCEFG]$|B2M$|TMSB|ACTB$|ACTG1$|GAPDH$)"
)
_GENERIC_NAMES = frozenset(
    "MALAT1 NEAT1 XIST TSIX FTL FTH1 TPT1 UBA52 FAU NACA GM42418 AY036118 TXNIP UBC UBB PTMA".split()
)
# These can fill a cluster's list, for example in resting lymphocytes, and say nothing of its type.
_HOUSEKEEPING = re.compile(
    r"^(RP[LS]\d|RPLP\d|RPSA$|MRP[LS]\d|MT-|MTRNR|EEF1[ABDG]|PABPC\d|MALAT1$|GM42418$|AY036118$)", re.I
)


@lru_cache(maxsize=100_000)  # the same thousands of genes in cluster after cluster
def is_generic(symbol: str) -> bool:
    """Whether cells of all types express a gene, whatever their state."""
    return symbol.upper() in _GENERIC_NAMES or _GENERIC.match(symbol) is not None


@lru_cache(maxsize=100_000)
def _is_housekeeping(name: str) -> bool:
    return _HOUSEKEEPING.match(clean(name)) is not None


def informative(names: Sequence[str], n: int) -> tuple[str, ...]:
    """The first genes of a list without ribosomal, mitochondrial and similar ones; of the whole list if all are."""
    rest = without_shared(names, len(names))  # with a prefix, RPL3 is housekeeping as well
    kept = [name for name in names if not (_is_housekeeping(name) or _is_housekeeping(rest.get(name, name)))]
    return tuple((kept or list(names))[:n])


@frozen
class States:
    """The states that hold in a cluster.

    Attributes
    ----------
    genes
        The genes that tell each state, in the order of the list; the state with most genes comes first.
    share
        Part of the genes, without ribosomal and similar ones, that belong to these states.
    bound
        Genes that the states explain, so that they speak for a type only beside other genes of it.
    """

    genes: Mapping[str, tuple[str, ...]] = field(factory=dict, hash=False)
    share: float = 0.0
    bound: frozenset[str] = frozenset()

    @property
    def fill_the_list(self) -> bool:
        """Whether most of the genes belong to a state."""
        return self.share >= numbers.NUMBERS.min_state_share

    @property
    def note(self) -> str:
        """What the genes tell instead of a type, if most of them belong to a state; else empty."""
        if not self.fill_the_list:
            return ""
        named = (f"{state} ({', '.join(genes[:SHOWN_GENES])})" for state, genes in self.genes.items())
        return f"the genes tell a state of the cells, not their type: {' and '.join(named)}"


def states(symbols: Iterable[str]) -> States:
    """The states of which enough genes are among the first of these symbols."""
    read = list(dict.fromkeys(symbols))[: numbers.NUMBERS.state_genes_read]
    held = _held(frozenset(read))
    genes = {program.name: tuple(gene for gene in read if gene in program.core) for program in held}
    covered = {gene for program in held for gene in program.genes}
    telling = [gene for gene in read if gene in covered or not is_generic(gene)]
    share = sum(gene in covered for gene in telling) / len(telling) if telling else 0.0
    found = States(genes, round(share, 4), frozenset(gene for names in genes.values() for gene in names))
    return evolve(found, bound=frozenset(covered)) if found.fill_the_list else found


def _held(symbols: frozenset[str]) -> list[Program]:
    """The programs that hold, the one with most genes first; a gene tells only the first of them that has it."""
    held: list[Program] = []
    left, programs = symbols, list(PROGRAMS)
    while programs:
        best = max(programs, key=lambda program: len(program.core & left))
        if len(best.core & left) < numbers.NUMBERS.min_state_genes:
            break
        held.append(best)
        programs.remove(best)
        left -= best.core
    return held


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
