"""The names of the clusters on an embedding, none over another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gca_scanpy._adata import Clustering
from gca_scanpy.model import ClusterReport
from gca_scanpy.pl._figure import STATUS_MARKS, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

LONGEST_NAME = 18  # letters
TRIES = 3  # lines of text that a name may go up or down to find room
MANY = 20  # clusters, from which the names are smaller


def name_clusters(
    ax: Axes,
    clusters: Sequence[ClusterReport],
    cells: Clustering,
    places: npt.NDArray[np.floating[Any]],
    scores: npt.NDArray[np.floating[Any]],
) -> None:
    """Write each cluster's id in the middle of its cells, with its mark where the label did not stand.

    A name that finds no room is left out; those with a mark, and those of large clusters, choose first.
    """
    from matplotlib.patheffects import withStroke

    texts, sizes = [], cells.sizes
    for cluster in sorted(clusters, key=lambda c: (c.status == "supported", -sizes.get(c.cluster_id, 0))):
        if cluster.cluster_id not in cells.all_ids:
            continue
        own = cells.codes == cells.all_ids.index(cluster.cluster_id)
        # Cells that were clustered again under the same name have scores of other clusters: no name is better.
        if not np.allclose(scores[own], cluster.confidence_score):
            continue
        mark = "" if cluster.status == "supported" else f" {STATUS_MARKS[cluster.status]}"
        x, y = np.nanmedian(places[own], axis=0)
        name = shortened(cluster.cluster_id, LONGEST_NAME) + mark
        texts.append(ax.text(x, y, name, ha="center", va="center", fontsize=6.5 if len(clusters) > MANY else 8))
        texts[-1].set_path_effects([withStroke(linewidth=2.5, foreground="white")])
    _separate(ax, texts)


def _separate(ax: Axes, texts: Sequence[Text]) -> None:
    """Move names up or down, as little as is needed, until none covers another; delete those without room."""
    ax.figure.figure.draw_without_rendering()  # the layout decides where the axes are
    taken: list[Any] = [ax.title.get_window_extent()]
    for text in texts:
        box = text.get_window_extent()
        lines = sorted(range(-TRIES, TRIES + 1), key=lambda line: (abs(line), line))
        boxes = [box.translated(0, line * box.height) for line in lines]
        free = next((b for b in boxes if not any(b.overlaps(other) for other in taken)), None)
        if free is None:
            text.remove()
            continue
        taken.append(free)
        x, y = ax.transData.transform(text.get_position())
        moved = ax.transData.inverted().transform((x, y + free.y0 - box.y0))
        text.set_position((float(moved[0]), float(moved[1])))
