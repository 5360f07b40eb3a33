"""Cell Ontology terms: their names, their ancestors, and whether two terms are related."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Optional

from attrs import define, field, frozen

from gca_scanpy._names.resolver import Reading, Resolver
from gca_scanpy._names.vocabulary import Name, Vocabulary
from gca_scanpy._names.words import DASHES, Lexicon

FIELD = "\t"
TERM_ID = re.compile(r"CL:(\d{7})")  # the whole of an id
# People separate words in many ways ("B cells", "CD4-positive, alpha-beta T-cell"). None of them changes the meaning.
_SEPARATORS = re.compile(r"[\s_\-]+")
# The sign of a marker does change it: CD16+ means CD16-positive, and the minus of CD16- is not a hyphen.
_POSITIVE = re.compile(r"\(\+\)|\+")
_NEGATIVE = re.compile(r"\(-\)|(?<=\w)-(?=[\s,;/]|$|cd\d)")
_PLURALS = re.compile(
    r"\b(cell|lymphocyte|monocyte|macrophage|fibroblast|neuron|astrocyte|hepatocyte|keratinocyte|melanocyte|neutrophil"
    r"|platelet|erythrocyte|adipocyte|pericyte|podocyte|cardiomyocyte|megakaryocyte|basophil|eosinophil|thymocyte)s\b"
)


@frozen
class Term:
    """A Cell Ontology term."""

    id: str
    label: str
    parents: tuple[str, ...] = ()
    synonyms: tuple[str, ...] = ()


@define(eq=False, slots=False)
class Ontology:
    """An index of ontology terms.

    Attributes
    ----------
    version
        Release date of the ontology.
    terms
        Terms by id.
    lexicon
        What single words of labels mean.
    names
        Names as the field uses them (``pDC``, ``CD4 T``).
    tissue_words
        Words that name a tissue.
    genes
        Gene symbols in lower case.
    """

    version: str
    terms: Mapping[str, Term]
    lexicon: Lexicon = field(factory=Lexicon)
    names: tuple[Name, ...] = ()
    tissue_words: frozenset[str] = frozenset()
    genes: Callable[[], frozenset[str]] = frozenset
    _ancestors: dict[str, Mapping[str, int]] = field(factory=dict, init=False, repr=False)

    def __contains__(self, term_id: object) -> bool:
        return term_id in self.terms

    def label(self, term_id: str) -> str:
        """The label of a term."""
        return self.terms[term_id].label

    def ancestors(self, term_id: str) -> Mapping[str, int]:
        """All ancestors of a term with their distance (1 for a parent); empty for an unknown id."""
        if term_id not in self._ancestors:
            distances: dict[str, int] = {}
            level = self.terms[term_id].parents if term_id in self.terms else ()
            distance = 0
            while level:
                distance += 1
                fresh = [p for p in level if p not in distances]
                distances.update(dict.fromkeys(fresh, distance))
                level = tuple(q for p in fresh if p in self.terms for q in self.terms[p].parents)
            self._ancestors[term_id] = distances
        return self._ancestors[term_id]

    def related(self, first: str, second: str) -> bool:
        """Whether two terms are the same, or one is an ancestor of the other."""
        return first == second or first in self.ancestors(second) or second in self.ancestors(first)

    def read(self, label: str, tissues: Iterable[str] = ()) -> Reading:
        """What a label says, as somebody wrote it; every label of users, models and tables is read here."""
        return self.resolver.find(label, tissues)

    def resolve(self, label: str, tissues: Iterable[str] = ()) -> Optional[str]:
        """The term that a label says, or None; see :meth:`read`."""
        return self.read(label, tissues).ontology_id

    @cached_property
    def resolver(self) -> Resolver:
        """What reads labels with these terms."""
        return Resolver(Vocabulary(self, self.lexicon, self.names, self.tissue_words), self.genes)


def read_terms(lines: Iterable[str]) -> tuple[str, Mapping[str, Term]]:
    """Read the lines of ``ontology.tsv``: a comment with the release, a header, then one term a line.

    Returns the release and the terms.
    """
    stream = iter(lines)
    version = next(stream).removeprefix("# Cell Ontology ").split(",")[0].strip()
    next(stream)
    return version, _Terms(stream)


def normalize_name(name: str) -> str:
    """A cell-type name without meaningless differences: case, accents, hyphens, plural, and how ``+`` is written."""
    text = unicodedata.normalize("NFKD", name).translate(DASHES).casefold()
    if not text.isascii():
        text = "".join(c for c in text if not unicodedata.combining(c))
    text = _NEGATIVE.sub(" negative ", _POSITIVE.sub(" positive ", text.strip()))
    text = _SEPARATORS.sub(" ", text).replace(" ,", ",").strip()
    return _PLURALS.sub(r"\1", text)


class _Terms(Mapping[str, Term]):
    """Terms by id. Each is parsed on first use, because a run needs only a few hundred of thousands."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = {f"CL:{line.partition(FIELD)[0]}": line for line in lines}
        self._parsed: dict[str, Term] = {}

    def __getitem__(self, term_id: str) -> Term:
        term = self._parsed.get(term_id)
        if term is None:
            term = self._parsed[term_id] = _parse_term(term_id, self._lines[term_id])
        return term

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    def __contains__(self, term_id: object) -> bool:
        return term_id in self._lines


def _parse_term(term_id: str, line: str) -> Term:
    _, label, parents, synonyms = line.rstrip("\n").split(FIELD)
    return Term(
        id=term_id,
        label=label,
        parents=tuple(f"CL:{p}" for p in parents.split(",") if p),
        synonyms=tuple(s for s in synonyms.split("|") if s),
    )
