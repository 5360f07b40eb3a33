"""Broad cell types, lineages that exclude each other, how two terms are related, and the tree of some terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Optional

from attrs import define, field, frozen

from gca_scanpy._names.ontology import Ontology

ROOT = "CL:0000000"

Relation = Literal["exact", "kin", "lineage", "unrelated", "no term"]


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


@frozen
class Node:
    """A term in the tree of some labels, ``depth`` steps below the root."""

    term: str
    depth: int


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

    def broad(self, term_id: Optional[str]) -> Optional[BroadType]:
        """The broad type that represents a term, or None."""
        nearest = self._nearest(term_id)
        return self.broad_types.get(nearest.broad_id, nearest) if nearest else None

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
        if first is None or second is None or self.ontology.related(first, second):
            return False
        return not self.compatible_lineages(self.lineage(first), self.lineage(second))

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


def tree(terms: Sequence[str], lineages: Lineages) -> list[Node]:
    """The terms as a tree; each node comes before the nodes below it.

    Most ancestors are left out. The tree contains a broad type only if it is one of ``terms`` or joins two branches.
    """
    ontology = lineages.ontology
    requested = set(terms)
    broad = {term for term, row in lineages.broad_types.items() if row.broad_id == term}
    candidates = requested | broad | {ROOT}
    ranks: Mapping[str, int] = {term: rank for rank, term in enumerate(lineages.broad_types)}

    def parent(term: str) -> str:
        distances = ontology.ancestors(term)
        near = [ancestor for ancestor in distances if ancestor in candidates]
        return min(near, key=lambda a: (distances[a], ranks.get(a, len(ranks)), a), default=ROOT)

    children: dict[str, set[str]] = {}
    for term in requested:
        while term != ROOT and term not in children.get(parent(term), ()):
            children.setdefault(parent(term), set()).add(term)
            term = parent(term)

    def nodes(term: str, depth: int) -> list[Node]:
        below = sorted(children.get(term, ()), key=lambda t: sort_key(t, lineages))
        if term not in requested and len(below) == 1:
            return nodes(below[0], depth)
        return [Node(term, depth), *(node for child in below for node in nodes(child, depth + 1))]

    return nodes(ROOT, 0) if requested else []


def _path(term: str, lineages: Lineages) -> tuple[str, ...]:
    """The terms from the top of a broad type down to this term, at each step through the most specific parent."""
    path, ontology, broad = [term], lineages.ontology, lineages.broad(term)
    while path[0] in ontology:
        parents = [p for p in ontology.terms[path[0]].parents if lineages.broad(p) == broad]
        if not parents:
            break
        path.insert(0, max(parents, key=lambda p: (len(ontology.ancestors(p)), p)))
    return tuple(path)
