"""What the cells tell of a type besides the ranking: which of its genes they have on, and which they have off.

A ranking only has genes that are higher in a cluster than elsewhere. The cells also show the genes that they share with
other clusters, and those that they lack, so they separate types that the same ranked genes mark: a T cell without CD8A
in data in which other T cells have it. Each type has each of its markers on with a rate that the strength of the fact
gives; a type that does not list a gene has it on as often as the clusters of the data have. A subtype has the markers
of its ancestors, so these say nothing between it and its parent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Optional

import numpy as np
import numpy.typing as npt
from attrs import define, field, frozen

from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.index import MarkerIndex
from gca_scanpy._steps import Activity, ClusterMarkers

Floats = npt.NDArray[np.float64]
LEAST_SPREAD = 1e-9  # what is less is a rounding error: all genes are on alike


@frozen(eq=False)
class _Markers:
    """The measured markers of a type: their columns, strengths, and what they tell if they are on or off, in nats."""

    columns: npt.NDArray[np.intp]
    strengths: Floats
    if_on: Floats
    if_off: Floats


def of_cells(clusters: Sequence[ClusterMarkers], index: MarkerIndex) -> list[Optional[ClusterCells]]:
    """The evidence of the cells of each cluster of a run; None without a matrix."""
    activity = clusters[0].activity if clusters else None
    if activity is None:
        return [None] * len(clusters)
    run = _Run(activity, index)
    rows = [activity.rows[cluster.cluster_id] for cluster in clusters]
    return [ClusterCells(run, activity.on[row], activity.off[row]) for row in rows]


@define(eq=False)
class _Run:
    """The genes of a run. The markers of a type are looked up once for all clusters."""

    activity: Activity
    index: MarkerIndex
    _markers: dict[str, _Markers] = field(factory=dict, init=False)
    known: npt.NDArray[np.intp] = field(init=False)  # columns of the genes that mark any type

    def __attrs_post_init__(self) -> None:
        hits = self.index.hits
        known = [column for symbol, column in self.activity.columns.items() if symbol in hits]
        self.known = np.array(known, dtype=np.intp)

    def markers(self, key: str) -> _Markers:
        """The markers of a type and of its ancestors that the data have; kept."""
        if key not in self._markers:  # two threads may make it at once; both make the same
            self._markers[key] = self._find(key)
        return self._markers[key]

    def _find(self, key: str) -> _Markers:
        used, index, columns = numbers.NUMBERS, self.index, self.activity.columns
        negative = index.types[key].negative
        strengths: dict[int, float] = {}
        for owner in (key, *index.ancestors(key)):
            for gene, strength in index.types[owner].positive.items():
                column = columns.get(gene)
                if column is not None and gene not in negative:
                    strengths[column] = max(strength, strengths.get(column, 0.0))
        positive = np.array(list(strengths), dtype=np.intp)
        denied = np.array([columns[gene] for gene in sorted(negative) if gene in columns], dtype=np.intp)
        strong = np.array(list(strengths.values()), dtype=np.float64)
        rates = np.minimum(used.max_on, used.on_per_strength * strong)
        usual, usual_of_denied = self.activity.usual[positive], self.activity.usual[denied]
        denied_on = (1 - used.max_on) * usual_of_denied
        return _Markers(
            columns=np.concatenate([positive, denied]),
            strengths=np.concatenate([strong, np.zeros(len(denied))]),
            if_on=np.log(np.concatenate([rates / usual + 1 - rates, denied_on / usual_of_denied])),
            if_off=np.log(np.concatenate([1 - rates, (1 - denied_on) / (1 - usual_of_denied)])),
        )


@frozen(eq=False)
class ClusterCells:
    """The evidence of the cells of one cluster."""

    _run: _Run
    on: Floats
    off: Floats

    def nats(self, key: str) -> float:
        """How much better a type explains which genes are on and off than an unknown type does."""
        markers = self._run.markers(key)
        return float(self.on[markers.columns] @ markers.if_on + self.off[markers.columns] @ markers.if_off)

    def shifts(self, scores: Mapping[str, float], tissues: Sequence[str]) -> list[float]:
        """What the cells add to the scores of some candidates when scores become shares, in nats.

        Between lineages hundreds of genes differ, and the ranking has the best of them, so the cells count little.
        Within a broad type few genes decide, so they count more, up to a part of the score. They speak for a subtype
        only where it is common, and if it explains the cells at all, which no type does if the cluster is mixed.
        """
        used, keys = numbers.NUMBERS, list(scores)
        kin = [self._kin(key, keys) for key in keys]
        lineages, common = [self.nats(anchor) for anchor in kin], self._run.index.priors.common(tissues)
        best = max(lineages, default=0.0)
        shifts = []
        for key, lineage in zip(keys, lineages):
            nats, most = self.nats(key), used.max_expression_part * max(scores[key], 0.0)
            beyond = float(np.clip(nats - lineage, -used.max_kin_nats, used.max_kin_nats))
            limit = most if key in common and nats > 0 else 0.0
            shift = min(max(used.cell_weight_of_kin * beyond, -most), limit)
            shifts.append(used.cell_weight * (lineage - best) + shift)
        return shifts

    def standing(self, key: str) -> float:
        """By how many standard errors the cells have the markers of a term on, compared with other genes; 0 to 5.

        Each gene is compared with what is usual in the clusters of the data: markers that all of them share do not
        count, because groups of cells that were chosen at random have them, too.
        """
        used, markers = numbers.NUMBERS, self._run.markers(key)
        above = self.on - self._run.activity.usual
        known, weights = above[self._run.known], np.minimum(markers.strengths, used.canonical)
        spread = known.std() if len(known) else 0.0
        if weights.sum() < used.min_standing_genes or spread < LEAST_SPREAD:
            return 0.0
        error = spread * np.sqrt((weights**2).sum()) / weights.sum()
        mean = above[markers.columns] @ weights / weights.sum()
        return float(np.clip((mean - known.mean()) / error, 0.0, used.max_standing))

    def _kin(self, key: str, keys: Sequence[str]) -> str:
        """The broadest ancestor of the same broad type; the type itself if it has subtypes of other broad types."""
        index, broad = self._run.index, self._run.index.lineages.broad
        own, ancestors = broad(key), index.lineages.ontology.ancestors
        if own is None or any(key in ancestors(other) and broad(other) != own for other in keys):
            return key
        return [other for other in (key, *index.ancestors(key)) if broad(other) == own][-1]
