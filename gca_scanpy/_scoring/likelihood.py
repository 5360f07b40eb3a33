"""From the weighted genes of a cluster to candidates: a score for each cell type that they mark.

A gene contributes its weight times its information to the score of each type. docs/scoring.md has the whole model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Optional, Union, overload

import numpy as np
from attrs import field, frozen

from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.facts import Floats, Places
from gca_scanpy._scoring.index import MarkerIndex
from gca_scanpy._scoring.weights import ClusterCells, Gene, States, Weights, gene_of
from gca_scanpy.model import Candidate, Evidence

Scored = Sequence[tuple[Gene, Mapping[str, float]]]  # genes with their information for each type that they mark


def rank(
    weights: Weights, tissues: Sequence[str], index: MarkerIndex, cells: Optional[ClusterCells] = None
) -> Candidates:
    """The cell types that any ranked gene of a cluster marks, best first.

    The score is the evidence of the genes. The order and the shares follow the sum of the score, the type's prior, and
    what the cells show besides the ranking.

    Parameters
    ----------
    tissues
        Canonical tissues, empty if unknown. They shift the scores but never exclude a type.
    cells
        Which genes the cells have on and off; None without a matrix.
    """
    genes = _ClusterGenes.of(weights, index)
    places, values = _scores(genes, tissues, index)
    sums = values + index.prior_nats(tissues)[places]
    order = np.argsort(-sums, kind="stable")  # equal sums stay in the order of the keys
    keys, scores = [index.hits.ordered[place] for place in places[order].tolist()], values[order]
    sums = sums[order]
    if cells is not None and keys:
        compared = dict(zip(keys[: numbers.NUMBERS.cell_candidates], scores.tolist()))
        shifts = list(cells.shifts(compared, tissues))
        rest = min(0.0, *shifts)  # the others do not pass those that were compared
        sums = sums + np.array(shifts + [rest] * (len(keys) - len(shifts)))
        order = np.argsort(-sums, kind="stable")
        keys, scores, sums = [keys[place] for place in order], scores[order], sums[order]
    return Candidates(keys, scores.tolist(), _softmax(sums), genes, index)


@frozen(eq=False)
class Candidates(Sequence[Candidate]):
    """The candidates of a cluster, best first: there are hundreds, and each is made when it is first read.

    Attributes
    ----------
    keys, scores, shares
        For each candidate, its key in the index, its score in nats and its share of the evidence, not rounded.
    """

    keys: Sequence[str]
    scores: Sequence[float]
    shares: Sequence[float]
    _genes: _ClusterGenes = field(repr=False)
    _index: MarkerIndex = field(repr=False)
    _made: dict[int, Candidate] = field(factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.keys)

    @overload
    def __getitem__(self, place: int) -> Candidate: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Candidate, ...]: ...

    def __getitem__(self, place: Union[int, slice]) -> Union[Candidate, tuple[Candidate, ...]]:
        if isinstance(place, slice):
            return tuple(self[number] for number in range(len(self))[place])
        place = range(len(self))[place]  # -1 is the last
        if place not in self._made:  # two threads may make it at once; both make the same
            self._made[place] = self._make(place)
        return self._made[place]

    def find(self, key: str) -> Optional[Candidate]:
        """The candidate with this key, or None."""
        return self[self.keys.index(key)] if key in self.keys else None

    def _make(self, place: int) -> Candidate:
        key = self.keys[place]
        return Candidate(
            label=self._index.types[key].label,
            ontology_id=self._index.types[key].id,
            score=round(self.scores[place], 4),
            probability=round(self.shares[place], 6),
            supporting=_supporting(key, self._genes, self._index),
            contradicting=_contradicting(key, self._genes, self._index),
        )


@frozen
class _ClusterGenes:
    """The recognized genes of a cluster.

    Attributes
    ----------
    ranked, present
        Genes with their information.
    denying
        Ranked and present genes that are negative markers of any type, by symbol. A present gene has its full weight,
        because it contradicts a type whether or not other clusters express it too.
    absent
        Genes that the cells lack, by symbol.
    evidence
        Sum of the contributions of the ranked genes, by place of the type; NaN for a type that none of them marks.
    """

    ranked: Scored
    present: Scored
    denying: Mapping[str, Gene]
    absent: Mapping[str, Gene]
    evidence: Floats

    @classmethod
    def of(cls, weights: Weights, index: MarkerIndex) -> _ClusterGenes:
        part, denied = numbers.NUMBERS.present_weight, index.hits.denied
        listed = (gene for gene in weights.ranked if denied(gene.symbol))
        full = (gene_of(gene.name, gene.symbol, gene.weight / part) for gene in weights.present if denied(gene.symbol))
        ranked = _scored(weights.ranked, index)
        return cls(
            ranked=ranked,
            present=_scored(weights.present, index),
            denying={gene.symbol: gene for gene in (*listed, *full)},
            absent={gene.symbol: gene for gene in weights.absent},
            evidence=_bounded(ranked, weights.states, index),
        )


def _scored(genes: Iterable[Gene], index: MarkerIndex) -> Scored:
    return [(gene, index.hits[gene.symbol]) for gene in genes if gene.symbol in index.hits]


def _scores(genes: _ClusterGenes, tissues: Sequence[str], index: MarkerIndex) -> tuple[Places, Floats]:
    """The types that a ranked gene marks, as places in the order of the keys, and their scores."""
    places = np.flatnonzero(~np.isnan(genes.evidence))
    evidence = genes.evidence[places]
    limit = numbers.NUMBERS.max_expression_part * evidence
    present, _ = _evidence(genes.present, index)
    absent = _absent_evidence(genes.absent.values(), index)
    evidence = evidence + np.minimum(present[places], limit) - np.minimum(absent[places], limit)
    scores = evidence * index.factors(tissues)[places] - _penalties(genes.denying.values(), index)[places]
    return places, scores


def _penalties(denying: Iterable[Gene], index: MarkerIndex) -> Floats:
    """What the genes subtract from the types of which they are negative markers, by place of the type."""
    arrays = [(index.hits.denied_places(gene.symbol), _penalty(gene, index)) for gene in denying]
    if not arrays:
        return np.zeros(len(index.hits.ordered))
    penalties = np.repeat([penalty for _, penalty in arrays], [len(places) for places, _ in arrays])
    return _by_place(np.concatenate([places for places, _ in arrays]), penalties, len(index.hits.ordered))


def _by_place(places: Places, values: Floats, n_types: int) -> Floats:
    """The sum of the values of each place."""
    # Some versions of NumPy declare weighted counts as integers.
    return np.bincount(places, values, minlength=n_types).astype(np.float64, copy=False)


def _softmax(scores: Floats) -> list[float]:
    """Scores, best first, as shares of one."""
    exponentials = np.exp((scores - scores[:1]) / numbers.NUMBERS.temperature)
    shares: list[float] = (exponentials / exponentials.sum()).tolist()
    return shares


def _evidence(genes: Scored, index: MarkerIndex) -> tuple[Floats, Places]:
    """The sum of the contributions of some genes, and their number, by place of the type."""
    n_types = len(index.hits.ordered)
    rows, places, nats = index.hits.of_genes([gene.symbol for gene, _ in genes])
    weights = np.array([gene.weight for gene, _ in genes])
    counts = np.bincount(places, minlength=n_types).astype(np.intp, copy=False)
    return _by_place(places, weights[rows] * nats, n_types), counts


def _bounded(ranked: Scored, states: States, index: MarkerIndex) -> Floats:
    """The evidence of the ranked genes, without the genes of states that fill the list."""
    bound = states.bound if states.fill_the_list else frozenset()
    evidence, n_genes = _evidence([(gene, nats) for gene, nats in ranked if gene.symbol not in bound], index)
    return np.where(n_genes > 0, evidence, np.nan)


def _absent_evidence(absent: Iterable[Gene], index: MarkerIndex) -> Floats:
    """What absent genes would contribute to the types whose own canonical markers they are, by place of the type."""
    canonical, n_types = numbers.NUMBERS.canonical, len(index.hits.ordered)
    arrays = [index.hits.own_arrays(gene.symbol, canonical, gene.weight) for gene in absent]
    if not arrays:
        return np.zeros(n_types)
    places, nats = (np.concatenate(parts) for parts in zip(*arrays))
    return _by_place(places, nats, n_types)


def _supporting(key: str, genes: _ClusterGenes, index: MarkerIndex) -> tuple[Evidence, ...]:
    ranked, present = (
        [(gene.name, round(gene.weight * nats[key], 4)) for gene, nats in scored if key in nats]
        for scored in (genes.ranked, genes.present)
    )
    return _strongest((*ranked, *_limited(present, genes.evidence[index.hits.places[key]])))


def _contradicting(key: str, genes: _ClusterGenes, index: MarkerIndex) -> tuple[Evidence, ...]:
    cell_type, canonical = index.types[key], numbers.NUMBERS.canonical
    negative = [
        (genes.denying[symbol].name, -_penalty(genes.denying[symbol], index))
        for symbol in cell_type.negative
        if symbol in genes.denying
    ]
    absent = [
        (gene.name, -index.hits.own(gene.symbol, canonical, gene.weight)[key])
        for gene in (genes.absent[symbol] for symbol in cell_type.positive if symbol in genes.absent)
        if cell_type.positive[gene.symbol] >= canonical
    ]
    return _strongest((*negative, *_limited(absent, genes.evidence[index.hits.places[key]])))


def _limited(evidence: Sequence[tuple[str, float]], ranked: float) -> Iterator[tuple[str, float]]:
    """The evidence of unranked genes, scaled down to the part of the ranked genes' evidence that it may have."""
    total = abs(sum(contribution for _, contribution in evidence))
    scale = min(1.0, numbers.NUMBERS.max_expression_part * ranked / total) if total else 1.0
    return ((gene, round(contribution * scale, 4)) for gene, contribution in evidence)


def _penalty(gene: Gene, index: MarkerIndex) -> float:
    """What a gene subtracts from the score of a type of which it is a negative marker."""
    used, types = numbers.NUMBERS, index.hits.best(gene.symbol)
    best = index.hits[gene.symbol][types[0]] if types else used.negative_information
    return round(used.negative_factor * gene.weight * best, 4)


def _strongest(evidence: Iterable[tuple[str, float]]) -> tuple[Evidence, ...]:
    """Genes with their contributions, as evidence."""
    strongest = sorted((-abs(contribution), gene, contribution) for gene, contribution in evidence)
    return tuple([Evidence(gene, contribution) for _, gene, contribution in strongest])
