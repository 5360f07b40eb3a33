"""A row per cluster: what it is, how sure, and the genes that say so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union

from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy.model import ClusterReport, DatasetReport
from gca_scanpy.pl._figure import (
    CONFIDENCE_COLOURS,
    STATUS_COLOURS,
    STATUS_MARKS,
    Save,
    finish,
    new_axes,
    report_of,
    shortened,
)

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.axes import Axes

# Left edges of the columns, in the axes' own units (0 to 1).
CLUSTER, CELLS, LABEL, BAR, STATUS, GENES = 0.0, 0.185, 0.20, 0.475, 0.60, 0.685
BAR_WIDTH = 0.10


def report(
    data: Union[AnnData, DatasetReport],
    *,
    key: str = DEFAULT_KEY,
    n_genes: int = 5,
    ax: Optional[Axes] = None,
    show: Optional[bool] = None,
    save: Save = None,
    return_fig: bool = False,
) -> Any:
    """Draw the report, a row per cluster.

    Each row has the cluster, its cells, its label (the proposed one in brackets where the label did not
    stand), the confidence as a bar from 0 to 1, the status with its flags, and the strongest supporting genes;
    contradicting genes follow in orange.

    Parameters
    ----------
    data
        An annotated object, or a report.
    key
        The ``key_added`` of the run; not used with a report.
    n_genes
        Supporting genes shown.
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
    MissingKeyError
        Where there is no report under this key.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> result = gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B", "BANK1"]})
    >>> ax = gca.pl.report(result, show=False)
    """
    clusters = report_of(data, key).clusters
    fig, axes = new_axes(ax, 13.5, 0.32 * len(clusters) + 0.9)
    axes.set_xlim(0, 1)
    axes.set_ylim(len(clusters) - 0.4, -1.2)
    axes.axis("off")
    headings = (
        (CLUSTER, "cluster"),
        (LABEL, "label"),
        (BAR, "confidence"),
        (STATUS, "status"),
        (GENES, "marker genes"),
    )
    for x, text in headings:
        axes.text(x, -0.85, text, weight="bold", va="center", fontsize=9)
    axes.text(CELLS - 0.01, -0.85, "cells", weight="bold", va="center", ha="right", fontsize=9)
    axes.axhline(-0.5, color="black", linewidth=0.8)
    for row, cluster in enumerate(clusters):
        _draw_row(axes, row, cluster, n_genes)
    return finish(fig, axes, "report", given=ax is not None, show=show, save=save, return_fig=return_fig)


def _draw_row(ax: Axes, row: int, cluster: ClusterReport, n_genes: int) -> None:
    from matplotlib.patches import Rectangle

    if row % 2:
        ax.axhspan(row - 0.5, row + 0.5, color="#F3F3F3", zorder=0)
    annotation, validation = cluster.annotation, cluster.validation
    label = annotation.primary_label
    if annotation.proposed_label != label:
        label = f"{label} ({annotation.proposed_label})"
    style: dict[str, Any] = {"va": "center", "fontsize": 8}
    ax.text(CLUSTER, row, shortened(cluster.cluster_id, 27), **style)
    ax.text(CELLS - 0.01, row, "" if cluster.n_cells is None else f"{cluster.n_cells:,}", ha="right", **style)
    ax.text(LABEL, row, shortened(label, 46), **style)
    ax.add_patch(Rectangle((BAR, row - 0.27), BAR_WIDTH, 0.54, color="#E6E6E6", linewidth=0))
    filled = BAR_WIDTH * cluster.confidence_score
    ax.add_patch(Rectangle((BAR, row - 0.27), filled, 0.54, color=CONFIDENCE_COLOURS[cluster.confidence], linewidth=0))
    ax.text(BAR + BAR_WIDTH - 0.003, row, cluster.confidence, ha="right", va="center", fontsize=7)
    status = f"{STATUS_MARKS[cluster.status]} {cluster.status}"
    ax.text(STATUS, row, status, color=STATUS_COLOURS[cluster.status], **style)
    supporting = ", ".join(validation.supporting_markers[:n_genes]) or "none"
    contradicting = ", ".join(list(validation.contradictory_markers)[:3]) if cluster.status == "flagged" else ""
    flags = ", ".join(validation.flag_reasons)
    text = ax.text(GENES, row, shortened(supporting, 44), **style)
    more = "; ".join(part for part in (f"against: {contradicting}" if contradicting else "", flags) if part)
    if more:
        ax.annotate(
            shortened(more, 46), xy=(1, 0.5), xycoords=text, xytext=(6, 0), textcoords="offset points",
            color=STATUS_COLOURS["flagged"], va="center", fontsize=7,
        )  # fmt: skip
