"""How sure the labels are, per cluster or on an embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union

import numpy as np

from gca_scanpy._adata import read_clustering, report_of
from gca_scanpy._keys import DEFAULT_KEY, ObsKeys
from gca_scanpy.errors import InputError, MissingKeyError
from gca_scanpy.model import CONFIDENCE_LEVELS, DatasetReport
from gca_scanpy.pl._figure import (
    CONFIDENCE_COLORS,
    LONGEST_ID,
    LONGEST_LABEL,
    STATUS_COLORS,
    STATUS_MARKS,
    Save,
    finish,
    label_of,
    new_axes,
    shortened,
)
from gca_scanpy.pl._names import name_clusters

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.axes import Axes


def confidence(
    data: Union[AnnData, DatasetReport],
    *,
    key: str = DEFAULT_KEY,
    basis: Optional[str] = None,
    ax: Optional[Axes] = None,
    show: Optional[bool] = None,
    save: Save = None,
    return_fig: bool = False,
) -> Any:
    """Draw how sure the labels are: a bar per cluster, or the cells on an embedding.

    A mark tells the status: ✓ supported, ! flagged, ? unknown; on an embedding it follows the cluster's name,
    and supported clusters have none.

    Parameters
    ----------
    data
        An annotated object, or a report (bars only).
    key
        The ``key_added`` of the run; not used with a report.
    basis
        An embedding of :func:`scanpy.pl.embedding`, such as ``"umap"``; bars where None.
    ax
        Axes to draw into; new ones where None.
    show, save, return_fig
        As in Scanpy's plots. ``save`` may also be a path.

    Returns
    -------
    matplotlib.axes.Axes, matplotlib.figure.Figure or None
        The axes where they are not shown, the figure with ``return_fig``.

    Raises
    ------
    InputError
        Where an embedding is asked for of a report.
    MissingKeyError
        Where there is no report under this key, or no such embedding.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> result = gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B", "BANK1"]})
    >>> ax = gca.pl.confidence(result, show=False)
    """
    report = report_of(data, key)
    clusters = report.clusters
    if basis is not None:
        if isinstance(data, DatasetReport):
            msg = f"basis={basis!r} needs the annotated object, because a report has no cells"
            raise InputError(msg)
        return _embedding(data, report, basis, key, ax, show, save, return_fig)
    ids = [shortened(c.cluster_id, LONGEST_ID) for c in clusters]
    names = [f"{key} · {shortened(label_of(c), LONGEST_LABEL)}" for key, c in zip(ids, clusters)]
    fig, axes = new_axes(ax, 5 + 0.07 * max(map(len, names)), 0.27 * len(clusters) + 1.4)
    positions = range(len(clusters))
    colors = [CONFIDENCE_COLORS[c.confidence] for c in clusters]
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
    for row, cluster in enumerate(clusters):
        mark, color = STATUS_MARKS[cluster.status], STATUS_COLORS[cluster.status]
        axes.text(cluster.confidence_score + 0.015, row, mark, color=color, va="center", weight="bold", fontsize=9)
    _legend(axes)
    return finish(fig, axes, "confidence", given=ax is not None, show=show, save=save, return_fig=return_fig)


def _legend(ax: Axes) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    levels = [Patch(color=CONFIDENCE_COLORS[level], label=level) for level in reversed(CONFIDENCE_LEVELS)]
    marks = [
        Line2D([], [], linestyle="", marker=f"${mark}$", color=STATUS_COLORS[status], label=status)
        for status, mark in STATUS_MARKS.items()
    ]
    handles = [handle for pair in zip(levels, marks) for handle in pair]  # columns are filled first: a row of each
    ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize=7, frameon=False)


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
    place = next((name for name in (f"X_{basis}", basis) if name in adata.obsm), None)
    if place is None:
        msg = f"there is no embedding {basis!r}; .obsm has: {', '.join(adata.obsm) or 'none'}"
        raise MissingKeyError(msg)
    if column not in adata.obs:
        msg = f"there is no .obs[{column!r}] any more; run gca.tl.annotate again"
        raise MissingKeyError(msg)
    fig, axes = new_axes(ax, 6.5, 5)
    # Reversed, so that sure is blue here as it is in the bars.
    options = {"vmin": 0, "vmax": 1, "cmap": "cividis_r", "title": "confidence score", "frameon": True}
    sc.pl.embedding(adata, basis, color=column, ax=axes, show=False, **options)
    axes.set_title("confidence score", fontsize=10)
    places, groupby = np.asarray(adata.obsm[place])[:, :2], report.parameters.get("groupby")
    if groupby is not None and groupby in adata.obs:
        scores = adata.obs[column].to_numpy(dtype=float)
        name_clusters(axes, report.clusters, read_clustering(adata, groupby), places, scores)
    return finish(fig, axes, f"confidence_{basis}", given=ax is not None, show=show, save=save, return_fig=return_fig)
