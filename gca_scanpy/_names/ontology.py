"""Cell Ontology terms: from names to ids, their ancestors, and whether two terms are related."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Optional

from attrs import define, field, frozen

FIELD = "\t"
TERM_ID = re.compile(r"CL:(\d{7})")  # the whole of an id
MIN_PLURAL = 3  # letters; a shorter name that ends in s is not a plural
# People separate words in many ways ("B cells", "CD4-positive, alpha-beta T-cell"). None of them changes the meaning.
_SEPARATORS = re.compile(r"[\s_\-]+")
DASHES = dict.fromkeys([*range(0x2010, 0x2016), 0x2212], "-")
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
    names
        Ids by common short names (``pDC``, ``CD4 T``), normalized by :func:`normalize_name`. Labels and synonyms of
        the ontology outrank them.
    """

    version: str
    terms: Mapping[str, Term]
    names: Mapping[str, str] = field(factory=dict)
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

    def resolve(self, name: str) -> Optional[str]:
        """The id of an id, a label, a synonym that belongs to one term only, or a common short name; otherwise None."""
        key = normalize_name(name)
        if key.upper().replace(" ", ":") in self.terms:
            return key.upper().replace(" ", ":")
        singular = key[:-1] if key.endswith("s") and len(key) > MIN_PLURAL else key
        for form in dict.fromkeys((key, singular)):
            term_id = self._by_label.get(form) or self._by_synonym.get(form) or self.names.get(form)
            if term_id:
                return term_id
        return None

    @cached_property
    def _by_label(self) -> dict[str, str]:
        return {normalize_name(term.label): term.id for term in reversed(list(self.terms.values()))}

    @cached_property
    def _by_synonym(self) -> dict[str, str]:
        terms_by_name: dict[str, set[str]] = {}
        for term in self.terms.values():
            for synonym in term.synonyms:
                terms_by_name.setdefault(normalize_name(synonym), set()).add(term.id)
        return {name: next(iter(ids)) for name, ids in terms_by_name.items() if len(ids) == 1}


def read_terms(lines: Iterable[str], names: Iterable[str] = ()) -> Ontology:
    """Read the lines of ``ontology.tsv``: a comment with the release, a header, then one term a line.

    ``names`` are the lines of ``cell_names.tsv``: a header, then a short name and its id.
    """
    stream = iter(lines)
    version = next(stream).removeprefix("# Cell Ontology ").split(",")[0].strip()
    next(stream)
    short = (line.rstrip("\n").split(FIELD) for line in list(names)[1:])
    return Ontology(version, _Terms(stream), {normalize_name(name): term_id for name, term_id in short})


def normalize_name(name: str) -> str:
    """A cell-type name without meaningless differences: case, accents, hyphens, plural, and how ``+`` is written."""
    decomposed = unicodedata.normalize("NFKD", name).translate(DASHES).casefold()
    text = "".join(c for c in decomposed if not unicodedata.combining(c)).strip()
    text = _NEGATIVE.sub(" negative ", _POSITIVE.sub(" positive ", text))
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
