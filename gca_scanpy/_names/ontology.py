"""Cell Ontology terms: their names, their ancestors, how two are related, and the lineages that exclude each other."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import Literal, Optional

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

Relation = Literal["exact", "kin", "lineage", "unrelated", "no term"]


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

    def is_label(self, label: str, term_id: Optional[str]) -> bool:
        """Whether this is the label of a term, letter by letter, as the scorer has it; no other name need be known."""
        return term_id is not None and term_id in self.terms and self.terms[term_id].label == label

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

    @cached_property
    def below(self) -> Mapping[str, frozenset[str]]:
        """Each term with all of its subtypes, itself among them."""
        pairs = sorted((upper, term) for term in self.terms for upper in (term, *self.ancestors(term)))
        return {upper: frozenset(term for _, term in group) for upper, group in groupby(pairs, key=itemgetter(0))}

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


@frozen
class BroadType:
    """A row of the table of broad types.

    Attributes
    ----------
    id, label
        A Cell Ontology term.
    lineage
        The lineage of the term and of all terms below it.
    broad_id
        The broad term that represents it: itself, or another term if the ontology has no path from one to the other.
    """

    id: str
    label: str
    lineage: str
    broad_id: str


@define(eq=False)
class Lineages:
    """Assigns a broad type and a lineage to each Cell Ontology term.

    Attributes
    ----------
    ontology
        The terms.
    broad_types
        Broad types by id. If two are equally near to a term, the earlier one is used.
    compatible
        Lineages by lineage that share markers with it, so that both in one cluster are not a contradiction.
    """

    ontology: Ontology
    broad_types: Mapping[str, BroadType]
    compatible: Mapping[str, frozenset[str]]
    _broad: dict[str, Optional[BroadType]] = field(factory=dict, init=False, repr=False)
    _disjoint: dict[tuple[str, str], bool] = field(factory=dict, init=False, repr=False)

    def broad(self, term_id: Optional[str]) -> Optional[BroadType]:
        """The broad type that represents a term, or None."""
        nearest = self._nearest(term_id)
        return self.broad_types.get(nearest.broad_id, nearest) if nearest else None

    def is_subtype(self, term_id: Optional[str]) -> bool:
        """Whether a term is finer than its broad type."""
        broad = self.broad(term_id)
        return broad is not None and broad.id != term_id

    def lineage(self, term_id: Optional[str]) -> Optional[str]:
        """The lineage of a term, or None if the term has no broad type."""
        nearest = self._nearest(term_id)
        return nearest.lineage if nearest else None

    def compatible_lineages(self, first: Optional[str], second: Optional[str]) -> bool:
        """Whether one cell can express markers of both lineages; an unknown lineage is compatible with every other."""
        if first is None or second is None or first == second:
            return True
        return second in self.compatible.get(first, frozenset()) or first in self.compatible.get(second, frozenset())

    def disjoint(self, first: Optional[str], second: Optional[str]) -> bool:
        """Whether two terms cannot both be right: they are unrelated, and their lineages exclude each other."""
        if first is None or second is None:
            return False
        if (first, second) not in self._disjoint:  # a run asks for the same pairs gene after gene
            exclude = not self.compatible_lineages(self.lineage(first), self.lineage(second))
            self._disjoint[first, second] = exclude and not self.ontology.related(first, second)
        return self._disjoint[first, second]

    def akin(self, first: str, second: str) -> bool:
        """Whether two terms are the same, ancestor and descendant, or of the same broad type."""
        broad = self.broad(first)
        return self.ontology.related(first, second) or (broad is not None and broad == self.broad(second))

    def _nearest(self, term_id: Optional[str]) -> Optional[BroadType]:
        if term_id is None:
            return None
        if term_id not in self._broad:
            distances = {term_id: 0, **self.ontology.ancestors(term_id)}
            near = [(distances[b], rank, b) for rank, b in enumerate(self.broad_types) if b in distances]
            self._broad[term_id] = self.broad_types[min(near)[2]] if near else None
        return self._broad[term_id]


def read_lineages(ontology: Ontology, broad: Iterable[str], lineages: Iterable[str]) -> Lineages:
    """Read the tables from the lines of ``broad_types.tsv`` and ``lineages.tsv``, header first."""
    rows = [line.rstrip("\n").split("\t") for line in broad][1:]
    pairs = [line.rstrip("\n").split("\t") for line in lineages][1:]
    return Lineages(
        ontology,
        {key: BroadType(key, label, lineage, broad_id) for key, label, lineage, broad_id in rows},
        {lineage: frozenset(filter(None, others.split(","))) for lineage, others in pairs},
    )


def relation(first: Optional[str], second: Optional[str], lineages: Lineages) -> Relation:
    """How two terms are related.

    Returns
    -------
    str
        ``exact`` for the same term, ``kin`` for an ancestor and its descendant, ``lineage`` for two terms of one
        lineage, ``unrelated`` for any others, and ``no term`` if at least one of them is not in the ontology.
    """
    if first is None or second is None or first not in lineages.ontology or second not in lineages.ontology:
        return "no term"
    if first == second:
        return "exact"
    if lineages.ontology.related(first, second):
        return "kin"
    lineage = lineages.lineage(first)
    return "lineage" if lineage is not None and lineage == lineages.lineage(second) else "unrelated"


def supports(vote: str, term: str, lineages: Lineages) -> bool:
    """Whether a vote supports a term: it is for the term or a subtype.

    The ontology has some types below a term of another lineage, such as neurons below epithelial cells.
    """
    is_below = term in lineages.ontology.ancestors(vote)
    return vote == term or (is_below and lineages.compatible_lineages(lineages.lineage(vote), lineages.lineage(term)))


def leaves_open(vote: str, term: str, lineages: Lineages) -> bool:
    """Whether a vote that does not support a term does not speak against it either.

    It names an ancestor of the term, or one cell can be both, because their lineage has a type below both.
    """
    ontology = lineages.ontology
    if vote == term or term in ontology.ancestors(vote):
        return False
    return vote in ontology.ancestors(term) or (
        lineages.lineage(vote) == lineages.lineage(term) and not ontology.below[vote].isdisjoint(ontology.below[term])
    )


def distance(first: Optional[str], second: Optional[str], lineages: Lineages) -> Optional[int]:
    """Steps between two terms through their nearest common ancestor; None if they have none."""
    if first is None or second is None:
        return None
    from_first, from_second = ({term: 0, **lineages.ontology.ancestors(term)} for term in (first, second))
    return min((from_first[term] + from_second[term] for term in from_first if term in from_second), default=None)


def sort_key(term: Optional[str], lineages: Lineages) -> tuple[int, tuple[str, ...]]:
    """A key that sorts related terms next to each other."""
    broad = lineages.broad(term)
    if term is None or broad is None:
        return len(lineages.broad_types) + (term is None), (term or "",)
    return list(lineages.broad_types).index(broad.id), _path(term, lineages)


def _path(term: str, lineages: Lineages) -> tuple[str, ...]:
    """The terms from the top of a broad type down to this term, at each step through the most specific parent."""
    path, ontology, broad = [term], lineages.ontology, lineages.broad(term)
    while path[0] in ontology:
        parents = [p for p in ontology.terms[path[0]].parents if lineages.broad(p) == broad]
        if not parents:
            break
        path.insert(0, max(parents, key=lambda p: (len(ontology.ancestors(p)), p)))
    return tuple(path)
