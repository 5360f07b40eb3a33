"""How probable each level of the ontology is for a cluster, from its lineage to the finest type."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Optional

import numpy as np
from attrs import evolve, field, frozen

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
    def of(cls, weights: Weights, candidates: Candidates, index: MarkerIndex) -> Strength:
        """Sum the evidence of the ranked genes by broad type."""
        first, best, hits = candidates.keys[0], round(candidates.scores[0], 4), index.hits
        term, known = index.types[first].id, [gene for gene in weights.free if gene.symbol in hits]
        genes = np.array([gene.weight for gene in known])
        evidence = genes @ hits.best_by_broad(len(known), *hits.of_genes([gene.symbol for gene in known]))
        names, numbers_ = hits.broad_types()
        is_known = index.lineages.broad(term) is not None
        family = float(evidence[numbers_[hits.places[first]]]) if is_known else max(best, 0.0)
        others = (n for n in np.flatnonzero(evidence).tolist() if index.lineages.disjoint(term, names[n]))
        rival = max((float(evidence[n]) for n in others), default=0.0) / max(family, numbers.NUMBERS.min_recognized)
        return cls(best, float(genes.sum()), family, rival)

    @property
    def beyond_chance(self) -> bool:
        """Whether random genes would rarely say as much."""
        return self.beyond(0.0)

    def beyond(self, log_odds: float) -> bool:
        """The same with evidence besides the ranked genes that they are not random, in log-odds."""
        evidence = sum(map(operator.mul, numbers.NUMBERS.chance, self.features()))
        return self.best > 0 and evidence + log_odds >= 0

    def features(self) -> tuple[float, ...]:
        """What the probability that the genes are not random is computed from."""
        return (1.0, _log(self.best), _log(self.recognized), _log(self.family + numbers.NUMBERS.min_recognized))


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
    strength: Optional[Strength]
    index: MarkerIndex
    _paths: dict[str, tuple[Level, ...]] = field(factory=dict, init=False, repr=False, eq=False)

    @classmethod
    def of(cls, candidates: Candidates, strength: Strength, index: MarkerIndex) -> Levels:
        """Calibrate the shares of the terms."""
        levels = {key: _probability(key, share, strength, index) for key, share in shares(candidates, index).items()}
        for key in sorted(levels, key=lambda key: (-_depth(key, index), key)):
            for ancestor in index.ancestors(key):
                if ancestor in levels:
                    levels[ancestor] = max(levels[ancestor], levels[key])
        return cls(levels, candidates, strength, index)

    def probability(self, key: Optional[str]) -> float:
        """The probability of a term; 0 if the genes say nothing of it."""
        if key is None:
            return 0.0
        if key in self.probabilities:
            return self.probabilities[key]
        ancestors = self.index.lineages.ontology.ancestors
        below = [p for other, p in self.probabilities.items() if key in ancestors(other)]
        return max(below) if below else self._slight(key)

    def _slight(self, key: str) -> float:
        """The probability of a term with too small a share for a level; if not described, that of its ancestor."""
        lineages = self.index.lineages
        above = (term for term in self.index.ancestors(key) if lineages.broad(term) == lineages.broad(key))
        described = key if key in self.index.types else next(above, key)
        if described in self.probabilities:
            return self.probabilities[described]
        found = zip(self.candidates.keys, self.candidates.scores, self.candidates.shares)  # to make them takes longer
        types = subtypes(described, self.index)
        own = [round(share, 6) for other, score, share in found if other in types and round(score, 4) > 0]
        if self.strength is None or not own:
            return 0.0
        share = sum(own)
        limits = (self.probabilities[term] for term in self.index.ancestors(described) if term in self.probabilities)
        return min(_probability(described, share, self.strength, self.index), *limits, 1.0)

    def deepest(self, certainty: float) -> Optional[str]:
        """The last term that is so probable, on the way from the most probable term down to the best candidate.

        A lower certainty gives the same term or a subtype of it. If no term is so probable, the most probable one.
        A term that only groups types is passed over, unless it is the best candidate.
        """
        if not self.probabilities:
            return None
        ancestors = self.index.lineages.ontology.ancestors
        best = self.candidates.keys[0]
        finest = best if best in self.probabilities else self._best_below(self._likeliest(list(self.probabilities)))
        above = set(self.index.levels_above(finest))
        line = [key for key in self.probabilities if key == finest or key in above]
        line = [key for key in line if key == finest or self.index.names_a_cluster(key)] or line
        found, sure = None, [key for key in line if self.probabilities[key] >= certainty]
        while sure:
            found = self._likeliest(sure)
            sure = [key for key in sure if found in ancestors(key)]
        return self._likeliest(line) if found is None else found

    def _best_below(self, key: str) -> str:
        """The best candidate that is a term or a subtype of it; the term itself if there is none."""
        types, pairs = subtypes(key, self.index), zip(self.candidates.keys, self.candidates.scores)
        return next((other for other, score in pairs if other in types and round(score, 4) > 0), key)

    def _likeliest(self, keys: Sequence[str]) -> str:
        return max(keys, key=lambda key: (self.probabilities[key], _depth(key, self.index), key))

    def path(self, key: str) -> tuple[Level, ...]:
        """The levels through a term: its ancestors, itself, and the terms down to the best candidate below it; kept."""
        if key not in self._paths:
            self._paths[key] = self._through(key)
        return self._paths[key]

    def _through(self, key: str) -> tuple[Level, ...]:
        ancestors = self.index.lineages.ontology.ancestors
        chain = [self._best_below(key)]
        for term in sorted({*self.probabilities, key}, key=lambda term: (-_depth(term, self.index), term)):
            is_kin = term == key or key in ancestors(term) or term in ancestors(key)
            if is_kin and (term in self.index.levels_above(chain[-1]) or term == key != chain[-1]):
                chain.append(term)
        return tuple(self._level(term) for term in reversed(chain))

    def _level(self, key: str) -> Level:
        kind, ontology = self.index.types.get(key), self.index.lineages.ontology
        label = kind.label if kind else ontology.label(key) if key in ontology else key
        term = key if key in ontology else None
        return Level(label, term, round(self.probability(key), 4))


def shares(candidates: Candidates, index: MarkerIndex) -> dict[str, float]:
    """The share of each term that can be a level: its own and those of its subtypes."""
    summed: dict[str, float] = {}
    for key, score, share in zip(candidates.keys, candidates.scores, candidates.shares):
        probability = round(share, 6)  # as the candidate has it; to make it takes longer
        if probability < numbers.NUMBERS.negligible_share:
            break  # the others have no larger share
        if round(score, 4) <= 0:
            continue
        for term in (key, *index.ancestors(key)):
            summed[term] = summed.get(term, 0.0) + probability
    least = numbers.NUMBERS.min_level_share
    return {key: share for key, share in summed.items() if share >= least and _says_something(key, index)}


@lru_cache(maxsize=2048)  # clusters of one run ask for the same types
def subtypes(key: str, index: MarkerIndex) -> frozenset[str]:
    """The types of the index that are a type or a subtype of it, and the type itself."""
    ancestors = index.lineages.ontology.ancestors
    return frozenset((key, *(other for other in index.family(key) if key in ancestors(other))))


def without_penalties(strength: Strength, best: Candidate) -> Strength:
    """The strength as if no gene spoke against the best candidate."""
    return evolve(strength, best=sum(gene.contribution for gene in best.supporting))


def level_features(key: str, share: float, strength: Strength, index: MarkerIndex) -> tuple[float, ...]:
    """What the probability of a term is computed from."""
    share = min(max(share, 1e-6), 1 - 1e-3)
    return (
        1.0,
        math.log(share / (1 - share)),
        _log(strength.best),
        _log(strength.recognized),
        math.log1p(index.n_subtypes(key)),
    )


def _probability(key: str, share: float, strength: Strength, index: MarkerIndex) -> float:
    return _logistic(numbers.NUMBERS.level, level_features(key, share, strength, index))


def _says_something(key: str, index: MarkerIndex) -> bool:
    """Whether a term is a broad type or finer; "cell" alone is no answer."""
    return index.types[key].id is None or index.lineages.broad(key) is not None


def _depth(key: str, index: MarkerIndex) -> int:
    return len(index.lineages.ontology.ancestors(key))


def _log(value: float) -> float:
    return math.log(max(value, numbers.NUMBERS.min_recognized))


def _logistic(slopes: Sequence[float], values: Sequence[float]) -> float:
    """The logistic function of a weighted sum. Not SciPy's expit: its import takes a tenth of an offline call."""
    return 1.0 / (1.0 + math.exp(-sum(map(operator.mul, slopes, values))))
