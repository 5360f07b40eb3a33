"""Broad cell types, which lineages exclude one another, and how terms lie to each other in the ontology."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Optional

from attrs import define, field, frozen

from gca_scanpy._names.ontology import Ontology


@frozen
class BroadType:
    """A row of the table of broad types.

    Attributes
    ----------
    id, label
        A Cell Ontology term.
    lineage
        The lineage of the term and all below it.
    broad_id
        The broad term that it is shown as: itself, or another where the ontology has no path to that one.
    """

    id: str
    label: str
    lineage: str
    broad_id: str


@define(eq=False)
class Lineages:
    """Places every Cell Ontology term under a broad type and a lineage.

    Attributes
    ----------
    ontology
        The terms.
    broad_types
        Broad types by id; where two are equally near, the earlier one is taken.
    compatible
        Lineages that a lineage may be mixed up with without being a contradiction.
    """

    ontology: Ontology
    broad_types: Mapping[str, BroadType]
    compatible: Mapping[str, frozenset[str]]
    _broad: dict[str, Optional[BroadType]] = field(factory=dict, init=False, repr=False)

    def broad(self, term_id: Optional[str]) -> Optional[BroadType]:
        """The broad type that a term is shown as, or None."""
        nearest = self._nearest(term_id)
        return self.broad_types.get(nearest.broad_id, nearest) if nearest else None

    def _nearest(self, term_id: Optional[str]) -> Optional[BroadType]:
        if term_id is None:
            return None
        if term_id not in self._broad:
            distances = {term_id: 0, **self.ontology.ancestors(term_id)}
            near = [(distances[b], rank, b) for rank, b in enumerate(self.broad_types) if b in distances]
            self._broad[term_id] = self.broad_types[min(near)[2]] if near else None
        return self._broad[term_id]

    def lineage(self, term_id: Optional[str]) -> Optional[str]:
        """The lineage of a term, or None where it has no broad type."""
        nearest = self._nearest(term_id)
        return nearest.lineage if nearest else None

    def compatible_lineages(self, first: Optional[str], second: Optional[str]) -> bool:
        """Whether one cell can carry the marks of both lineages; an unknown lineage excludes nothing."""
        if first is None or second is None or first == second:
            return True
        return second in self.compatible.get(first, frozenset()) or first in self.compatible.get(second, frozenset())

    def disjoint(self, first: Optional[str], second: Optional[str]) -> bool:
        """Whether two terms cannot both be right: unrelated in the ontology and of lineages that exclude each other."""
        if first is None or second is None or self.ontology.related(first, second):
            return False
        return not self.compatible_lineages(self.lineage(first), self.lineage(second))


def read_lineages(ontology: Ontology, broad: Iterable[str], lineages: Iterable[str]) -> Lineages:
    """The tables in the lines of ``broad_types.tsv`` and ``lineages.tsv``, header first."""
    rows = [line.rstrip("\n").split("\t") for line in broad][1:]
    pairs = [line.rstrip("\n").split("\t") for line in lineages][1:]
    return Lineages(
        ontology,
        {key: BroadType(key, label, lineage, broad) for key, label, lineage, broad in rows},
        {lineage: frozenset(filter(None, others.split(","))) for lineage, others in pairs},
    )


Relation = Literal["exact", "kin", "lineage", "unrelated", "no term"]
ROOT = "CL:0000000"


def order(terms: Iterable[Optional[str]], lineages: Lineages) -> list[Optional[str]]:
    """Distinct terms so that kin stand together: by broad type, a type before those below it; None last."""
    return sorted(dict.fromkeys(terms), key=lambda term: sort_key(term, lineages))


def sort_key(term: Optional[str], lineages: Lineages) -> tuple[int, tuple[str, ...]]:
    """What to sort a term by, to have kin together."""
    broad = lineages.broad(term)
    if term is None or broad is None:
        return len(lineages.broad_types) + (term is None), (term or "",)
    return list(lineages.broad_types).index(broad.id), _path(term, lineages)


def _path(term: str, lineages: Lineages) -> tuple[str, ...]:
    """The terms of one broad type from the top down to this one, each time by the most special parent."""
    path, ontology, broad = [term], lineages.ontology, lineages.broad(term)
    while path[0] in ontology:
        parents = [p for p in ontology.terms[path[0]].parents if lineages.broad(p) == broad]
        if not parents:
            break
        path.insert(0, max(parents, key=lambda p: (len(ontology.ancestors(p)), p)))
    return tuple(path)


def relation(first: Optional[str], second: Optional[str], lineages: Lineages) -> Relation:
    """The same term, ancestor and descendant, of one lineage, unrelated, or at least one is no term."""
    if first is None or second is None or first not in lineages.ontology or second not in lineages.ontology:
        return "no term"
    if first == second:
        return "exact"
    if lineages.ontology.related(first, second):
        return "kin"
    lineage = lineages.lineage(first)
    return "lineage" if lineage is not None and lineage == lineages.lineage(second) else "unrelated"


def distance(first: Optional[str], second: Optional[str], lineages: Lineages) -> Optional[int]:
    """Steps from one term over the nearest common ancestor to the other; None where there is no way."""
    if first is None or second is None:
        return None
    ways = [{term: 0, **lineages.ontology.ancestors(term)} for term in (first, second)]
    return min((ways[0][term] + ways[1][term] for term in ways[0] if term in ways[1]), default=None)


@frozen
class Node:
    """A term in the tree of some labels, ``depth`` steps below the root."""

    term: str
    depth: int


def tree(terms: Sequence[str], lineages: Lineages) -> list[Node]:
    """The terms as a tree, each node before those below it.

    Of their many ancestors only broad types are in it, and of these only those that join two branches.
    """
    ontology = lineages.ontology
    shown = set(terms)
    broad = {term for term, row in lineages.broad_types.items() if row.broad_id == term}
    important = shown | broad | {ROOT}
    ranks: Mapping[str, int] = {term: rank for rank, term in enumerate(lineages.broad_types)}

    def parent(term: str) -> str:
        above = ontology.ancestors(term)
        near = [a for a in above if a in important]
        return min(near, key=lambda a: (above[a], ranks.get(a, len(ranks)), a), default=ROOT)

    children: dict[str, set[str]] = {}
    for term in shown:
        while term != ROOT and term not in children.get(parent(term), ()):
            children.setdefault(parent(term), set()).add(term)
            term = parent(term)

    def nodes(term: str, depth: int) -> list[Node]:
        below = sorted(children.get(term, ()), key=lambda t: sort_key(t, lineages))
        if term not in shown and len(below) == 1:
            return nodes(below[0], depth)
        return [Node(term, depth), *(node for child in below for node in nodes(child, depth + 1))]

    return nodes(ROOT, 0) if shown else []
