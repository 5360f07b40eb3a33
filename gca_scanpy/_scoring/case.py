"""One cluster as scoring and judging see it, worked out once, and the offline scorer's verdict on it.

The verdict is the deepest term that the evidence makes certain enough, with the finest guess below it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Optional

from attrs import field, frozen

from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.index import MarkerIndex
from gca_scanpy._scoring.likelihood import Candidates, rank
from gca_scanpy._scoring.malignancy import MALIGNANT, malignancy
from gca_scanpy._scoring.path import Levels, Strength
from gca_scanpy._scoring.weights import ClusterCells, Weights
from gca_scanpy._settings import Settings
from gca_scanpy._steps import ClusterMarkers, Verdict
from gca_scanpy.model import Alternative, Candidate, Level


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
    expressed, absent
        The symbols of all genes that it is known to express, ranked or not, and of the others that it lacks; None
        among them if a gene is unmapped.
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
    expressed: frozenset[Optional[str]] = field(init=False, repr=False)
    absent: frozenset[Optional[str]] = field(init=False, repr=False)

    @expressed.default
    def _all_expressed(self) -> frozenset[Optional[str]]:
        markers = self.markers
        return frozenset(gene.symbol for gene in (*markers.genes, *markers.expressed, *markers.present))

    @absent.default
    def _all_absent(self) -> frozenset[Optional[str]]:
        return frozenset(gene.symbol for gene in self.markers.absent) - self.expressed

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
        strength = Strength.of(weights, candidates, index) if candidates else None
        levels = Levels.of(candidates, strength, index) if strength else Levels({}, candidates, None, index)
        lineage = index.lineages.lineage(index.types[candidates.keys[0]].id) if candidates else None
        malignant = tuple(weights.names[symbol] for symbol in malignancy(weights.names, lineage, tissues))
        return cls(markers, weights, candidates, strength, levels, tuple(tissues), index, limits, malignant, cells)

    @property
    def cluster_id(self) -> str:
        """The cluster as the data names it."""
        return self.markers.cluster_id

    def beyond_chance(self, key: Optional[str]) -> bool:
        """Whether random genes would rarely say as much of a term; the cells have a say in it, too."""
        return self.strength is not None and self.strength.beyond(self.log_odds_of_cells(key))

    def log_odds_of_cells(self, key: Optional[str]) -> float:
        """What the cells say of whether the genes are random, for a term, in log-odds; 0 without a matrix.

        A cluster that differs from the others is no accident, but it can be of a type that the database does not know:
        that speaks only for a term that is certain enough.
        """
        if self.cells is None or key is None:
            return 0.0
        standing = self.cells.standing(key) if key in self.index.types else 0.0
        distinct = self.cells.distinct
        if distinct > 0 and self.levels.probability(key) < self.limits.certainty:
            distinct = 0.0
        return numbers.NUMBERS.standing_weight * standing + distinct

    @property
    def state_genes(self) -> Mapping[str, tuple[str, ...]]:
        """The states of the cells, with the genes that show them, as the data names them."""
        names = self.weights.names
        held = {state: tuple(names[gene] for gene in genes) for state, genes in self.weights.states.genes.items()}
        return {**held, MALIGNANT: self.malignant_genes} if self.malignant_genes else held

    @property
    def recognized(self) -> float:
        """The weight of the ranked genes that mark any type, without those of a state, which alone tell no type."""
        return self.strength.recognized if self.strength else 0.0


SHOWN_ALTERNATIVES, SHOWN_GENES, SHOWN_GENES_OF_ALTERNATIVE = 3, 5, 3


def propose(case: Case) -> Verdict:
    """The scorer's verdict: the deepest term that is certain enough, or Unknown if no gene marks a type."""
    candidates, state = case.candidates, case.weights.states.note
    found = certain_level(case)
    if found is None:
        return Verdict(
            case.cluster_id,
            UNKNOWN_LABEL,
            None,
            0.0,
            "offline",
            f"No cell type: {state}." if state else "No gene of this cluster marks a cell type of the database.",
        )
    level, path = found
    finest = path[-1]
    best = candidates.find(finest.ontology_id or finest.label) or candidates[0]
    genes = [e.gene for e in best.supporting]
    return Verdict(
        cluster_id=case.cluster_id,
        label=level.label,
        ontology_id=level.ontology_id,
        confidence_score=level.probability,
        source="offline",
        rationale=_rationale(level, finest, genes),
        alternatives=_alternatives(candidates, best),
        markers=tuple(genes),
        path=path,
    )


def certain_level(case: Case) -> Optional[tuple[Level, tuple[Level, ...]]]:
    """The deepest level that is certain enough, and the path through it; None if no gene marks a type."""
    is_marked = bool(case.candidates) and case.candidates.scores[0] > 0
    label = case.levels.deepest(case.limits.certainty) if is_marked else None
    if label is None:
        return None
    path = case.levels.path(label)
    return _level(_beyond_chance(label, path, case), path), path


def _beyond_chance(label: str, path: Sequence[Level], case: Case) -> str:
    """The label, or if chance could have given it, its last ancestor that the cells show; the label if none is."""
    keys = [level.ontology_id or level.label for level in path]
    shown = (key for key in reversed(keys[: keys.index(label) + 1]) if case.beyond_chance(key))
    return next(shown, label)


def _level(key: str, path: Sequence[Level]) -> Level:
    return next(level for level in path if (level.ontology_id or level.label) == key)


def _rationale(level: Level, finest: Level, genes: Sequence[str]) -> str:
    known = f"{len(genes)} marker genes are known for {finest.label}: {', '.join(genes[:SHOWN_GENES])}."
    if level == finest:
        return known
    return f"{known} That it is a {level.label} is more certain ({level.probability:.0%}; {finest.probability:.0%})."


def _alternatives(candidates: Sequence[Candidate], chosen: Candidate) -> tuple[Alternative, ...]:
    others = [c for c in candidates[: SHOWN_ALTERNATIVES + 1] if c is not chosen]
    return tuple(Alternative(c.label, _share_and_genes(c), c.ontology_id) for c in others[:SHOWN_ALTERNATIVES])


def _share_and_genes(candidate: Candidate) -> str:
    genes = ", ".join(e.gene for e in candidate.supporting[:SHOWN_GENES_OF_ALTERNATIVE])
    return f"{candidate.probability:.0%} of the evidence, from {genes}"
