"""Which genes tell a label from its nearest competitor, and whether the data can show them."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import Optional

from attrs import evolve, frozen

from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.case import Case
from gca_scanpy._scoring.index import MarkerIndex
from gca_scanpy._scoring.hits import CellType
from gca_scanpy.model import Separation

SHOWN_UNMEASURED = 10


@frozen
class Apart:
    """A label and its nearest competitor, with the genes that the database has to tell them apart.

    Attributes
    ----------
    competitor
        The best other candidate that excludes the label: neither an ancestor nor a subtype, and without a subtype in
        common. Types of the same broad type come first, then those that any gene separates from the label.
    of_label, of_competitor
        Canonical markers of one of the two, or of its ancestors, that are no markers of the other.
    inseparable
        The label of a better candidate that no gene of the database separates from the label; empty if there is none.
    """

    competitor: CellType
    of_label: tuple[str, ...]
    of_competitor: tuple[str, ...]
    inseparable: str = ""

    @property
    def genes(self) -> tuple[str, ...]:
        """The genes of both."""
        return (*self.of_label, *self.of_competitor)

    @classmethod
    def of(cls, key: str, case: Case) -> Optional[Apart]:
        """The genes that separate a type; None if the index has it not, or no other candidate competes with it."""
        index, first = case.index, None
        for competitor in _competitors(key, case):
            other = competitor.key
            apart = cls(competitor, _only(key, other, index), _only(other, key, index))
            if apart.genes:
                return evolve(apart, inseparable=first.inseparable) if first else apart
            first = first or evolve(apart, inseparable=competitor.label)
        return first

    def separation(self, measured: Optional[Container[str]]) -> Optional[Separation]:
        """How many of the genes were measured; None if it is not known which genes were."""
        genes = self.genes
        if measured is None:
            return None
        unmeasured = tuple(gene for gene in genes if gene not in measured)
        return Separation(
            competitor=self.competitor.label,
            competitor_id=self.competitor.id,
            n_genes=len(genes),
            n_measured=len(genes) - len(unmeasured),
            unmeasured=unmeasured[:SHOWN_UNMEASURED],
        )


def _competitors(key: str, case: Case) -> Iterator[CellType]:
    if key not in case.index.types:
        return
    lineages, broad = case.index.lineages, case.index.lineages.broad(key)
    scored = zip(case.candidates.keys[: numbers.NUMBERS.rivals_tried], case.candidates.scores)
    tried = [case.index.types[other] for other, score in scored if score > 0]
    siblings = [kind for kind in tried if broad is not None and lineages.broad(kind.id) == broad]
    for kind in (*siblings, *tried):
        if not _overlap(key, kind.key, case.index):
            yield kind


def _overlap(key: str, other: str, index: MarkerIndex) -> bool:
    """Whether a cell can be of both types: as "naive" and "CD4-positive" T cells have naive CD4-positive ones."""
    ontology = index.lineages.ontology
    ancestors = ontology.ancestors
    return ontology.related(key, other) or any(
        key in above and other in above for above in map(ancestors, index.family(key))
    )


def _only(key: str, other: str, index: MarkerIndex) -> tuple[str, ...]:
    """The canonical markers of a type and its ancestors that are no markers of another type; its own come first."""
    excluded = index.types[key].negative.union(_markers(other, index))
    return tuple(dict.fromkeys(gene for gene in _canonical(key, index) if gene not in excluded))


def _canonical(key: str, index: MarkerIndex) -> Sequence[str]:
    return [gene for owner in (key, *index.ancestors(key)) for gene in index.types[owner].canonical]


def _markers(key: str, index: MarkerIndex) -> frozenset[str]:
    """The markers of a type and its ancestors, strong or weak, without its negative ones."""
    owners = (key, *index.ancestors(key))
    return frozenset().union(*(index.types[owner].positive for owner in owners)) - index.types[key].negative
