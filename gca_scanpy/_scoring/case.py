"""One cluster as scoring and judging see it, its weights and candidates worked out once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Optional

from attrs import frozen

from gca_scanpy._scoring.activity import ClusterCells
from gca_scanpy._scoring.index import MarkerIndex
from gca_scanpy._scoring.likelihood import Candidates, rank
from gca_scanpy._scoring.malignancy import MALIGNANT, malignancy
from gca_scanpy._scoring.path import Levels, Strength
from gca_scanpy._scoring.weights import Weights
from gca_scanpy._settings import Settings
from gca_scanpy._steps import ClusterMarkers


@frozen
class Limits:
    """The thresholds of a run.

    Attributes
    ----------
    min_support
        Genes of the cluster that must be known for the label.
    mixed_ratio
        Evidence of a disjoint lineage relative to that of the label, 0 to 1, from which the cluster counts as mixed.
    certainty
        The probability that a label must have, 0 to 1; a less probable one is replaced by an ancestor.
    """

    min_support: int
    mixed_ratio: float
    certainty: float

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """The thresholds of these settings."""
        return cls(settings.min_support, settings.mixed_ratio, settings.certainty)


@frozen(eq=False)
class Case:
    """A cluster with what the database says of it.

    Attributes
    ----------
    markers
        Its genes with canonical symbols.
    weights
        Its recognized genes with their weights.
    candidates
        The cell types that any of its ranked genes marks, best first.
    strength
        How much its genes say; None without candidates.
    levels
        How probable each term is.
    tissues
        Canonical tissues, empty if unknown.
    index
        The marker database of its species.
    limits
        The thresholds that a label must pass.
    malignant_genes
        The genes, as the data names them, that raise the suspicion of malignancy.
    cells
        Which genes its cells have on and off; None without a matrix.
    """

    markers: ClusterMarkers
    weights: Weights
    candidates: Candidates
    strength: Optional[Strength]
    levels: Levels
    tissues: tuple[str, ...]
    index: MarkerIndex
    limits: Limits
    malignant_genes: tuple[str, ...] = ()
    cells: Optional[ClusterCells] = None

    @classmethod
    def of(
        cls,
        markers: ClusterMarkers,
        index: MarkerIndex,
        tissues: Sequence[str],
        limits: Limits,
        cells: Optional[ClusterCells] = None,
    ) -> Case:
        """Weigh the genes of a cluster and rank its candidates."""
        weights = Weights.of(markers)
        candidates = rank(weights, tissues, index, cells)
        strength = Strength.of(weights, candidates[0], index) if candidates else None
        levels = Levels.of(candidates, strength, index) if strength else Levels({}, candidates, None, index)
        lineage = index.lineages.lineage(candidates[0].ontology_id) if candidates else None
        names = {gene.symbol: gene.name for gene in weights.ranked}
        malignant = tuple(names[symbol] for symbol in malignancy(names, lineage, tissues))
        return cls(markers, weights, candidates, strength, levels, tuple(tissues), index, limits, malignant, cells)

    @property
    def cluster_id(self) -> str:
        """The cluster as the data names it."""
        return self.markers.cluster_id

    def beyond_chance(self, key: Optional[str]) -> bool:
        """Whether random genes would rarely say as much, or else the markers of a term stand out in the cells."""
        if self.strength is not None and self.strength.beyond_chance:
            return True
        return self.cells is not None and key in self.index.types and self.cells.stands_out(key)

    @property
    def state_genes(self) -> Mapping[str, tuple[str, ...]]:
        """The states of the cells, with the genes that tell them, as the data names them."""
        names = {gene.symbol: gene.name for gene in self.weights.ranked}
        held = {state: tuple(names[gene] for gene in genes) for state, genes in self.weights.states.genes.items()}
        return {**held, MALIGNANT: self.malignant_genes} if self.malignant_genes else held

    @property
    def recognized(self) -> float:
        """The weight of the ranked genes that mark any type, without those of a state, which alone tell no type."""
        return self.strength.recognized if self.strength else 0.0
