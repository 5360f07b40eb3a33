"""What the facts of a cell type tell: the information of each gene for each type, and the witnesses of a fact.

The information is computed when a gene is first looked up. The witnesses are the lists that state a fact, and the
expression profiles in which its gene stands out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Optional, TypeVar

import numpy as np
import numpy.typing as npt
from attrs import define, field, frozen

from gca_scanpy._names.ontology import Lineages
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.malignancy import names_a_disease
from gca_scanpy.model import Witnesses

Read = TypeVar("Read")
Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]  # of types, in the order of their keys
ByType = tuple[Places, Floats]  # places of types, and a value for each


@frozen
class CellType:
    """A cell type of the index.

    Attributes
    ----------
    positive
        Strength of each marker; the type's own facts only.
    negative
        Negative markers; its own facts and those of its ancestors.
    canonical
        Its own canonical markers, in the order of the database.
    n_sources
        Number of other sources that list any of its markers: a measure of how well-known the type is.
    stated
        For each marker, the cells ``sources``, ``nearby``, ``seen`` and ``unseen`` of its fact.
    """

    key: str
    label: str
    id: Optional[str]
    tissues: frozenset[str]
    positive: Mapping[str, float]
    negative: frozenset[str]
    canonical: tuple[str, ...]
    n_sources: int = 0
    stated: Mapping[str, tuple[str, str, str, str]] = field(factory=dict)

    @property
    def lists(self) -> frozenset[str]:
        """The independent lists that state any of its facts."""
        return frozenset(group(name) for sources, *_ in self.stated.values() for name in parts(sources))

    def is_elsewhere(self, tissues: Sequence[str]) -> bool:
        """Whether the type belongs to other tissues than these only; not if either are unknown."""
        return bool(tissues and self.tissues) and self.tissues.isdisjoint(tissues)

    def tissue_factor(self, tissues: Sequence[str]) -> float:
        """What the evidence for the type is multiplied by in these tissues."""
        if not tissues or not self.tissues:
            return 1.0
        return numbers.NUMBERS.out_of_tissue if self.is_elsewhere(tissues) else numbers.NUMBERS.in_tissue


@define(eq=False)
class Hits(Mapping[str, Mapping[str, float]]):
    """For each gene, its information for the types that it marks, in nats.

    A gene that marks few types has more information. A subtype inherits its ancestors' genes. A run looks up a few
    hundred of thousands of genes, so the information of each is computed when it is first looked up.

    Attributes
    ----------
    ordered, places
        The keys of the types in order, and the place of each: arrays by type have this order.
    """

    types: Mapping[str, CellType]
    lineages: Lineages
    _owners: dict[str, list[str]] = field(factory=dict, init=False)
    _near: dict[str, list[str]] = field(factory=dict, init=False)
    _far: dict[str, list[str]] = field(factory=dict, init=False)
    _norms: dict[str, float] = field(factory=dict, init=False)
    _information: dict[str, Mapping[str, float]] = field(factory=dict, init=False)
    _order: dict[str, tuple[str, ...]] = field(factory=dict, init=False)
    _denied: dict[str, list[str]] = field(factory=dict, init=False)
    _own: dict[tuple[str, float, float], Mapping[str, float]] = field(factory=dict, init=False)
    _broad: Optional[tuple[Sequence[str], Places]] = field(default=None, init=False)
    _arrays: dict[str, ByType] = field(factory=dict, init=False)
    _own_arrays: dict[tuple[str, float, float], ByType] = field(factory=dict, init=False)
    _denied_places: dict[str, Places] = field(factory=dict, init=False)
    _lineages: list[Optional[str]] = field(factory=list, init=False)  # by place; None for a disease, which fits all
    _excluded: dict[str, npt.NDArray[np.bool_]] = field(factory=dict, init=False)
    _elsewhere: dict[tuple[str, ...], npt.NDArray[np.bool_]] = field(factory=dict, init=False)
    ordered: Sequence[str] = field(init=False)
    places: Mapping[str, int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.ordered = sorted(self.types)
        self.places = {key: place for place, key in enumerate(self.ordered)}
        broad = {key: self.lineages.broad(key) for key in self.types}
        for key in self.ordered:
            term = self.types[key].id
            self._lineages.append(None if names_a_disease(term, self.lineages) else self.lineages.lineage(term))
        for key, cell_type in self.types.items():
            for gene in cell_type.positive:
                self._owners.setdefault(gene, []).append(key)
            for gene in cell_type.negative:
                self._denied.setdefault(gene, []).append(key)
            self._norms[key] = sum(cell_type.positive.values()) ** numbers.NUMBERS.length_exponent
            for ancestor in self.lineages.ontology.ancestors(key):
                if ancestor in broad:
                    heirs = self._near if broad[ancestor] is broad[key] else self._far
                    heirs.setdefault(ancestor, []).append(key)

    def __getitem__(self, gene: str) -> Mapping[str, float]:
        information = self._information.get(gene)
        if information is None:  # two threads may compute it at once; both get the same
            information = self._information[gene] = self._with_heirs(gene)
        return information

    def __iter__(self) -> Iterator[str]:
        return iter(self._owners)

    def __len__(self) -> int:
        return len(self._owners)

    def __contains__(self, gene: object) -> bool:
        return gene in self._owners

    def get(self, gene: str, default: Any = None) -> Any:
        """The information of a gene, or the default. It raises no error, since most genes of a run mark nothing."""
        return self[gene] if gene in self._owners else default

    def best(self, gene: str) -> tuple[str, ...]:
        """The types that a gene marks, those for which it has most information first; kept."""
        if gene not in self._order:
            information = self.get(gene, {})
            self._order[gene] = tuple(sorted(information, key=lambda key: (-information[key], key)))
        return self._order[gene]

    def denied(self, gene: str) -> Sequence[str]:
        """The types of which a gene is a negative marker."""
        return self._denied.get(gene, ())

    def denied_places(self, gene: str) -> Places:
        """The places of the types of which a gene is a negative marker; kept."""
        if gene not in self._denied_places:
            self._denied_places[gene] = np.array([self.places[key] for key in self.denied(gene)], dtype=np.intp)
        return self._denied_places[gene]

    def own(self, gene: str, min_strength: float, weight: float) -> Mapping[str, float]:
        """The contribution of a gene of this weight to the types whose own marker of this strength it is; kept."""
        key = gene, min_strength, weight
        if key not in self._own:
            owners = self._owners.get(gene, ())
            strong = [owner for owner in owners if self.types[owner].positive[gene] >= min_strength]
            self._own[key] = {owner: round(weight * self[gene][owner], 4) for owner in strong}
        return self._own[key]

    def arrays(self, gene: str) -> ByType:
        """The places of the types that a gene marks, and its information for each; kept."""
        if gene not in self._arrays:
            self._arrays[gene] = self._by_place(self[gene])
        return self._arrays[gene]

    def own_arrays(self, gene: str, min_strength: float, weight: float) -> ByType:
        """What :meth:`own` gives, by the places of the types; kept."""
        key = gene, min_strength, weight
        if key not in self._own_arrays:
            self._own_arrays[key] = self._by_place(self.own(*key))
        return self._own_arrays[key]

    def _by_place(self, values: Mapping[str, float]) -> ByType:
        return np.array([self.places[key] for key in values], dtype=np.intp), np.array(
            list(values.values()), dtype=float
        )

    def of_genes(self, genes: Sequence[str]) -> tuple[Places, Places, Floats]:
        """For each gene and type that it marks: their places, that of the gene among these, and the information."""
        if not genes:
            return np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0)
        places, nats = zip(*map(self.arrays, genes))
        return np.repeat(np.arange(len(genes)), list(map(len, places))), np.concatenate(places), np.concatenate(nats)

    def most_marked(self, genes: Sequence[str]) -> Sequence[str]:
        """The types that some genes mark, those for which they have most information first."""
        _, places, nats = self.of_genes(genes)
        total = np.bincount(places, nats, minlength=len(self.ordered))
        order = np.argsort(-total, kind="stable")[: np.count_nonzero(total)]
        return [self.ordered[place] for place in order.tolist()]

    def best_by_broad(self, n_genes: int, genes: Places, places: Places, values: Floats) -> Floats:
        """The highest value of each gene for any type of each broad type: genes by numbers of broad types."""
        names, numbers_ = self.broad_types()
        best = np.zeros((n_genes, len(names)))
        np.maximum.at(best, (genes, numbers_[places]), values)
        return best

    def broad_types(self) -> tuple[Sequence[str], Places]:
        """The ids of the broad types, and for each type the number of its own; kept.

        A type that belongs to none stands for itself.
        """
        if self._broad is None:
            broad = [self.lineages.broad(self.types[key].id) for key in self.ordered]
            names = sorted({kind.id if kind else key for kind, key in zip(broad, self.ordered)})
            numbers_ = {name: number for number, name in enumerate(names)}
            of_types = [numbers_[kind.id if kind else key] for kind, key in zip(broad, self.ordered)]
            self._broad = names, np.array(of_types, dtype=np.intp)
        return self._broad

    def excluded(self, term: str) -> npt.NDArray[np.bool_]:
        """Which types a term excludes, by place: those of other lineages, but no diseases; kept."""
        if term not in self._excluded:
            own, ancestors = self.lineages.lineage(term), self.lineages.ontology.ancestors
            fits = {lineage: self.lineages.compatible_lineages(own, lineage) for lineage in set(self._lineages)}
            kin = {term, *ancestors(term)}
            excluded = [
                not fits[lineage] and key not in kin and term not in ancestors(key)
                for key, lineage in zip(self.ordered, self._lineages)
            ]
            self._excluded[term] = np.array(excluded, dtype=bool)
        return self._excluded[term]

    def elsewhere(self, tissues: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Which types belong to other tissues only, by place; kept."""
        place = tuple(tissues)
        if place not in self._elsewhere:
            self._elsewhere[place] = np.array([self.types[key].is_elsewhere(place) for key in self.ordered], dtype=bool)
        return self._elsewhere[place]

    def _with_heirs(self, gene: str) -> Mapping[str, float]:
        """The information of a gene for the types that list it and for their subtypes."""
        used = numbers.NUMBERS
        owners = self._owners[gene]
        rarity = math.log1p(max(len(self.types), used.min_types) / len(owners))
        own = {key: self.types[key].positive[gene] * rarity / self._norms[key] for key in owners}
        information = dict(own)
        for ancestor, nats in own.items():
            for heirs, factor in ((self._near, used.inherited), (self._far, used.inherited_far)):
                for key in heirs.get(ancestor, ()):
                    if nats * factor > information.get(key, 0.0) and gene not in self.types[key].negative:
                        information[key] = nats * factor
        return information


VENDORS = frozenset({"abcam", "bd_biosciences", "cell_signaling", "thermofisher"})  # they copy from one another
ASCTB = "asctb"  # the source whose tables cite publications
PROFILE = "profile"  # a kind of source
AT = "@"  # between a source and the neighbor of the type for which it states the fact


@frozen
class PublicSource:
    """A public source of statements about markers.

    Attributes
    ----------
    code
        A letter: a capital for a list, a small letter for an expression profile.
    name
        Name in ``sources`` of a marker table and in reports.
    kind
        ``list`` (written by curators), ``computed`` (from single-cell data), ``vendor`` (a catalog of antibodies) or
        ``profile`` (mean expression of a study's cell types).
    species, tissue
        What it is about; the tissue is empty if it is about many.
    citation, doi, home, license
        Its publication, web page and terms of use, each of which may be empty.
    title
        Its name as readers know it.
    """

    code: str
    name: str
    kind: str
    species: str
    tissue: str
    citation: str
    doi: str
    home: str
    license: str
    title: str

    @property
    def group(self) -> str:
        """What it is not independent of; all profiles count as one source."""
        return group(self.name) if self.kind != PROFILE else self.kind


def group(name: str) -> str:
    """The name of a list, or of the group of lists that are not independent of one another."""
    return "vendor" if name in VENDORS else name


def read_sources(lines: Iterable[str]) -> dict[str, PublicSource]:
    """Sources by their code, from the lines of ``sources.tsv``."""
    _, *rows = lines
    return {source.code: source for source in (PublicSource(*row.rstrip("\n").split("\t")) for row in rows)}


def named_columns(
    sources: Mapping[str, PublicSource], stated: Sequence[str], nearby: Sequence[str], seen: Sequence[str]
) -> tuple[list[str], list[str], list[str], list[str]]:
    """The columns ``sources``, ``nearby``, ``seen`` and ``unseen`` of a marker table, from the codes of facts."""

    def names(codes: str) -> str:
        return ";".join(sources[code].name for code in codes)

    def neighbors(parts: str) -> str:
        return ";".join(f"{sources[part[0]].name}{AT}CL:{part[1:]}" for part in parts.split(",") if part)

    return (
        read_once(names, stated),
        read_once(neighbors, nearby),
        read_once(lambda codes: names(codes.partition("/")[0]), seen),
        read_once(lambda codes: names(codes.partition("/")[2]), seen),
    )


def read_once(read: Callable[[str], Read], cells: Sequence[str]) -> list[Read]:
    """What each cell says; many cells are equal, so each is read once."""
    texts = {cell: read(cell) for cell in set(cells)}
    return [texts[cell] for cell in cells]


def parts(cell: str) -> tuple[str, ...]:
    """The sources in a cell of a marker table."""
    return tuple(filter(None, cell.split(";")))


@lru_cache(maxsize=65536)
def witnesses(fact_of: str, sources: str, nearby: str, seen: str, unseen: str) -> Witnesses:
    """The witnesses of a fact of a type, from the cells of a marker table."""
    stated, near, in_favor, others = map(parts, (sources, nearby, seen, unseen))
    return Witnesses(fact_of, stated, near, in_favor, len(in_favor) + len(others))
