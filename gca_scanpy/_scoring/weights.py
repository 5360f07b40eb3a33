"""What a cluster shows: its genes with their weights, and which genes of a type its cells have on and off.

A state that holds is reported, and its genes, which have less weight, alone name no type.

A ranking only has genes that are higher in a cluster than elsewhere. The cells also show the genes that they share with
other clusters, and those that they lack, so they separate types that the same ranked genes mark: a T cell without CD8A
in data in which other T cells have it. Each type has each of its markers on with a rate that the strength of the fact
gives; a type that does not list a gene has it on as often as the clusters of the data have. A subtype has the markers
of its ancestors, so these say nothing between it and its parent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import repeat
from typing import Optional

import numpy as np
from attrs import define, evolve, field, frozen

from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.facts import Floats, Places
from gca_scanpy._scoring.index import MarkerIndex
from gca_scanpy._scoring.programs import PROGRAMS, Program, is_generic
from gca_scanpy._steps import Activity, ClusterMarkers, RankedGene

SHOWN_GENES = 5


@frozen
class States:
    """The states that hold in a cluster.

    Attributes
    ----------
    genes
        The genes that show each state, in the order of the list; the state with most genes comes first.
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
        """What the genes show instead of a type, if most of them belong to a state; else empty."""
        if not self.fill_the_list:
            return ""
        named = (f"{state} ({', '.join(genes[:SHOWN_GENES])})" for state, genes in self.genes.items())
        return f"the genes show a state of the cells, not their type: {' and '.join(named)}"


def states(symbols: Iterable[str]) -> States:
    """The states of which enough genes are among the first of these symbols."""
    read = list(dict.fromkeys(symbols))[: numbers.NUMBERS.state_genes_read]
    held = _held(frozenset(read))
    if not held:
        return States()
    genes = {program.name: tuple(gene for gene in read if gene in program.core) for program in held}
    covered = frozenset().union(*(program.genes for program in held))
    telling = [gene for gene in read if gene in covered or not is_generic(gene)]
    share = sum(gene in covered for gene in telling) / len(telling) if telling else 0.0
    found = States(genes, round(share, 4), frozenset(gene for names in genes.values() for gene in names))
    return evolve(found, bound=covered) if found.fill_the_list else found


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
        used, ranked = numbers.NUMBERS, _ranked(cluster, held)
        symbols = frozenset(gene.symbol for gene in ranked)
        present = _unranked(cluster.present, symbols, used.present_weight, held)
        return cls(ranked, present, _unranked(cluster.absent, symbols, used.absent_weight, held), held)

    @cached_property
    def names(self) -> Mapping[str, str]:
        """The ranked genes as the data names them, by symbol."""
        return {gene.symbol: gene.name for gene in self.ranked}

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


def _unranked(genes: Iterable[RankedGene], ranked: frozenset[str], weight: float, held: States) -> tuple[Gene, ...]:
    """Present or absent genes without the ranked ones; an absent gene with the symbol of a ranked one is another."""
    names: dict[str, str] = {}
    for gene in genes:
        if gene.symbol is not None and gene.symbol not in ranked:
            names.setdefault(gene.symbol, gene.name)
    return tuple(gene_of(name, symbol, weight * _damping(symbol, held)) for symbol, name in names.items())


LEAST_SPREAD = 1e-9  # what is less is a rounding error: all genes are on alike


@frozen(eq=False)
class _Markers:
    """The measured markers of a type: their columns, strengths, and what they tell if they are on or off, in nats."""

    columns: Places
    strengths: Floats
    if_on: Floats
    if_off: Floats


def of_cells(clusters: Sequence[ClusterMarkers], index: MarkerIndex) -> list[Optional[ClusterCells]]:
    """The evidence of the cells of each cluster of a run; None without a matrix."""
    activity = clusters[0].activity if clusters else None
    if activity is None:
        return [None] * len(clusters)
    run = _Run(activity, index)
    rows = [activity.rows[cluster.cluster_id] for cluster in clusters]
    return [ClusterCells(run, activity.on[row], activity.off[row], activity.fractions[row]) for row in rows]


@define(eq=False)
class _Run:
    """The genes of a run. The markers of a type are looked up once for all clusters."""

    activity: Activity
    index: MarkerIndex
    _markers: dict[str, _Markers] = field(factory=dict, init=False)
    known: Places = field(init=False)  # columns of the genes that mark any type

    def __attrs_post_init__(self) -> None:
        hits = self.index.hits
        known = [column for symbol, column in self.activity.columns.items() if symbol in hits]
        self.known = np.array(known, dtype=np.intp)

    def markers(self, key: str) -> _Markers:
        """The markers of a type and of its ancestors that the data have; kept."""
        if key not in self._markers:  # two threads may make it at once; both make the same
            self._markers[key] = self._find(key)
        return self._markers[key]

    def _find(self, key: str) -> _Markers:
        used = numbers.NUMBERS
        marking, strengths, negative = _markers_of(key, self.index)
        positive, denied = self._columns(marking), self._columns(negative)
        positive, strong, denied = positive[positive >= 0], strengths[positive >= 0], denied[denied >= 0]
        rates = np.minimum(used.max_on, used.on_per_strength * strong)
        usual, usual_of_denied = self.activity.usual[positive], self.activity.usual[denied]
        denied_on = (1 - used.max_on) * usual_of_denied
        return _Markers(
            columns=np.concatenate([positive, denied]),
            strengths=np.concatenate([strong, np.zeros(len(denied))]),
            if_on=np.log(np.concatenate([rates / usual + 1 - rates, denied_on / usual_of_denied])),
            if_off=np.log(np.concatenate([1 - rates, (1 - denied_on) / (1 - usual_of_denied)])),
        )

    def _columns(self, genes: Sequence[str]) -> Places:
        """The columns of some genes; -1 for one that the data do not have."""
        return np.fromiter(map(self.activity.columns.get, genes, repeat(-1)), np.intp, len(genes))


@lru_cache(maxsize=2048)  # the same types are candidates in each run
def _markers_of(key: str, index: MarkerIndex) -> tuple[Sequence[str], Floats, Sequence[str]]:
    """The markers of a type or of its ancestors without its negative ones, their strengths, and the negative ones."""
    negative = index.types[key].negative
    strengths: dict[str, float] = {}
    for owner in (key, *index.ancestors(key)):
        for gene, strength in index.types[owner].positive.items():
            if gene not in negative:
                strengths[gene] = max(strength, strengths.get(gene, 0.0))
    return list(strengths), np.array(list(strengths.values()), dtype=np.float64), sorted(negative)


@frozen(eq=False)
class ClusterCells:
    """The evidence of the cells of one cluster."""

    _run: _Run
    on: Floats
    off: Floats
    fractions: Floats

    def nats(self, key: str) -> float:
        """How much better a type explains which genes are on and off than an unknown type does."""
        markers = self._run.markers(key)
        return float(self.on[markers.columns] @ markers.if_on + self.off[markers.columns] @ markers.if_off)

    def of_genes(self, symbols: Iterable[str]) -> tuple[Floats, Floats]:
        """How far the cells have each of these genes on, and the share that expresses it; without undetected genes."""
        columns = [self._run.activity.columns[symbol] for symbol in symbols if symbol in self._run.activity.columns]
        return self.on[columns], self.fractions[columns]

    def share(self, symbol: str) -> float:
        """The share of the cells that express a gene, 0 to 1."""
        column = self._run.activity.columns.get(symbol)
        return 0.0 if column is None else float(self.fractions[column])

    def shifts(self, scores: Mapping[str, float], tissues: Sequence[str]) -> list[float]:
        """What the cells add to the scores of some candidates when scores become shares, in nats.

        Between lineages hundreds of genes differ, and the ranking has the best of them, so the cells count little.
        Within a broad type few genes decide, so they count more, up to a part of the score. They speak for a subtype
        only where it is common, and if it explains the cells at all, which no type does if the cluster is mixed.
        """
        used, keys = numbers.NUMBERS, list(scores)
        kin = [self._kin(key, keys) for key in keys]
        lineages, common = [self.nats(anchor) for anchor in kin], self._run.index.priors.common(tissues)
        best = max(lineages, default=0.0)
        shifts = []
        for key, lineage in zip(keys, lineages):
            nats, most = self.nats(key), used.max_expression_part * max(scores[key], 0.0)
            beyond = float(np.clip(nats - lineage, -used.max_kin_nats, used.max_kin_nats))
            limit = most if key in common and nats > 0 else 0.0
            shift = min(max(used.cell_weight_of_kin * beyond, -most), limit)
            shifts.append(used.cell_weight * (lineage - best) + shift)
        return shifts

    def standing(self, key: str) -> float:
        """By how many standard errors the cells have the markers of a term on, compared with other genes; 0 to 5.

        Each gene is compared with what is usual in the clusters of the data: markers that all of them share do not
        count, because groups of cells that were chosen at random have them, too.
        """
        used, markers, above = numbers.NUMBERS, self._run.markers(key), self._above
        known, weights = above[self._run.known], np.minimum(markers.strengths, used.canonical)
        spread = known.std() if len(known) else 0.0
        if weights.sum() < used.min_standing_genes or spread < LEAST_SPREAD:
            return 0.0
        error = spread * np.sqrt((weights**2).sum()) / weights.sum()
        mean = above[markers.columns] @ weights / weights.sum()
        return float(np.clip((mean - known.mean()) / error, 0.0, used.max_standing))

    @cached_property
    def _above(self) -> Floats:
        """How far each gene is on beyond what is usual in the clusters of the data."""
        return self.on - self._run.activity.usual

    @cached_property
    def distinct(self) -> float:
        """What it says of whether the genes are random that the cells differ from other clusters, in log-odds.

        Real clusters have some known genes on that most of the others have off; cells chosen at random hardly do.
        """
        used, (n_clusters, _) = numbers.NUMBERS, self._run.activity.on.shape
        known = self._above[self._run.known]
        if n_clusters < 2 or not len(known):
            return 0.0
        offset, slope = used.distinct
        beyond = np.sort(known)[-used.distinct_genes :].mean() * n_clusters / (n_clusters - 1)  # what others have on
        return float(np.clip(offset + slope * beyond, -used.max_distinct, used.max_distinct))

    def _kin(self, key: str, keys: Sequence[str]) -> str:
        """The broadest ancestor of the same broad type; the type itself if it has subtypes of other broad types."""
        index, broad = self._run.index, self._run.index.lineages.broad
        own, ancestors = broad(key), index.lineages.ontology.ancestors
        if own is None or any(key in ancestors(other) and broad(other) != own for other in keys):
            return key
        return [other for other in (key, *index.ancestors(key)) if broad(other) == own][-1]
