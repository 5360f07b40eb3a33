"""Genes of a cell's state, not of its type: a state that holds is reported, and its genes alone name no type."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from attrs import evolve, field, frozen

from gca_scanpy._names.genes import clean, without_shared
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.programs import PROGRAMS, Program

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
