"""What each gene tells for each cell type, worked out gene by gene when it is first asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Optional

from attrs import define, field, frozen

from gca_scanpy._names.lineages import Lineages
from gca_scanpy._scoring import numbers


@frozen
class CellType:
    """A cell type of the index.

    Attributes
    ----------
    positive
        Weight by gene, its own facts only.
    negative
        Genes that speak against it; its own facts only, too.
    canonical
        Its own canonical markers, in the order of the database.
    n_sources
        How many sources beside the database state any of its markers: how well-known it is.
    """

    key: str
    label: str
    id: Optional[str]
    tissues: frozenset[str]
    positive: Mapping[str, float]
    negative: frozenset[str]
    canonical: tuple[str, ...]
    n_sources: int = 0


@define(eq=False)
class Hits(Mapping[str, Mapping[str, float]]):
    """For each gene, the types that it marks, with what it tells for each: weight times information, in nats.

    A gene that few types have tells more. A subtype also has its ancestors' genes. A run meets a few hundred genes of
    thousands, so each is worked out when it is met.
    """

    types: Mapping[str, CellType]
    lineages: Lineages
    _owners: dict[str, str] = field(factory=dict, init=False)
    _near: dict[str, list[str]] = field(factory=dict, init=False)
    _far: dict[str, list[str]] = field(factory=dict, init=False)
    _norms: dict[str, float] = field(factory=dict, init=False)
    _found: dict[str, Mapping[str, float]] = field(factory=dict, init=False)
    _owned: dict[tuple[str, float, float], Mapping[str, float]] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        for key, kind in self.types.items():
            for gene in kind.positive:  # joined text: thousands of lists would have the garbage collector walk the heap
                self._owners[gene] = f"{self._owners[gene]}\n{key}" if gene in self._owners else key
            self._norms[key] = sum(kind.positive.values()) ** numbers.NUMBERS.length_exponent
            broad = self.lineages.broad(key)
            for ancestor in self.lineages.ontology.ancestors(key):
                if ancestor in self.types:
                    heirs = self._near if self.lineages.broad(ancestor) == broad else self._far
                    heirs.setdefault(ancestor, []).append(key)

    def __getitem__(self, gene: str) -> Mapping[str, float]:
        found = self._found.get(gene)
        if found is None:
            found = self._found[gene] = self._worked_out(gene)  # the same, whichever thread does it
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._owners)

    def __len__(self) -> int:
        return len(self._owners)

    def __contains__(self, gene: object) -> bool:
        return gene in self._owners

    def get(self, gene: str, default: Any = None) -> Any:
        """What a gene tells, or the default; without an error on the way, since most genes of a run mark nothing."""
        return self[gene] if gene in self._owners else default

    def owned(self, gene: str, least: float, weight: float) -> Mapping[str, float]:
        """What a gene of this weight tells for the types whose own marker it is, of at least this strength; kept."""
        asked = gene, least, weight
        if asked not in self._owned:
            owners = self._owners[gene].split("\n") if gene in self._owners else ()
            strong = [key for key in owners if self.types[key].positive[gene] >= least]
            self._owned[asked] = {key: round(weight * self[gene][key], 4) for key in strong}
        return self._owned[asked]

    def _worked_out(self, gene: str) -> Mapping[str, float]:
        owners = self._owners[gene].split("\n")
        tells = math.log1p(max(len(self.types), numbers.NUMBERS.min_types) / len(owners))
        own = {key: self.types[key].positive[gene] * tells / self._norms[key] for key in owners}
        found = dict(own)
        near, far = numbers.NUMBERS.inherited, numbers.NUMBERS.inherited_far
        for ancestor, value in own.items():
            for heirs, share in ((self._near, near), (self._far, far)):
                for key in heirs.get(ancestor, ()):
                    if value * share > found.get(key, 0.0) and gene not in self.types[key].negative:
                        found[key] = value * share
        return found
