"""The confidence of the labels, per cluster or on an embedding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy as np
import numpy.typing as npt

from gca_scanpy._adata import Clustering, embedding_name, reported_clustering, rows_of
from gca_scanpy._adata.members import first_two
from gca_scanpy._adata.objects import column_of
from gca_scanpy._arguments import LABEL_STYLE, checked
from gca_scanpy._keys import DEFAULT_KEY, ObsKeys
from gca_scanpy._reporting.display import LEVELS, STATUSES, Labels, finer_guess
from gca_scanpy.errors import InputError, MissingKeyError
from gca_scanpy.model import CONFIDENCE_LEVELS, ClusterReport, DatasetReport
from gca_scanpy.pl._figure import (
    LONGEST_LABEL,
    Save,
    chosen,
    documented,
    finish,
    fitted,
    label_of,
    new_axes,
    report_to_draw,
    row_name,
    shortened,
)

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.text import Text

LONGEST_NAME = 18  # letters
TRIES = 3  # lines of text by which a name may move up or down
MANY = 20  # clusters, from which on the names are smaller
# The finest guess: seen on a bar of any color, and on the page.
RING: Mapping[str, Any] = {
    "linestyle": "", "marker": "o", "markersize": 5.5, "markerfacecolor": "white", "markeredgecolor": "black",
    "markeredgewidth": 1.1, "zorder": 3,
}  # fmt: skip


@checked(labels=LABEL_STYLE)
@documented
def confidence(
    data: Union[AnnData, DatasetReport],
    *,
    key: str = DEFAULT_KEY,
    basis: Optional[str] = None,
    labels: Labels = "full",
    ax: Optional[Axes] = None,
    show: Optional[bool] = None,
    save: Save = None,
    return_fig: bool = False,
) -> Any:
    """Draw the confidence of the labels: a bar per cluster, or the cells on an embedding.

    The confidence is the probability that the label, or a subtype of it, is right. If the finest guess is finer than
    the label, a ring on the bar shows its probability. A mark shows the status: ✓ supported, ! flagged, ? unknown. On
    an embedding it follows the name of the cluster, and supported clusters have no mark.

    Parameters
    ----------
    data
        An annotated object; for bars, also a report.
    %(key)s
    basis
        An embedding of :func:`scanpy.pl.embedding`, such as ``"umap"``. If None, bars are drawn.
    %(labels)s
    %(ax)s
    %(show)s

    Returns
    -------
    %(returns)s

    Raises
    ------
    InputError
        If an embedding of a report is requested, or if the report has no clusters.
    MissingKeyError
        If there is no report under this key, or no such embedding.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> result = gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B", "BANK1"]})
    >>> ax = gca.pl.confidence(result, show=False)
    """
    report = report_to_draw(data, key, labels)
    clusters = chosen(report, None)
    if basis is not None:
        if isinstance(data, DatasetReport):
            msg = f"basis={basis!r} needs the annotated object, because a report has no cells"
            raise InputError(msg)
        return _embedding(data, report, basis, key, ax, show, save, return_fig)
    names = list(map(row_name, clusters, fitted([label_of(c) for c in clusters], LONGEST_LABEL)))
    fig, axes = new_axes(ax, 5 + 0.07 * max(map(len, names)), 0.27 * len(clusters) + 1.4)
    positions = range(len(clusters))
    colors = [LEVELS[c.confidence].plot for c in clusters]
    axes.barh(positions, [c.confidence_score for c in clusters], color=colors, height=0.7)
    axes.set_yticks(list(positions), names, fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(clusters) - 0.5, -0.5)
    axes.set_xlim(0, 1.12)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axes.tick_params(axis="x", labelsize=8)
    axes.set_xlabel("confidence score", fontsize=9)
    axes.grid(False)  # Scanpy's figure settings turn it on
    axes.spines[["top", "right"]].set_visible(False)
    guesses = {row: guess.probability for row, guess in enumerate(map(finer_guess, clusters)) if guess}
    axes.plot(list(guesses.values()), list(guesses), **RING)
    for row, cluster in enumerate(clusters):
        # The confidence may be capped, and then the ring is beside the bar.
        look, x = STATUSES[cluster.status], max(cluster.confidence_score, guesses.get(row, 0.0) + 0.01) + 0.015
        axes.text(x, row, look.mark, color=look.plot, va="center", weight="bold", fontsize=9)
    _legend(axes, has_guesses=bool(guesses))
    return finish(fig, axes, "confidence", given=ax is not None, show=show, save=save, return_fig=return_fig)


def _legend(ax: Axes, *, has_guesses: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    levels = [Patch(color=LEVELS[level].plot, label=level) for level in reversed(CONFIDENCE_LEVELS)]
    marks = [
        Line2D([], [], linestyle="", marker=f"${look.mark}$", color=look.plot, label=status)
        for status, look in STATUSES.items()
    ]
    # matplotlib fills a legend by columns; in this order levels and marks have a row each.
    handles = [handle for pair in zip(levels, marks) for handle in pair]
    if has_guesses:
        handles.append(Line2D([], [], **{**RING, "label": "probability of the finest guess"}))
    columns = 4 if has_guesses else 3
    ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, fontsize=7, frameon=False)


def _embedding(
    adata: AnnData,
    report: DatasetReport,
    basis: str,
    key: str,
    ax: Optional[Axes],
    show: Optional[bool],
    save: Save,
    return_fig: bool,
) -> Any:
    import scanpy as sc

    column = ObsKeys(key).confidence_score
    place = embedding_name(adata, basis)
    if column not in adata.obs:
        msg = f".obs[{column!r}] does not exist; run gca.tl.annotate again"
        raise MissingKeyError(msg)
    places = first_two(adata.obsm[place], place)
    fig, axes = new_axes(ax, 6.5, 5)
    # Reversed, so that high confidence is blue here as it is in the bars.
    options = {"vmin": 0, "vmax": 1, "cmap": "cividis_r", "title": "confidence score", "frameon": True}
    sc.pl.embedding(adata, basis, color=column, ax=axes, show=False, **options)
    axes.set_title("confidence score", fontsize=10)
    groupby = report.parameters.get("groupby")
    if groupby is not None and groupby in adata.obs:
        scores = column_of(adata.obs, column).to_numpy(dtype=float)
        _name_clusters(axes, report.clusters, reported_clustering(adata, report), places, scores)
    return finish(fig, axes, f"confidence_{basis}", given=ax is not None, show=show, save=save, return_fig=return_fig)


def _name_clusters(
    ax: Axes,
    clusters: Sequence[ClusterReport],
    cells: Clustering,
    places: npt.NDArray[np.floating[Any]],
    scores: npt.NDArray[np.floating[Any]],
) -> None:
    """Write the id of each cluster in the middle of its cells, with its mark unless it is supported.

    Names with a mark, and then those of large clusters, are placed first. A name without room is left out.
    """
    from matplotlib.patheffects import withStroke

    texts, rows = [], rows_of(clusters, cells)
    members_of = [(cluster, rows == row) for row, cluster in enumerate(clusters)]
    for cluster, members in sorted(members_of, key=lambda pair: (pair[0].status == "supported", -pair[1].sum())):
        if not members.any():
            continue
        # If the cells were clustered again under the same name, their scores are of other clusters: write no name.
        if not np.allclose(scores[members], cluster.confidence_score):
            continue
        mark = "" if cluster.status == "supported" else f" {STATUSES[cluster.status].mark}"
        x, y = np.nanmedian(places[members], axis=0)
        name = shortened(cluster.cluster_id, LONGEST_NAME) + mark
        texts.append(ax.text(x, y, name, ha="center", va="center", fontsize=6.5 if len(clusters) > MANY else 8))
        texts[-1].set_path_effects([withStroke(linewidth=2.5, foreground="white")])
    _separate(ax, texts)


def _separate(ax: Axes, texts: Sequence[Text]) -> None:
    """Move names up or down, as little as possible, until none covers another; remove those without room."""
    ax.figure.figure.draw_without_rendering()  # the layout sets the position of the axes
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
