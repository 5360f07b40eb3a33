"""How probable each level of the ontology is for a cluster, from its lineage to the finest type."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Optional

from attrs import evolve, frozen

from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.index import MarkerIndex
from gca_scanpy._scoring.likelihood import Candidates
from gca_scanpy._scoring.weights import Weights
from gca_scanpy.model import Candidate, Level


def key_of(candidate: Candidate) -> str:
    """The key of a candidate in the index."""
    return candidate.ontology_id or candidate.label


@frozen
class Strength:
    """How much the genes of a cluster say, whatever they say.

    Attributes
    ----------
    best
        Score of the best candidate, in nats.
    recognized
        Weight of the ranked genes that mark any type, without those of a state.
    family
        Evidence for the broad type of the best candidate, in nats: each gene counts for the type that it marks best
        there.
    rival
        The same for the strongest broad type of another lineage, relative to ``family``; 0 or more.
    """

    best: float
    recognized: float
    family: float
    rival: float

    @classmethod
    def of(cls, weights: Weights, best: Candidate, index: MarkerIndex) -> Strength:
        """Sum the evidence of the ranked genes by broad type."""
        evidence: dict[str, float] = {}
        recognized = 0.0
        for gene in weights.free:
            if gene.symbol in index.hits:
                recognized += gene.weight
                for broad_id, nats in index.hits.by_broad(gene.symbol).items():
                    evidence[broad_id] = evidence.get(broad_id, 0.0) + round(gene.weight * nats, 4)
        term = best.ontology_id
        broad = index.lineages.broad(term)
        family = evidence.get(broad.id, 0.0) if broad is not None else max(best.score, 0.0)
        rivals = (nats for other, nats in evidence.items() if index.lineages.disjoint(term, other))
        return cls(
            best.score, recognized, family, max(rivals, default=0.0) / max(family, numbers.NUMBERS.min_recognized)
        )

    @property
    def beyond_chance(self) -> bool:
        """Whether random genes would rarely say as much."""
        values = (1.0, _log(self.best), _log(self.recognized), _log(self.family + numbers.NUMBERS.min_recognized))
        return self.best > 0 and _logistic(numbers.NUMBERS.chance, values) >= 0.5


@frozen
class Levels:
    """The probability of each term that has a share of the evidence.

    Attributes
    ----------
    probabilities
        By key of the index: the probability that the term or a subtype of it is right, 0 to 1. A term is at least as
        probable as its subtypes.
    candidates
        The candidates of the cluster, best first.
    """

    probabilities: Mapping[str, float]
    candidates: Candidates
    index: MarkerIndex

    @classmethod
    def of(cls, candidates: Candidates, strength: Strength, index: MarkerIndex) -> Levels:
        """Add the shares of the candidates to their ancestors, and calibrate the sums."""
        shares: dict[str, float] = {}
        for key, share in zip(candidates.keys, candidates.shares):
            rounded = round(share, 6)
            if rounded < numbers.NUMBERS.negligible_share:
                break  # the others have no larger share
            for term in (key, *index.ancestors(key)):
                shares[term] = shares.get(term, 0.0) + rounded
        levels = {
            key: _probability(key, share, strength, index)
            for key, share in shares.items()
            if share >= numbers.NUMBERS.min_level_share and _says_something(key, index)
        }
        for key in sorted(levels, key=lambda key: (-_depth(key, index), key)):
            for ancestor in index.ancestors(key):
                if ancestor in levels:
                    levels[ancestor] = max(levels[ancestor], levels[key])
        return cls(levels, candidates, index)

    def probability(self, key: Optional[str]) -> float:
        """The probability of a term; 0 if the genes say nothing of it."""
        if key is None:
            return 0.0
        below = (p for other, p in self.probabilities.items() if key in self.index.lineages.ontology.ancestors(other))
        return self.probabilities[key] if key in self.probabilities else max(below, default=0.0)

    def deepest(self, certainty: float) -> Optional[str]:
        """The deepest term that is at least so probable, else the most probable one of the best candidate's lineage."""
        sure = [key for key, probability in self.probabilities.items() if probability >= certainty]
        if sure:
            return max(sure, key=lambda key: (_depth(key, self.index), self.probabilities[key], key))
        lineages, best = self.index.lineages, self.candidates.keys[0]
        same = [key for key in self.probabilities if key == best or lineages.lineage(key) == lineages.lineage(best)]
        return max(same, key=lambda key: (self.probabilities[key], _depth(key, self.index), key), default=None)

    def path(self, key: str) -> tuple[Level, ...]:
        """The levels through a term: its ancestors, itself, and the terms down to the best candidate below it."""
        ancestors = self.index.lineages.ontology.ancestors
        below = (other for other, score in zip(self.candidates.keys, self.candidates.scores) if round(score, 4) > 0)
        finest = next((other for other in below if other == key or key in ancestors(other)), key)
        chain = [finest]
        for term in sorted({*self.probabilities, key}, key=lambda term: (-_depth(term, self.index), term)):
            is_kin = term == key or key in ancestors(term) or term in ancestors(key)
            if is_kin and term in ancestors(chain[-1]):
                chain.append(term)
        return tuple(self._level(term) for term in reversed(chain))

    def _level(self, key: str) -> Level:
        kind, ontology = self.index.types.get(key), self.index.lineages.ontology
        label = kind.label if kind else ontology.label(key) if key in ontology else key
        term = key if key in ontology else None
        return Level(label, term, round(self.probability(key), 4))


def without_penalties(strength: Strength, best: Candidate) -> Strength:
    """The strength as if no gene spoke against the best candidate."""
    return evolve(strength, best=sum(gene.contribution for gene in best.supporting))


def _probability(key: str, share: float, strength: Strength, index: MarkerIndex) -> float:
    share = min(max(share, 1e-6), 1 - 1e-3)
    values = (
        1.0,
        math.log(share / (1 - share)),
        _log(strength.best),
        _log(strength.recognized),
        math.log1p(index.n_subtypes(key)),
    )
    return _logistic(numbers.NUMBERS.level, values)


def _says_something(key: str, index: MarkerIndex) -> bool:
    """Whether a term is a broad type or finer; "leukocyte" and "cell" are no answers."""
    return index.types[key].id is None or index.lineages.broad(key) is not None


def _depth(key: str, index: MarkerIndex) -> int:
    return len(index.lineages.ontology.ancestors(key))


def _log(value: float) -> float:
    return math.log(max(value, numbers.NUMBERS.min_recognized))


def _logistic(slopes: Sequence[float], values: Sequence[float]) -> float:
    """The logistic function of a weighted sum. Not SciPy's expit: its import takes a tenth of an offline call."""
    return 1.0 / (1.0 + math.exp(-sum(slope * value for slope, value in zip(slopes, values))))
