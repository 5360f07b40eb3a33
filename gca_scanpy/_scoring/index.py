"""The marker database as the scorer sees it: how much each gene speaks for each cell type."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Optional

import pandas as pd
from attrs import define, field

from gca_scanpy._names.lineages import Lineages
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.database import COLUMNS, GENERAL, WEAK, MarkerDatabase
from gca_scanpy._scoring.hits import CellType, Hits


@define(eq=False)
class MarkerIndex:
    """All cell types of one species.

    Attributes
    ----------
    types
        By Cell Ontology id, or by name where there is none.
    hits
        For each gene, the types that it marks, with what it tells for each, in nats.
    known
        The database's gene symbols by their upper-case form.
    foreign
        Types that the database describes for other species only.
    """

    species: str
    lineages: Lineages
    types: Mapping[str, CellType]
    hits: Hits
    known: Mapping[str, str]
    foreign: frozenset[str]
    _ancestors: dict[str, tuple[str, ...]] = field(factory=dict, init=False, repr=False)
    _families: dict[str, tuple[str, ...]] = field(factory=dict, init=False, repr=False)

    def ancestors(self, key: str) -> tuple[str, ...]:
        """The ancestors of a type that the index has, nearest first."""
        if key not in self._ancestors:
            distances = self.lineages.ontology.ancestors(key)
            self._ancestors[key] = tuple(
                sorted((a for a in distances if a in self.types), key=lambda a: (distances[a], a))
            )
        return self._ancestors[key]

    def family(self, term_id: str) -> tuple[str, ...]:
        """The types of the index that are a term, its ancestors or its descendants."""
        if term_id not in self._families:
            ancestors = self.lineages.ontology.ancestors
            above = {term_id, *ancestors(term_id)}
            self._families[term_id] = tuple(
                key
                for key, kind in self.types.items()
                if kind.id is not None and (kind.id in above or term_id in ancestors(kind.id))
            )
        return self._families[term_id]


def build(
    database: MarkerDatabase, species: str, lineages: Lineages, orthologs: Optional[Mapping[str, str]] = None
) -> MarkerIndex:
    """The index of a database for one species.

    ``orthologs`` has human symbols by mouse symbol in capitals. A mouse gene that is a numbered copy of its ortholog
    (``Lyz2``, ``Cd8b1``) is taken as that gene, so that facts of both species come together in it.
    """
    drafts, everywhere = _drafts(database.facts, species, orthologs or {})
    types = {key: drafts[key].finish() for key in sorted(drafts)}
    genes = set(chain.from_iterable((*kind.positive, *kind.negative) for kind in types.values()))
    known = {gene.upper(): gene for gene in sorted(genes)}
    return MarkerIndex(species, lineages, types, Hits(types, lineages), known, frozenset(everywhere - set(types)))


@define
class _Draft:
    """A cell type while its facts are gathered."""

    key: str
    label: str
    id: Optional[str]
    tissues: set[str] = field(factory=set)
    positive: dict[str, float] = field(factory=dict)
    negative: set[str] = field(factory=set)
    canonical: dict[str, None] = field(factory=dict)  # ordered, and quick to look into
    sources: set[str] = field(factory=set)

    def finish(self) -> CellType:
        tissues = {tissue.strip() for cell in self.tissues for tissue in cell.split(";")}
        return CellType(
            key=self.key,
            label=self.label,
            id=self.id,
            tissues=frozenset() if GENERAL in tissues else frozenset(tissues),
            positive=self.positive,
            negative=frozenset(self.negative.difference(self.positive)),
            canonical=tuple(self.canonical),
            n_sources=len({source for stated in self.sources for source in _named(stated)}),
        )


def _same_gene(gene: str, orthologs: Mapping[str, str]) -> str:
    human = orthologs.get(gene.upper(), "")
    copy = human and gene.upper().startswith(human) and len(gene) <= len(human) + numbers.NUMBERS.max_copy_suffix
    return human if copy else gene


def _weight(strength: str, sources: str) -> float:
    used = numbers.NUMBERS
    if strength == WEAK:  # its one source is what makes it a fact, so it is not corroborated
        return used.weak
    base = used.canonical if strength == "canonical" else used.supporting
    return base * (1 + used.corroboration * len(_named(sources)))


def _named(sources: str) -> list[str]:
    return [source for source in sources.split(";") if source]


def _drafts(facts: pd.DataFrame, species: str, orthologs: Mapping[str, str]) -> tuple[dict[str, _Draft], set[str]]:
    """The types that have facts for a species, and the keys of all types. A loop: pandas takes five times as long."""
    drafts: dict[str, _Draft] = {}
    everywhere: set[str] = set()
    weigh = {pair: _weight(*pair) for pair in set(zip(facts["strength"].tolist(), facts["sources"].tolist()))}
    draft, place = _Draft("", "", None), ""
    positive = draft.positive
    for label, cl_id, gene, of, tissue, role, strength, sources in zip(*(facts[name].tolist() for name in COLUMNS)):
        key = cl_id or label
        if of != "both" and of != species:
            everywhere.add(key)
            continue
        if key != draft.key:  # most rows follow one of the same type
            everywhere.add(key)
            draft = drafts.get(key) or drafts.setdefault(key, _Draft(key, label, cl_id or None))
            positive, place = draft.positive, ""
        if tissue != place:
            place = tissue
            draft.tissues.add(tissue)
        symbol = _same_gene(gene, orthologs) if of == "mouse" else gene
        if role == "negative":
            draft.negative.add(symbol)
            continue
        if sources:
            draft.sources.add(sources)
        weight = weigh[strength, sources]
        if weight > positive.get(symbol, 0.0):
            positive[symbol] = weight
        if strength == "canonical":
            draft.canonical[symbol] = None
    return drafts, everywhere
