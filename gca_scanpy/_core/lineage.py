"""Broad cell types for plotting and counting, and which lineages exclude one another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Optional

from attrs import define, field, frozen

from gca_scanpy._core.ontology import Ontology


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
