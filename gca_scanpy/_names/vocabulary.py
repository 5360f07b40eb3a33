"""What the Cell Ontology and the field call cell types, by the words of each name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Optional

from attrs import define, field, frozen

from gca_scanpy._names.words import Key, Lexicon, parts_of

if TYPE_CHECKING:
    from gca_scanpy._names.ontology import Ontology

EXACT, SYNONYM, ABBREVIATION = "exact", "synonym", "abbreviation"
SHORTENED = 0.03  # what a name of the ontology costs without one of its words
_QUALIFIER = re.compile(r"\((?:sensu [^)]*|Mmus|Primate|Human|metazoa)\)|, human\b", re.IGNORECASE)
# Words of the ontology's names that labs leave out.
_OPTIONAL = (("alpha", "beta"), ("thymus", "derived"), ("epithelial",), ("associated",))
# Words that are a cell type by themselves, though they stand before "cell" in the ontology.
_PLACES = frozenset("gland vessel vasculature tissue organ system tree wall mucosa".split())
_NO_PLACES = frozenset("lymph bone muscle fat".split())  # words of tissues that are also words of cell types
_HEADS = frozenset(
    "t b killer dendritic progenitor precursor stem mast plasma muscle endothelial epithelial glial".split()
)


@frozen
class Name:
    """A row of the table of names: a term (or none, if the name says too little), and the tissue in which it holds."""

    name: str
    term: str
    tissue: str = ""


@frozen
class Hit:
    """The terms that a name may mean, how it names them, what that costs, and whether they are only candidates."""

    terms: tuple[str, ...]
    how: str
    cost: float = 0.0
    is_vague: bool = False

    @property
    def is_sure(self) -> bool:
        """Whether it is a single term, and an answer."""
        return len(self.terms) == 1 and not self.is_vague


@frozen
class _Entry:
    """A name of the ontology, its term, and its rank: the label (0), a synonym (1), or one without optional words (2).

    ``place`` has the words of a tissue that were left out of it.
    """

    term: str
    rank: int
    place: frozenset[str] = frozenset()


@define(eq=False, slots=False)
class Vocabulary:
    """The names of all terms.

    Attributes
    ----------
    ontology
        The terms.
    lexicon
        What single words mean.
    names
        Names as the field uses them. They outrank the ontology.
    tissue_words
        Words that name a tissue.
    """

    ontology: Ontology
    lexicon: Lexicon
    names: tuple[Name, ...]
    tissue_words: frozenset[str] = frozenset()
    _places: dict[str, frozenset[str]] = field(factory=dict, init=False, repr=False)

    def look_up(self, key: Key, tissues: frozenset[str]) -> Optional[Hit]:
        """What a name, given as its sorted words, means in these tissues; None if nothing is called so."""
        rows = self._by_name.get(key, ())
        here = [row.term for row in rows if row.tissue in tissues] or [row.term for row in rows if not row.tissue]
        hit = self._in_ontology(key, tissues)
        if here and "" not in here:
            return Hit(tuple(dict.fromkeys(here)), ABBREVIATION)
        if here or (rows and (hit is None or not hit.cost)):  # "basal" of one tissue says nothing in others
            terms = tuple(dict.fromkeys([*(row.term for row in rows if row.term), *(hit.terms if hit else ())]))
            return hit if hit and hit.terms == terms and not here else Hit(terms, ABBREVIATION, is_vague=True)
        for word in sorted(self._words_of(tissues)) if hit is None and self._says_more_than_a_state(key) else ():
            hit = hit or self._in_ontology(tuple(sorted((*key, word))), tissues)
        return hit

    def place_in(self, label: str, key: Key, tissues: Iterable[str]) -> frozenset[str]:
        """The words of the tissues that a label only repeats.

        None if it says that it means cells ("kidney cells"), or if the field calls a type of the tissue so.
        """
        rows = (row for row in self._by_name.get(key, ()) if row.tissue in tissues)
        spelling = self.lexicon.spelling
        if "cell" in label.casefold() or any(spelling(row.name) == spelling(label) for row in rows):
            return frozenset()
        places = (self._words_of(frozenset({tissue})) for tissue in tissues)
        return frozenset().union(*(place for place in places if place <= set(key)))

    def single(self, word: str) -> tuple[str, ...]:
        """The terms that a word names by itself."""
        return tuple(entry.term for entry in self._index.get((word,), ()))

    def is_head(self, word: str) -> bool:
        """Whether a word is a cell type by itself, and not only a quality of one."""
        return word in _HEADS or (not word.isdigit() and ((word,) in self._index or (word,) in self._by_name))

    def is_joint_name(self, parts: Sequence[str]) -> bool:
        """Whether these parts are a name of the field, such as "HSC/MPP", which joins nothing."""
        return tuple(map(self.lexicon.spelling, parts)) in self._joint_names

    @cached_property
    def _joint_names(self) -> frozenset[tuple[Key, ...]]:
        names = (parts_of(row.name) for row in self.names)
        return frozenset(tuple(map(self.lexicon.spelling, parts)) for parts in names if len(parts) > 1)

    def label(self, text: str) -> Optional[str]:
        """The term whose label this is, but for case, punctuation and plural."""
        as_it_is = self._by_label.get(" ".join(text.split()).strip(' .,;:"').casefold())
        return as_it_is or self._by_spelling.get(self.lexicon.spelling(text))

    @cached_property
    def _by_label(self) -> Mapping[str, str]:
        return {term.label.casefold(): term.id for term in reversed(list(self.ontology.terms.values()))}

    @cached_property
    def _by_spelling(self) -> Mapping[Key, str]:
        """Needed only for a text that is no label as it stands, which no answer of the scorer is."""
        terms = reversed(list(self.ontology.terms.values()))
        return {self.lexicon.spelling(term.label): term.id for term in terms}

    @cached_property
    def reader(self) -> Lexicon:
        """The lexicon that knows every word of the names, to read labels with."""
        long = (word for word in self.words if (len(word) > 1 or word in "bt") and not word.isdigit())
        return self.lexicon.with_known(frozenset(long))

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word of the names."""
        return frozenset(word for key in (*self._index, *self._by_name) for word in key)

    @cached_property
    def after_non(self) -> frozenset[str]:
        """The words of names with a "non", such as "non-classical monocyte"."""
        return frozenset(word for key in (*self._index, *self._by_name) if "non" in key for word in key)

    def _in_ontology(self, key: Key, tissues: frozenset[str]) -> Optional[Hit]:
        places = self._words_of(tissues)
        entries = [entry for entry in self._index.get(key, ()) if not entry.place or entry.place & places]
        rank = min((entry.rank for entry in entries), default=0)
        terms = tuple(dict.fromkeys(entry.term for entry in entries if entry.rank == rank))
        how, cost = (SYNONYM if rank else EXACT), (SHORTENED if rank == 2 else 0.0)
        return Hit(self._widest(terms), how, cost) if terms else None

    def _says_more_than_a_state(self, key: Key) -> bool:
        """Whether the tissue may complete a name; it makes no type of "cycling" or of the number of a cluster."""
        return any(not word.isdigit() and word not in self.lexicon.states for word in key)

    def _words_of(self, tissues: frozenset[str]) -> frozenset[str]:
        for tissue in tissues.difference(self._places):
            self._places[tissue] = frozenset(self.lexicon.name(tissue))
        return frozenset().union(*(self._places[tissue] for tissue in tissues))

    def _widest(self, terms: tuple[str, ...]) -> tuple[str, ...]:
        """The term that is an ancestor of all others, if one is."""
        for term in terms:
            if all(other == term or term in self.ontology.ancestors(other) for other in terms):
                return (term,)
        return terms

    @cached_property
    def _by_name(self) -> dict[Key, list[Name]]:
        rows: dict[Key, list[Name]] = {}
        for row in self.names:
            rows.setdefault(self.lexicon.name(row.name), []).append(row)
        return rows

    @cached_property
    def _index(self) -> dict[Key, list[_Entry]]:
        """What the ontology calls its terms, by the sorted words of each name."""
        index: dict[Key, list[_Entry]] = {}
        for term in self.ontology.terms.values():
            for rank, name in enumerate((term.label, *term.synonyms)):
                key = self.lexicon.name(_QUALIFIER.sub(" ", name))
                if not any(len(word) > 1 or word in "bt" for word in key):  # "N cell" is too little to go by
                    continue
                index.setdefault(key, []).append(_Entry(term.id, min(rank, 1)))
                for short in _shortened(key):
                    index.setdefault(short, []).append(_Entry(term.id, 2))
                    bare = tuple(word for word in short if word not in self.tissue_words)
                    if bare != short and _says_enough(bare) and self._says_more_than_a_state(bare):
                        index.setdefault(bare, []).append(_Entry(term.id, 2, frozenset(short).difference(bare)))
        return index


def read_names(lines: Iterable[str]) -> tuple[Name, ...]:
    """Read the lines of ``cell_names.tsv``: a header, then name, id, tissue and where the name is used."""
    rows = [line.rstrip("\n").split("\t") for line in list(lines)[1:]]
    return tuple(Name(name, term, tissue) for name, term, tissue, *_ in rows)


def read_tissue_words(names: Iterable[str], lexicon: Lexicon) -> frozenset[str]:
    """The words that name a place in the body, from the names of tissues."""
    words = (word for name in names if " " not in name for word in lexicon.name(name))
    return frozenset(words) - _NO_PLACES | _PLACES


def _shortened(key: Key) -> set[Key]:
    """A name, and the same without the words that labs leave out."""
    short = {key}
    for words in _OPTIONAL:
        least = len(words) + (words == ("epithelial",))
        short |= {_without(name, words) for name in short if len(name) > least and set(words) <= set(name)}
    return {name for name in short if _says_enough(name)}


def _without(key: Key, words: Key) -> Key:
    left = list(key)
    for word in words:
        left.remove(word)
    return tuple(left)


def _says_enough(key: Key) -> bool:
    return any(len(word) > 2 or word in "bt" for word in key)
