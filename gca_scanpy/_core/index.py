"""The marker database as the scorer sees it: how much each gene speaks for each cell type."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Optional

import pandas as pd
from attrs import define, field, frozen

from gca_scanpy._core.database import GENERAL, MarkerDatabase
from gca_scanpy._core.lineage import Lineages

# What follows was set on public clusters with expert labels; docs/scoring.md says how.
CANONICAL, SUPPORTING = 1.0, 0.5
CORROBORATED = 0.15  # more weight for every further source that states the fact
INHERITED = 0.5  # a fact of a parent, for its child; squared for a grandchild
FROM_SUBTYPE = 0.4  # a fact of a subtype, for its parent
LENGTH_EXPONENT = 0.3  # how far a long list of markers dilutes each of them
SHARPNESS = 8.0  # odds of a marker against a background gene, where the gene marks an average type


@frozen
class CellType:
    """A cell type of the index.

    Attributes
    ----------
    positive
        Weight by gene, its own facts only.
    negative
        Genes that speak against it, with those of its ancestors.
    canonical
        Its own canonical markers, in the order of the database.
    """

    key: str
    label: str
    id: Optional[str]
    tissues: frozenset[str]
    positive: Mapping[str, float]
    negative: frozenset[str]
    canonical: tuple[str, ...]


@define(eq=False)
class MarkerIndex:
    """All cell types of one species.

    Attributes
    ----------
    types
        By Cell Ontology id, or by name where there is none.
    hits
        For each gene, the types that it marks, with the log of its odds against a background gene.
    known
        The database's gene symbols by their upper-case form.
    foreign
        Types that the database describes for other species only.
    """

    species: str
    lineages: Lineages
    types: Mapping[str, CellType]
    hits: Mapping[str, Mapping[str, float]]
    known: Mapping[str, str]
    foreign: frozenset[str]
    _ancestors: dict[str, tuple[str, ...]] = field(factory=dict, init=False, repr=False)

    def ancestors(self, key: str) -> tuple[str, ...]:
        """The ancestors of a type that the index has, nearest first."""
        if key not in self._ancestors:
            distances = self.lineages.ontology.ancestors(key)
            self._ancestors[key] = tuple(sorted((a for a in distances if a in self.types), key=lambda a: (distances[a], a)))
        return self._ancestors[key]

    def family(self, term_id: str) -> tuple[str, ...]:
        """The types of the index that are a term, its ancestors or its descendants."""
        related = self.lineages.ontology.related
        return tuple(key for key, kind in self.types.items() if kind.id is not None and related(term_id, kind.id))


def build(database: MarkerDatabase, species: str, lineages: Lineages) -> MarkerIndex:
    """The index of a database for one species."""
    facts = database.facts[database.facts["species"].isin(["both", species])]
    types = _types(facts, lineages)
    weights = _with_relatives(types, lineages)
    known = {gene.upper(): gene for gene in facts["gene"]}
    foreign = frozenset(_keys(database.facts)) - frozenset(types)
    return MarkerIndex(species, lineages, types, _log_odds(weights), known, foreign)


def _keys(facts: pd.DataFrame) -> pd.Series:
    return facts["cl_id"].where(facts["cl_id"].ne(""), facts["cell_type"])


def _types(facts: pd.DataFrame, lineages: Lineages) -> dict[str, CellType]:
    strength = facts["strength"].map({"canonical": CANONICAL, "supporting": SUPPORTING})
    sources = facts["sources"].str.count(r"[^;]+")
    facts = facts.assign(weight=strength * (1 + CORROBORATED * sources), key=_keys(facts))
    types = {}
    for key, rows in facts.groupby("key", sort=True):
        positive = rows[rows["role"].eq("positive")]
        tissues = {t.strip() for cell in rows["tissue"].unique() for t in cell.split(";")}
        types[str(key)] = CellType(
            key=str(key),
            label=str(rows["cell_type"].iloc[0]),
            id=str(rows["cl_id"].iloc[0]) or None,
            tissues=frozenset() if GENERAL in tissues else frozenset(tissues),
            positive=dict(zip(positive["gene"], positive["weight"])),
            negative=frozenset(rows["gene"][rows["role"].eq("negative")]),
            canonical=tuple(positive["gene"][positive["strength"].eq("canonical")]),
        )
    return types


def _with_relatives(types: Mapping[str, CellType], lineages: Lineages) -> dict[str, dict[str, float]]:
    """Weights by type and gene, with what ancestors and subtypes lend."""
    weights = {key: dict(kind.positive) for key, kind in types.items()}
    for key, kind in types.items():
        for ancestor, distance in lineages.ontology.ancestors(key).items():
            if ancestor not in types:
                continue
            for gene, weight in types[ancestor].positive.items():
                _raise(weights[key], gene, weight * INHERITED**distance)
            for gene, weight in kind.positive.items():
                _raise(weights[ancestor], gene, weight * FROM_SUBTYPE**distance)
        for gene in kind.negative:
            weights[key].pop(gene, None)
    return weights


def _raise(weights: dict[str, float], gene: str, weight: float) -> None:
    if weight > weights.get(gene, 0.0):
        weights[gene] = weight


def _log_odds(weights: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Log odds of a gene among a type's markers against its share among those of all types."""
    shares = {}
    for key, genes in weights.items():
        norm = sum(genes.values()) ** LENGTH_EXPONENT or 1.0
        shares[key] = {gene: weight / norm for gene, weight in genes.items()}
    background: dict[str, float] = {}
    for genes in shares.values():
        for gene, share in genes.items():
            background[gene] = background.get(gene, 0.0) + share
    # Without a floor a gene of one type only would count without bound.
    floor = sum(background.values()) / max(len(background), 1)
    hits: dict[str, dict[str, float]] = {}
    for key, genes in shares.items():
        for gene, share in genes.items():
            odds = SHARPNESS * share / (background[gene] + floor)
            hits.setdefault(gene, {})[key] = math.log1p(odds)
    return hits
