"""What the samples say of each cluster, and how the cells of each cluster are divided among the samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Optional, Union

import numpy as np
import numpy.typing as npt
from attrs import frozen

from gca_scanpy._arguments import LABEL_STYLE, checked, one_of
from gca_scanpy._keys import DEFAULT_KEY, read_pair
from gca_scanpy._reporting.display import Labels
from gca_scanpy.errors import InputError
from gca_scanpy.model import ClusterReport, DatasetReport, SampleVote
from gca_scanpy.pl._figure import (
    Save,
    cell_size,
    chosen,
    columns_on_top,
    drawn,
    finish,
    fitted,
    frame,
    ink,
    label_of,
    new_axes,
    report_to_draw,
    row_names,
    rows_at_left,
    visible_blues,
)

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Value = Literal["vote", "share"]
LONGEST_LABEL, LONGEST_SAMPLE = 44, 30  # letters
VOTES = {"agrees": "#009E73", "differs": "#D55E00"}  # Okabe and Ito's, as those of the statuses
ABSTAINS, HATCH = "#EDEDED", "#9A9A9A"
ONE_SAMPLE = "#D55E00"


@checked(labels=LABEL_STYLE, value=one_of("vote", "share"))
@drawn
def samples(
    data: Union[AnnData, DatasetReport],
    *,
    key: str = DEFAULT_KEY,
    value: Value = "vote",
    clusters: Optional[Sequence[str]] = None,
    labels: Labels = "full",
    ax: Optional[Axes] = None,
    show: Optional[bool] = None,
    save: Save = None,
    return_fig: bool = False,
) -> Any:
    """Draw what the samples say of each cluster, clusters by samples.

    A field is green if the cells of the sample have the label of the cluster, and orange with a mark if they have
    another one. It is hatched if the sample has no vote, because its cells are too few or say nothing, and white if it
    has no cell of the cluster. Of samples that :func:`gca_scanpy.tl.harmonize` has named alike, each row is a name
    instead of a cluster, and a field is green if the sample has such cells.

    Parameters
    ----------
    %(data)s
    %(key)s
    value
        ``"vote"``; or ``"share"``, the share of the cluster's cells that come from the sample, from 0 to 1. The field
        of a sample that has nearly all cells of a cluster (``one_sample``) is framed. For names, it is the share of the
        sample's cells, and the colors go from 0 to the largest.
    clusters
        The clusters to show; all if None.
    %(labels)s
    %(ax)s
    %(show)s

    Returns
    -------
    %(returns)s

    Raises
    ------
    InputError
        If the run had no samples, if a cluster is not in the report, or if ``value`` is neither of the two.
    %(no_report)s

    Examples
    --------
    >>> import numpy as np
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> adata.obs["donor"] = np.where(np.arange(adata.n_obs) % 2, "A", "B")
    >>> gca.tl.annotate(adata, "louvain", tissue="blood", sample_key="donor")
    >>> ax = gca.pl.samples(adata, show=False)
    """
    report = report_to_draw(data, key, labels)
    shown = chosen(report, clusters)
    grid = _names_by_sample(shown) if report.parameters.get("within") else _clusters_by_sample(shown)
    if not grid.samples:
        msg = "the report has no samples; run gca_scanpy.tl.annotate with sample_key"
        raise InputError(msg)
    names = fitted(grid.samples, LONGEST_SAMPLE)
    size = cell_size(max(len(names), len(grid.rows)))  # the fields are square
    width = size * len(names) + 0.07 * max(map(len, grid.rows)) + (0.3 if value == "vote" else 1.1)
    fig, axes = new_axes(ax, max(width, 4.2), size * len(grid.rows) + 0.07 * max(map(len, names)) + 0.8)
    (_draw_votes if value == "vote" else _draw_shares)(fig, axes, grid)
    rows_at_left(axes, grid.rows)
    columns_on_top(axes, names, ())
    frame(axes)
    axes.set_aspect("equal", adjustable="box", anchor="W")
    return finish(fig, axes, "samples", given=ax is not None, show=show, save=save, return_fig=return_fig)


@frozen(eq=False)
class _Grid:
    """A row for each cluster or name, a column for each sample.

    Attributes
    ----------
    votes
        By row and column; a field without cells has none.
    shares
        From 0 to 1, shape (rows, columns); NaN without cells.
    alone
        The rows of clusters that are one sample's alone.
    of_samples
        Whether the shares are those of the sample's cells, and not those of the cluster's cells.
    """

    rows: Sequence[str]
    samples: Sequence[str]
    votes: dict[tuple[int, int], SampleVote]
    shares: npt.NDArray[np.float64]
    alone: Sequence[int] = ()
    of_samples: bool = False


def _clusters_by_sample(clusters: Sequence[ClusterReport]) -> _Grid:
    samples = list(dict.fromkeys(one.sample for cluster in clusters for one in cluster.samples))
    shares = np.full((len(clusters), len(samples)), np.nan)
    votes: dict[tuple[int, int], SampleVote] = {}
    for row, cluster in enumerate(clusters):
        for one in cluster.samples:
            place = row, samples.index(one.sample)
            votes[place], shares[place] = one.vote, one.n_cells / max(cluster.n_cells or 0, 1)
    texts = fitted([label_of(cluster) for cluster in clusters], LONGEST_LABEL)
    alone = [row for row, cluster in enumerate(clusters) if "one_sample" in cluster.validation.flag_reasons]
    return _Grid(row_names(clusters, texts), samples, votes, shares, alone)


def _names_by_sample(clusters: Sequence[ClusterReport]) -> _Grid:
    pairs = [(cluster, read_pair(cluster.cluster_id)[0]) for cluster in clusters]
    names = sorted({label_of(cluster) for cluster in clusters})
    samples = list(dict.fromkeys(sample for _, sample in pairs))
    cells = np.zeros((len(names), len(samples)))
    votes: dict[tuple[int, int], SampleVote] = {}
    for cluster, sample in pairs:
        place = names.index(label_of(cluster)), samples.index(sample)
        cells[place] += cluster.n_cells or 0
        vote: SampleVote = "agrees" if cluster.status == "supported" else "unclear"
        votes[place] = "agrees" if "agrees" in (vote, votes.get(place)) else vote
    shares = np.where(cells > 0, cells / np.maximum(cells.sum(axis=0), 1), np.nan)
    return _Grid(fitted(names, LONGEST_LABEL), samples, votes, shares, of_samples=True)


def _draw_votes(fig: Figure, ax: Axes, grid: _Grid) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.patches import Patch, Rectangle

    del fig
    n_rows, n_columns = grid.shares.shape
    between = [((x + 0.5, -0.5), (x + 0.5, n_rows - 0.5)) for x in range(n_columns - 1)]
    between += [((-0.5, y + 0.5), (n_columns - 0.5, y + 0.5)) for y in range(n_rows - 1)]
    # A hatched field cannot have an edge of another color than its hatches.
    ax.add_collection(LineCollection(between, colors="white", linewidths=0.8, zorder=3))
    for (row, column), vote in grid.votes.items():
        corner = (column - 0.5, row - 0.5)
        if vote in VOTES:
            ax.add_patch(Rectangle(corner, 1, 1, facecolor=VOTES[vote], linewidth=0))
        else:
            ax.add_patch(Rectangle(corner, 1, 1, facecolor=ABSTAINS, edgecolor=HATCH, hatch="////", linewidth=0))
        if vote == "differs":
            ax.text(column, row, "!", ha="center", va="center", fontsize=8, weight="bold", color="white")
    handles = [Patch(facecolor=color, label=vote) for vote, color in VOTES.items() if vote in grid.votes.values()]
    if set(grid.votes.values()) - set(VOTES):
        handles.append(Patch(facecolor=ABSTAINS, edgecolor=HATCH, hatch="////", label="no vote"))
    ax.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0, 0), ncols=len(handles), fontsize=7, frameon=False
    )  # fmt: skip


def _draw_shares(fig: Figure, ax: Axes, grid: _Grid) -> None:
    from matplotlib.patches import Rectangle

    top = float(np.nanmax(grid.shares)) if grid.of_samples else 1.0  # few names have half of a sample
    image = ax.imshow(
        grid.shares,
        cmap="Blues" if ink(ax) == "black" else visible_blues(ax),
        vmin=0,
        vmax=top,
        aspect="auto",
        interpolation="nearest",
    )
    for row in grid.alone:
        column = int(np.nanargmax(grid.shares[row]))
        corner = (column - 0.5, row - 0.5)
        ax.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=ONE_SAMPLE, linewidth=1.8, zorder=4))
    # Beside the fields, which have square cells and so do not fill the figure.
    field = 1 / len(grid.samples), min(1.0, 8 / len(grid.rows))
    bar = fig.colorbar(image, cax=ax.inset_axes((1 + 0.6 * field[0], 0, 0.5 * field[0], field[1])))
    bar.set_label(f"share of the {'sample' if grid.of_samples else 'cluster'}'s cells", fontsize=8)
    bar.ax.grid(False)  # Scanpy's figure settings turn it on
    bar.ax.tick_params(labelsize=7)
    bar.outline.set_visible(False)
