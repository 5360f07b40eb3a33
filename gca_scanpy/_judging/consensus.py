"""One term from the labels of several tools: the deepest one that enough of the votes stand behind.

A vote for a term supports the term and all of its ancestors. At any other term, a vote is silent if it leaves the term
open (it names an ancestor, or a type that the same cell can be as well), and otherwise speaks against it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import Optional

import numpy as np
import numpy.typing as npt
from attrs import Factory, define, evolve, field, frozen

from gca_scanpy._names.ontology import Lineages, leaves_open, supports
from gca_scanpy._names.resolver import GENERAL
from gca_scanpy.model import Consensus, Level, Vote, VoteRelation

Numbers = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]
Evidence = Callable[[str], float]
Masses = Mapping[str, float]  # by term: the share of a vote that is for it

# Measured by scripts/measure_consensus.py; docs/consensus.md has the figures.
SILENCE = 0.5  # how much a silent vote counts against a term
MOST = 0.6  # share of the types of its broad type, above which a term says little more than the broad type
DIGITS, TINY = 9, 1e-9  # sums of the same numbers in another order are equal to so many digits


def masses_of(path: Sequence[Level]) -> dict[str, float]:
    """A path as a vote: at each level the probability that no finer level has; what is certain of none is left out."""
    levels = [(level.ontology_id, level.probability) for level in path if level.ontology_id]
    finer = [probability for _, probability in levels[1:]] + [0.0]
    return {term: p - below for (term, p), below in zip(levels, finer) if p > below}


@frozen(kw_only=True)
class Ballot:
    """The labels of a tool for the cells of a cluster.

    Attributes
    ----------
    key
        Name of the column.
    label, ontology_id
        The most frequent label that has a term, and this term; ``label`` is empty if there is none.
    masses
        By term: its share of the cells that have one; the shares add up to 1 or, if the tool doubts, to less.
    weight
        Weight of the vote in this cluster, 0 or more.
    voting
        Share of the cluster's cells that have a term, 0 to 1.
    unread
        Labels that no term could be read for.
    """

    key: str
    label: str = ""
    ontology_id: Optional[str] = None
    masses: Masses = Factory(dict)
    weight: float = 0.0
    voting: float = 0.0
    unread: tuple[str, ...] = ()


@define(eq=False)
class Ladder:
    """The terms that can be the answer, whatever the votes are for.

    Attributes
    ----------
    lineages
        The ontology with its broad types.
    known
        The types that the field has names for. The ontology has many more between them.
    """

    lineages: Lineages
    known: frozenset[str]
    _levels: dict[str, bool] = field(factory=dict, init=False, repr=False)

    def terms(self, voted: Collection[str]) -> tuple[str, ...]:
        """The terms that votes are for, and those of their ancestors that can be the answer; the deepest ones first."""
        ancestors = self.lineages.ontology.ancestors
        above = {term for one in voted for term in ancestors(one)}
        terms = {term for term in voted if self._says_something(term)} | set(filter(self.is_level, above))
        return tuple(sorted(terms, key=lambda term: (-len(ancestors(term)), term)))

    def is_level(self, term: str) -> bool:
        """Whether a term that no vote is for can be the answer: it joins broad types, or tells apart those of one."""
        if term not in self._levels:
            broad, below = self.lineages.broad(term), self.lineages.ontology.below
            is_known = broad is not None and term in self.known and term not in GENERAL
            self._levels[term] = is_known and (
                not self.lineages.broad_types.keys().isdisjoint(below[term])
                or len(self.known & below[term]) <= MOST * len(self.known & below[broad.id if broad else term])
            )
        return self._levels[term]

    def _says_something(self, term: str) -> bool:
        return term not in GENERAL and self.lineages.broad(term) is not None


@define(eq=False, slots=False)
class Poll:
    """What each term can get from votes for some terms.

    Attributes
    ----------
    voted
        The terms that votes are for, sorted.
    terms
        The terms that can be the answer, the deepest ones first.
    ladder
        It gave these terms.
    """

    voted: tuple[str, ...]
    terms: tuple[str, ...]
    ladder: Ladder

    @classmethod
    def of(cls, voted: Collection[str], ladder: Ladder) -> Poll:
        """The poll on these terms."""
        return cls(tuple(sorted(voted)), ladder.terms(voted), ladder)

    @cached_property
    def _supports(self) -> Numbers:
        """1 if a vote for the term of the row supports that of the column."""
        return _table(self.voted, self.terms, lambda vote, term: supports(vote, term, self.ladder.lineages))

    @cached_property
    def _leaves_open(self) -> Numbers:
        """1 if a vote for the term of the row leaves that of the column open."""
        return _table(self.voted, self.terms, lambda vote, term: leaves_open(vote, term, self.ladder.lineages))

    @cached_property
    def _unless_voted(self) -> tuple[Positions, Positions]:
        """The terms that can be the answer only if there is a vote for them, as positions in both tuples."""
        pairs = [(i, self.voted.index(term)) for i, term in enumerate(self.terms) if not self.ladder.is_level(term)]
        terms, voted = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
        return terms, voted

    @cached_property
    def _below(self) -> npt.NDArray[np.float32]:
        """1 if the term of the row is a subtype of that of the column."""
        ancestors = self.ladder.lineages.ontology.ancestors
        return _table(self.terms, self.terms, lambda term, upper: upper in ancestors(term)).astype(np.float32)

    def agreements(self, masses: Numbers) -> Numbers:
        """The agreement on each term, 0 to 1, shape (n, n_terms).

        Parameters
        ----------
        masses
            The weight of the votes for each voted term, shape (n, n_voted).
        """
        backed, counted = self._count(masses)
        agreed: Numbers = np.divide(backed, counted, out=np.zeros_like(backed), where=backed > 0).round(DIGITS)
        return agreed

    def deepest(self, masses: Numbers, min_agreement: float) -> tuple[Positions, Numbers]:
        """For each row the position of the deepest term with this agreement, -1 if there is none, and its agreement.

        If there are several, none of which is a subtype of another one, the term with the larger weight behind it
        wins, then the one with the higher agreement, then the deeper one, then the one with the smaller id.
        """
        if not self.terms:
            return np.full(len(masses), -1), np.zeros(len(masses))
        backed, counted = self._count(masses)
        can_be = (backed >= min_agreement * counted - TINY) & (backed > TINY)
        terms, voted = self._unless_voted
        can_be[:, terms] &= masses[:, voted] > 0
        last = can_be & ~(can_be.astype(np.float32) @ self._below > 0)
        most = np.where(last, backed, 0.0).max(axis=1, keepdims=True)
        best = last & (backed >= most - TINY)
        agreed = np.divide(backed, counted, out=np.full_like(backed, -1.0), where=best)
        places = np.where(best, agreed.round(DIGITS), -1.0).argmax(axis=1)
        return np.where(best.any(axis=1), places, -1), np.maximum(agreed[np.arange(len(masses)), places], 0.0)

    def winner(self, masses: Numbers, min_agreement: float) -> Optional[str]:
        """The deepest term with this agreement, for a single row; None if there is none."""
        place = int(self.deepest(masses, min_agreement)[0][0])
        return self.terms[place] if place >= 0 else None

    def _count(self, masses: Numbers) -> tuple[Numbers, Numbers]:
        """The weight behind each term, and the weight that counts for the agreement on it."""
        silent = masses @ self._leaves_open
        return masses @ self._supports, masses.sum(axis=1, keepdims=True) - (1 - SILENCE) * silent


def consensus(
    ballots: Sequence[Ballot], min_agreement: float, ladder: Ladder, evidence: Optional[Evidence] = None
) -> Consensus:
    """The term of a cluster, the agreement at each level, and how each vote is related to it.

    Parameters
    ----------
    evidence
        The probability of a term by the marker genes. If the votes are split between broad types, each counts as much
        as the probability of its term.
    """
    poll, lineages = Poll.of({term for ballot in ballots for term in ballot.masses}, ladder), ladder.lineages
    term = poll.winner(_masses(ballots, poll), min_agreement)
    if evidence is None or not _is_split(ballots, term, lineages):
        return describe(ballots, term, poll)
    weighed = [evolve(ballot, masses=_weighed(ballot.masses, evidence, lineages)) for ballot in ballots]
    decided = poll.winner(_masses(weighed, poll), min_agreement)
    if decided is None or (term is not None and term not in lineages.ontology.ancestors(decided)):
        return describe(ballots, term, poll)
    return evolve(describe(ballots, decided, poll, weighed), by_markers=True)


def _is_split(ballots: Sequence[Ballot], term: Optional[str], lineages: Lineages) -> bool:
    """Whether too few votes are for any of several broad types; ``term`` is all that the votes have in common."""
    voted = {lineages.broad(one) for ballot in ballots for one in ballot.masses} - {None}
    ancestors = lineages.ontology.ancestors
    return len(voted) > 1 and (term is None or any(broad and term in ancestors(broad.id) for broad in voted))


def _weighed(masses: Masses, evidence: Evidence, lineages: Lineages) -> dict[str, float]:
    """The masses, each times the probability of its term or of an ancestor, up to the broad type."""
    ancestors, broad = lineages.ontology.ancestors, lineages.broad
    return {
        term: mass * max(evidence(level) for level in (term, *ancestors(term)) if broad(level) == broad(term))
        for term, mass in masses.items()
    }


def describe(ballots: Sequence[Ballot], term: Optional[str], poll: Poll, counted: Sequence[Ballot] = ()) -> Consensus:
    """How the votes are related to a term that was found to be their consensus; None if there is none.

    Parameters
    ----------
    counted
        The votes as they are counted for the agreement, if that is not as they were given.
    """
    agreed = dict(zip(poll.terms, poll.agreements(_masses(counted or ballots, poll))[0].tolist()))
    masses, label = _masses(ballots, poll)[0], poll.ladder.lineages.ontology.label
    path = tuple(Level(label(t), t, round(agreed[t], 4)) for t in _path(term, poll, agreed, masses))
    return Consensus(
        label=label(term) if term else "",
        ontology_id=term,
        agreement=round(agreed[term], 4) if term else 0.0,
        path=path,
        votes=tuple(_vote(ballot, term, path, poll, masses) for ballot in ballots),
    )


def _masses(ballots: Sequence[Ballot], poll: Poll) -> Numbers:
    """The weight of the votes for each voted term, shape (1, n_voted)."""
    ordered = sorted(ballots, key=lambda ballot: ballot.key)  # so that the order of the columns changes no sum
    masses = [math.fsum(b.weight * b.masses.get(term, 0.0) for b in ordered) for term in poll.voted]
    return np.array(masses, dtype=float).reshape(1, len(poll.voted))


def relation_to(term: Optional[str], consensus_term: Optional[str], lineages: Lineages) -> VoteRelation:
    """How a vote is related to the consensus."""
    ontology = lineages.ontology
    if term is None:
        return "abstained"
    if consensus_term is None:
        return "no consensus"
    if term == consensus_term:
        return "same"
    if consensus_term in ontology.ancestors(term):
        return "finer"
    if term in ontology.ancestors(consensus_term):
        return "broader"
    return "other lineage" if lineages.lineage(term) != lineages.lineage(consensus_term) else "related"


def _path(term: Optional[str], poll: Poll, agreed: Mapping[str, float], masses: Numbers) -> list[str]:
    """The levels from the broad type through a term to the finest term below it that a vote is for.

    Between them are the terms that votes are for; the others say nothing new.
    """
    if term is None:
        return []
    lineages = poll.ladder.lineages
    ancestors, broad = lineages.ontology.ancestors, lineages.broad(term)
    top = broad.id if broad else term
    voted = {t for t, mass in zip(poll.voted, masses) if mass > 0 and t not in ancestors(top)}
    shown = {t for t in poll.terms if t in voted or t in (term, top)}
    chain = [term]
    for upper in sorted(shown, key=lambda t: (-len(ancestors(t)), t)):
        if upper in ancestors(chain[0]):
            chain.insert(0, upper)
    while True:
        below = [t for t in shown if chain[-1] in ancestors(t) and agreed[t] > 0]
        next_levels = [t for t in below if not any(other in ancestors(t) for other in below)]
        if not next_levels:
            return chain
        chain.append(min(next_levels, key=lambda t: (-agreed[t], t)))


def _vote(ballot: Ballot, term: Optional[str], path: Sequence[Level], poll: Poll, masses: Numbers) -> Vote:
    lineages, own = poll.ladder.lineages, ballot.ontology_id
    weights = dict(zip(poll.voted, masses.tolist()))
    total = max(math.fsum(weights.values()), TINY)
    behind = [w for vote, w in weights.items() if own and supports(vote, own, lineages)]
    silent = [w for vote, w in weights.items() if own and leaves_open(vote, own, lineages)]
    against = total - math.fsum((*behind, *silent)) if own else 0.0
    return Vote(
        key=ballot.key,
        label=ballot.label,
        ontology_id=own,
        relation=relation_to(own, term, lineages),
        support=round(math.fsum(behind) / total, 4),
        against=round(max(against, 0.0) / total, 4),
        weight=round(ballot.weight, 4),
        voting=round(ballot.voting, 4),
        backing=tuple(_backing(ballot.masses, level.ontology_id or "", lineages) for level in path),
        unread=ballot.unread,
    )


def _backing(masses: Masses, term: str, lineages: Lineages) -> float:
    return round(math.fsum(mass for vote, mass in masses.items() if supports(vote, term, lineages)), 4)


def _table(rows: Sequence[str], columns: Sequence[str], holds: Callable[[str, str], bool]) -> Numbers:
    values = [float(holds(row, column)) for row in rows for column in columns]
    return np.array(values).reshape(len(rows), len(columns))
