"""How terms lie to each other in the ontology: what comes next to what, and how far apart they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Optional

from attrs import frozen

from gca_scanpy._core.lineage import Lineages

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
