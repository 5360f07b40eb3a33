"""From any lab's name of a cell type to a Cell Ontology term, or to candidates if the name may mean several.

A label is read as the set of its words. The largest part of them that names a term is what the label says. The words
that are left out (numbers, states, markers, tissues, unknown words) are reported, and each of them costs some
certainty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations
from typing import Optional

from attrs import define, evolve, field, frozen

from gca_scanpy._names.vocabulary import EXACT, Vocabulary
from gca_scanpy._names.words import LETTER, MARKER, NAME, NUMBER, STATE, TYPO, UNKNOWN, Word, parts_of
from gca_scanpy._text_tables import is_no_name

PARSED, CLOSE, NONE = "parsed", "close", "none"
TISSUE = "tissue"
LEAST_SCORE = 0.65  # a label that has lost more of its words is not answered
# What it costs to leave a word out, by its kind.
COSTS = {NUMBER: 0.02, LETTER: 0.04, STATE: 0.05, TISSUE: 0.08, MARKER: 0.1, UNKNOWN: 0.2, NAME: 0.2, TYPO: 0.2}
_IN_BRACKETS = 0.5  # of the cost
_LATER = 0.001  # of two words that cost the same, the later one is left out
_MISTYPED, _JOINED = 0.1, 0.05  # what a typing error costs, and a joined type
_MAX_WORDS = 9  # of a longer label, the last words are not read
_MOST_ASIDE = 0.2  # a part of a joined type that has lost more does not count
_ID = re.compile(r"(?<![A-Za-z])CL[:_](\d{7})(?!\d)", re.IGNORECASE)
_NEVER_LEFT_OUT = frozenset({"non", "not", "pre", "pro", "anti", "negative", "double", "triple"})
# Ancestors that say nothing: cell, native cell, animal cell, hematopoietic cell, somatic cell and their like.
GENERAL = frozenset(
    {"CL:0000000", "CL:0000003", "CL:0000226", "CL:0000255", "CL:0000548", "CL:0000988", "CL:0002371", "CL:0000151"}
)


@frozen
class Aside:
    """A word that was left aside: its kind (see :data:`COSTS`), and the word as it is written."""

    kind: str
    text: str


@frozen
class Reading:
    """What a label says.

    Attributes
    ----------
    label
        The label.
    ontology_id
        The Cell Ontology term, or None.
    name
        The term's name, or None.
    how
        ``exact``, ``synonym``, ``abbreviation``, ``parsed``, ``close``, or ``none``.
    score
        From 0 to 1: how much of the label the term stands for.
    aside
        The words that were left aside.
    candidates
        Terms that the label may mean, if there is no answer, or that it joins.
    reason
        Why there is no answer, or that the label joins several types.
    """

    label: str = ""
    ontology_id: Optional[str] = None
    name: Optional[str] = None
    how: str = NONE
    score: float = 0.0
    aside: tuple[Aside, ...] = ()
    candidates: tuple[str, ...] = ()
    reason: str = ""

    @property
    def is_partial(self) -> bool:
        """Whether some of the label was left aside or corrected, so that the term may say less than the label."""
        return self.how in (PARSED, CLOSE)


@define(eq=False)
class Resolver:
    """Reads labels.

    Attributes
    ----------
    vocabulary
        The names that it knows.
    genes
        Gives the gene symbols in lower case, which are set aside as markers. They are read when one is needed.
    """

    vocabulary: Vocabulary
    genes: Callable[[], frozenset[str]] = frozenset
    _seen: dict[tuple[str, frozenset[str]], Reading] = field(factory=dict, init=False, repr=False)

    def find(self, label: str, tissues: Iterable[str] = ()) -> Reading:
        """What a label says in these tissues (canonical names; empty if none is known)."""
        key = (label, frozenset(tissues))
        if key not in self._seen:
            reading = self._find(*key)
            term = reading.ontology_id
            self._seen[key] = evolve(reading, label=label, name=term and self.vocabulary.ontology.label(term))
        return self._seen[key]

    def _find(self, label: str, tissues: frozenset[str]) -> Reading:
        given = _ID.search(label)
        if given and f"CL:{given[1]}" in self.vocabulary.ontology:
            return Reading(ontology_id=f"CL:{given[1]}", how=EXACT, score=1.0)
        parts = parts_of(label)
        if is_no_name(label) or (parts and all(map(is_no_name, parts))):
            return Reading(reason="there is no label")
        exact = self.vocabulary.label(label)
        if exact:
            return Reading(ontology_id=exact, how=EXACT, score=1.0)
        joined = self._join(parts, tissues) if len(parts) > 1 and not self.vocabulary.is_joint_name(parts) else None
        if joined:
            return joined
        words = self._without_non(self.vocabulary.reader.words(label))
        whole = self.vocabulary.look_up(_key(words), tissues)
        place = self.vocabulary.place_in(label, _key(words), tissues)
        is_empty = whole is None and not any(word.kind in (NAME, TYPO) for word in words)
        if is_empty or self._is_place(words, place):
            return Reading(aside=self._aside(words), reason="no word of it names a cell type")
        if whole and whole.is_sure and not any(word.kind == TYPO for word in words):
            return Reading(ontology_id=whole.terms[0], how=whole.how, score=round(1 - whole.cost, 2))
        return self._search(words[:_MAX_WORDS], tissues, place)

    def _is_place(self, words: list[Word], place: frozenset[str]) -> bool:
        """Whether nothing but a place is left of the words, and no state such as "tumor" is a type."""
        names = {word.text for word in words if word.kind not in (NUMBER, LETTER, STATE, UNKNOWN)}
        states = _key(word for word in words if word.kind == STATE)
        return bool(names) and names <= place and not self.vocabulary.look_up(states, frozenset())

    def _without_non(self, words: list[Word]) -> list[Word]:
        """The words without a "non-nasal" that no name has; "non-classical" stays."""
        known = self.vocabulary.after_non
        pairs = enumerate(zip(words, words[1:]))
        gone = {i for i, (first, second) in pairs if first.text == "non" and second.text not in known}
        return [word for i, word in enumerate(words) if i not in gone and i - 1 not in gone]

    def _search(self, words: list[Word], tissues: frozenset[str], place: frozenset[str]) -> Reading:
        """The largest part of the words that names a term, without leaving out what contradicts it."""
        possible: list[str] = []
        vague = False
        for cost, kept, dropped in self._parts(words):
            hit = self.vocabulary.look_up(_key(kept), tissues)
            if hit is None or self._is_place(kept, place):
                continue
            mistyped = any(word.kind == TYPO for word in kept)
            total = cost + hit.cost + _MISTYPED * mistyped
            if total > 1 - LEAST_SCORE:
                continue
            named = [word for word in dropped if word.text not in place]
            if not hit.is_sure or any(self._contradicts(word, words, hit.terms[0]) for word in named):
                possible, vague = [*possible, *hit.terms], vague or hit.is_vague
                if not dropped:
                    break
                continue
            gone = [word for word in dropped if word.text not in {other.text for other in kept}]
            how = CLOSE if mistyped else PARSED if gone else hit.how
            return Reading(ontology_id=hit.terms[0], how=how, score=round(1 - total, 2), aside=self._aside(gone))
        candidates = tuple(dict.fromkeys(possible))
        reason = "it may mean several cell types" if candidates or vague else "no name of a cell type fits"
        return Reading(candidates=candidates, reason=reason, aside=self._aside(w for w in words if w.kind == STATE))

    def _parts(self, words: list[Word]) -> Iterator[tuple[float, list[Word], list[Word]]]:
        """The ways to leave words out, cheapest first: the cost, the words that stay, and the words that go."""
        costs = [self._cost(word, words[:i], len(words) - i) for i, word in enumerate(words)]
        loose = [i for i, cost in enumerate(costs) if cost is not None]
        ways = [
            (sum(costs[i] or 0 for i in chosen), chosen)
            for n in range(min(len(loose), len(words) - 1) + 1)
            for chosen in combinations(loose, n)
        ]
        for cost, chosen in sorted(ways):
            yield cost, [w for i, w in enumerate(words) if i not in chosen], [words[i] for i in chosen]

    def _cost(self, word: Word, before: list[Word], from_end: int) -> Optional[float]:
        """What it costs to leave a word out; None if that would turn the meaning around."""
        if word.text in _NEVER_LEFT_OUT:
            return None
        if any(word.text == other.text for other in before):
            return 0.0
        return (COSTS[self._kind(word)] + _LATER * from_end) * (_IN_BRACKETS if word.bracketed else 1)

    def _kind(self, word: Word) -> str:
        if word.text in self.vocabulary.tissue_words:
            return TISSUE
        if len(word.text) == 1 and word.kind == NAME:
            return LETTER
        is_gene = word.kind in (NAME, UNKNOWN) and word.text in self.genes() and not self.vocabulary.single(word.text)
        return MARKER if is_gene else word.kind

    def _contradicts(self, dropped: Word, words: list[Word], term: str) -> bool:
        """Whether a word that was left out is a cell type of its own, which is no kin of the term."""
        twice = sum(word.text == dropped.text for word in words) > 1
        last_letter = len(dropped.text) == 1 and dropped is words[-1]  # "Astro_B"
        if twice or last_letter or not self.vocabulary.is_head(dropped.text):
            return False
        others = self.vocabulary.single(dropped.text)
        return bool(others) and not any(self.vocabulary.ontology.related(term, other) for other in others)

    def _join(self, parts: list[str], tissues: frozenset[str]) -> Optional[Reading]:
        """The nearest common ancestor of the parts of "NK/T", which are its candidates."""
        found = [self.find(part, tissues) for part in parts]
        if not all(reading.ontology_id and reading.score > 1 - _MOST_ASIDE for reading in found):
            return None
        terms = tuple(dict.fromkeys(str(reading.ontology_id) for reading in found))
        related = self.vocabulary.ontology.related
        if any(related(first, second) for i, first in enumerate(terms) for second in terms[:i]) or len(terms) < 2:
            return None
        term = self.common(terms)
        if term is None:
            return Reading(candidates=terms, reason="it joins cell types without a common ancestor that says more")
        aside = tuple(word for reading in found for word in reading.aside)
        score = round(min(reading.score for reading in found) - _JOINED, 2)
        said = "it joins cell types"
        return Reading(ontology_id=term, how=PARSED, score=score, aside=aside, candidates=terms, reason=said)

    def common(self, terms: tuple[str, ...]) -> Optional[str]:
        """The nearest common ancestor of terms that still says something."""
        lines = [{term: 0, **self.vocabulary.ontology.ancestors(term)} for term in terms]
        shared = set(lines[0]).intersection(*lines[1:]) - GENERAL
        return min(shared, key=lambda term: (sum(line[term] for line in lines), term), default=None)

    def _aside(self, words: Iterable[Word]) -> tuple[Aside, ...]:
        return tuple(Aside(NAME if word.kind == TYPO else self._kind(word), word.written) for word in words)


def _key(words: Iterable[Word]) -> tuple[str, ...]:
    return tuple(sorted(word.text for word in words))
