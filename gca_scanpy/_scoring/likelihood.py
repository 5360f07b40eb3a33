"""From the weighted genes of a cluster to candidates: a score for each cell type that they mark.

A gene contributes its weight times its information to the score of each type. docs/scoring.md has the whole model.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Optional, Union, overload

from attrs import evolve, field, frozen

from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.index import MarkerIndex
from gca_scanpy._scoring.weights import Gene, States, Weights
from gca_scanpy.model import Candidate, Evidence

Scored = Sequence[tuple[Gene, Mapping[str, float]]]  # genes with their information for each type that they mark


def rank(weights: Weights, tissues: Sequence[str], index: MarkerIndex) -> Candidates:
    """The cell types that any ranked gene of a cluster marks, best first.

    The score is what the genes tell. The order and the shares follow the sum of the score and the type's prior.

    Parameters
    ----------
    tissues
        Canonical tissues, empty if unknown. They shift the scores but never exclude a type.
    """
    genes = _ClusterGenes.of(weights, index)
    scores = _scores(genes, tissues, index)
    priors = index.priors.nats(tissues)  # a type without an id has its name as key, and no prior
    sums = {key: score + priors.get(key, 0.0) for key, score in scores.items()}
    keys = sorted(sums)
    keys.sort(key=sums.__getitem__, reverse=True)  # equal sums stay in the order of the keys
    return Candidates(keys, [scores[key] for key in keys], _softmax([sums[key] for key in keys]), genes, index)


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
            supporting=_supporting(key, self._genes),
            contradicting=_contradicting(key, self._genes, self._index),
        )


@frozen
class _ClusterGenes:
    """The recognized genes of a cluster.

    Attributes
    ----------
    ranked, present
        Genes with their information.
    expressed
        Ranked and present genes by symbol. As a negative marker a present gene has its full weight, because it
        contradicts a type whether or not other clusters express it too.
    absent
        Genes that the cells lack, by symbol.
    evidence
        Sum of the contributions of the ranked genes, by type.
    """

    ranked: Scored
    present: Scored
    expressed: Mapping[str, Gene]
    absent: Mapping[str, Gene]
    evidence: Mapping[str, float]

    @classmethod
    def of(cls, weights: Weights, index: MarkerIndex) -> _ClusterGenes:
        full = (evolve(gene, weight=gene.weight / numbers.NUMBERS.present_weight) for gene in weights.present)
        ranked = _scored(weights.ranked, index)
        return cls(
            ranked=ranked,
            present=_scored(weights.present, index),
            expressed={gene.symbol: gene for gene in (*weights.ranked, *full)},
            absent={gene.symbol: gene for gene in weights.absent},
            evidence=_bounded(ranked, weights.states),
        )


def _scored(genes: Iterable[Gene], index: MarkerIndex) -> Scored:
    return [(gene, index.hits[gene.symbol]) for gene in genes if gene.symbol in index.hits]


def _scores(genes: _ClusterGenes, tissues: Sequence[str], index: MarkerIndex) -> dict[str, float]:
    """The score of each type that a ranked gene marks, by key."""
    used = numbers.NUMBERS
    present, absent = _evidence(genes.present), _absent_evidence(genes.absent.values(), index)
    penalties = _penalties(genes.expressed.values(), index)
    scores = {}
    for key, evidence in genes.evidence.items():
        cell_type = index.types[key]
        if present or absent:
            limit = used.max_expression_part * evidence
            evidence += min(present.get(key, 0.0), limit) - min(absent.get(key, 0.0), limit)
        if tissues:
            evidence *= _tissue_factor(cell_type.tissues, tissues)
        score = evidence * (1 + used.per_source * cell_type.n_sources)
        scores[key] = score - sum(penalties[key]) if key in penalties else score
    return scores


def _penalties(expressed: Iterable[Gene], index: MarkerIndex) -> dict[str, list[float]]:
    """What the genes subtract from the types of which they are negative markers, by type."""
    penalties: dict[str, list[float]] = {}
    for gene in expressed:
        denied = index.hits.denied(gene.symbol)
        penalty = _penalty(gene, index) if denied else 0.0
        for key in denied:
            penalties.setdefault(key, []).append(penalty)
    return penalties


def _softmax(scores: Sequence[float]) -> list[float]:
    """Scores, best first, as shares of one."""
    temperature = numbers.NUMBERS.temperature
    exponentials = [math.exp((score - scores[0]) / temperature) for score in scores]
    total = sum(exponentials)
    return [value / total for value in exponentials]


def _evidence(genes: Scored) -> dict[str, float]:
    """The sum of the contributions of some genes, by type."""
    evidence: dict[str, float] = defaultdict(float)
    for gene, information in genes:
        weight = gene.weight
        for key, nats in information.items():
            evidence[key] += weight * nats
    return evidence


def _bounded(ranked: Scored, states: States) -> dict[str, float]:
    """The evidence of the ranked genes, without the genes of states that fill the list."""
    bound = states.bound if states.fill_the_list else frozenset()
    return _evidence([(gene, nats) for gene, nats in ranked if gene.symbol not in bound])


def _absent_evidence(absent: Iterable[Gene], index: MarkerIndex) -> dict[str, float]:
    """What absent genes would contribute to the types whose own canonical markers they are."""
    evidence: dict[str, float] = {}
    for gene in absent:
        for key, nats in index.hits.own(gene.symbol, numbers.NUMBERS.canonical, gene.weight).items():
            evidence[key] = evidence.get(key, 0.0) + nats
    return evidence


def _supporting(key: str, genes: _ClusterGenes) -> tuple[Evidence, ...]:
    ranked, present = (
        [Evidence(gene.name, round(gene.weight * nats[key], 4)) for gene, nats in scored if key in nats]
        for scored in (genes.ranked, genes.present)
    )
    return _strongest((*ranked, *_limited(present, genes.evidence[key])))


def _contradicting(key: str, genes: _ClusterGenes, index: MarkerIndex) -> tuple[Evidence, ...]:
    cell_type, canonical = index.types[key], numbers.NUMBERS.canonical
    negative = [
        Evidence(genes.expressed[symbol].name, -_penalty(genes.expressed[symbol], index))
        for symbol in cell_type.negative
        if symbol in genes.expressed
    ]
    absent = [
        Evidence(gene.name, -index.hits.own(gene.symbol, canonical, gene.weight)[key])
        for gene in (genes.absent[symbol] for symbol in cell_type.positive if symbol in genes.absent)
        if cell_type.positive[gene.symbol] >= canonical
    ]
    return _strongest((*negative, *_limited(absent, genes.evidence[key])))


def _limited(evidence: Sequence[Evidence], ranked: float) -> Iterator[Evidence]:
    """The evidence of unranked genes, scaled down to the part of the ranked genes' evidence that it may have."""
    total = abs(sum(e.contribution for e in evidence))
    scale = min(1.0, numbers.NUMBERS.max_expression_part * ranked / total) if total else 1.0
    return (Evidence(e.gene, round(e.contribution * scale, 4)) for e in evidence)


def _penalty(gene: Gene, index: MarkerIndex) -> float:
    """What a gene subtracts from the score of a type of which it is a negative marker."""
    used = numbers.NUMBERS
    best = max(index.hits.get(gene.symbol, {}).values(), default=used.negative_information)
    return round(used.negative_factor * gene.weight * best, 4)


def _tissue_factor(types: frozenset[str], tissues: Sequence[str]) -> float:
    if not types:
        return 1.0
    return numbers.NUMBERS.in_tissue if types.intersection(tissues) else numbers.NUMBERS.out_of_tissue


def _strongest(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    return tuple(sorted(evidence, key=lambda e: (-abs(e.contribution), e.gene)))
