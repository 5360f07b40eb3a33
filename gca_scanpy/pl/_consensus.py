"""The votes of several tools on each cluster, colored by how they agree with the consensus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

from attrs import frozen

from gca_scanpy._arguments import COUNT, LABEL_STYLE, Kind, checked, one_of
from gca_scanpy._keys import CONSENSUS_KEY, UNKNOWN_LABEL
from gca_scanpy._names.labels import Label
from gca_scanpy._names.ontology import relation, sort_key
from gca_scanpy._reporting.display import Labels
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError
from gca_scanpy.model import ClusterReport, Consensus, DatasetReport, Level, Vote
from gca_scanpy.pl._compare import PALEST, RELATIONS, mixed
from gca_scanpy.pl._figure import (
    Save,
    chosen,
    documented,
    finish,
    fitted,
    new_axes,
    report_to_draw,
    row_name,
    shortened,
)
from gca_scanpy.pl._layout import columns_on_top, frame, rows_at_left

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.axes import Axes

Depth = Union[str, int]
DEPTHS = ("label", "broad")
DEPTH = Kind(
    lambda value: one_of(*DEPTHS).accepts(value) or COUNT.accepts(value), "'label', 'broad', or a whole number from 1"
)
# The color and the meaning of each field; the colors are those of `compare`.
FIELDS = {
    "for": (RELATIONS["exact"][0], "for the label, or a subtype"),
    "open": (RELATIONS["kin"][0], "broader than the label"),
    "related": (RELATIONS["lineage"][0], "another type of its lineage"),
    "other": (RELATIONS["unrelated"][0], "another lineage, or no label"),
    "silent": ("#D9D9D9", "no cell type"),
}
LONGEST_NAME, LONGEST_VOTE, LONGEST_KEY = 40, 24, 22  # letters
WIDTH, HEIGHT = 1.55, 0.24  # inches, of a field
DARK = 0.55  # brightness below which a text is white


@checked(depth=DEPTH, labels=LABEL_STYLE)
@documented
def consensus(
    data: Union[AnnData, DatasetReport],
    *,
    key: str = CONSENSUS_KEY,
    depth: Depth = "label",
    clusters: Optional[Sequence[str]] = None,
    labels: Labels = "full",
    ax: Optional[Axes] = None,
    show: Optional[bool] = None,
    save: Save = None,
    return_fig: bool = False,
) -> Any:
    """Draw the votes on each cluster as a table, clusters by columns of labels.

    Each field has the most frequent label of a column in the cluster. Its hue shows whether it is for the consensus,
    broader, another type of the same lineage, or of another lineage; it is stronger, the more of the cells agree with
    this. The last column has the agreement. Rows are sorted by the ontology.

    Parameters
    ----------
    %(data)s
    %(key)s
    depth
        The level that the votes are compared with: ``"label"``, the label of the consensus; ``"broad"``, its broad
        type; or the number of a level, from 1 for the broad type to the finest one that a vote is for.
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
        If the report has no votes, or lacks one of the clusters.
    %(no_report)s

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> gca.tl.annotate(adata, groupby="louvain", tissue="blood")
    >>> gca.tl.consensus(adata, ["gptca_label", "bulk_labels"], groupby="louvain", tissue="blood")
    >>> ax = gca.pl.consensus(adata, show=False)
    """
    rows = _rows(chosen(report_to_draw(data, key, labels), clusters), depth)
    columns = [vote.key for vote in rows[0].consensus.votes]
    names = list(map(row_name, (row.cluster for row in rows), fitted([row.label for row in rows], LONGEST_NAME)))
    fig, axes = new_axes(ax, WIDTH * (len(columns) + 1) + 0.07 * max(map(len, names)), HEIGHT * len(rows) + 0.9)
    short = _bundled.shortener().shown([_label(vote) for row in rows for vote in row.consensus.votes])
    for y, row in enumerate(rows):
        for x, vote in enumerate(row.consensus.votes):
            text = short[_label(vote)] if labels == "short" else vote.label
            _field(axes, (x, y), row.field(vote), row.share(vote), shortened(text, LONGEST_VOTE))
        axes.text(len(columns), y, f"{row.agreement:.2f}", ha="center", va="center", fontsize=7.5)
    palette = _bundled.palette()
    rows_at_left(axes, names, [palette.color(row.label, row.term) for row in rows])
    columns_on_top(axes, [*(shortened(name, LONGEST_KEY) for name in columns), "agreement"], ())
    axes.tick_params(axis="x", rotation=0)  # the fields are wide enough
    frame(axes)
    _legend(axes, rows)
    return finish(fig, axes, "consensus", given=ax is not None, show=show, save=save, return_fig=return_fig)


@frozen
class _Row:
    """A cluster, and the level of its path that the votes are compared with; None if there is no consensus."""

    cluster: ClusterReport
    consensus: Consensus
    level: Optional[Level]

    @property
    def label(self) -> str:
        return self.level.label if self.level else UNKNOWN_LABEL

    @property
    def term(self) -> Optional[str]:
        return self.level.ontology_id if self.level else None

    @property
    def agreement(self) -> float:
        return self.level.probability if self.level else 0.0

    def backing(self, vote: Vote) -> float:
        """Share of a vote that stands behind the level."""
        return self.consensus.backing(vote, self.level)

    def field(self, vote: Vote) -> str:
        """How a vote agrees with the level, a key of ``FIELDS``."""
        if vote.ontology_id is None:
            return "silent"
        lineages = _bundled.lineages()
        if self.backing(vote) >= 0.5:
            return "for"
        if self.term in lineages.ontology.ancestors(vote.ontology_id) or self.term == vote.ontology_id:
            return "for"
        if self.term is not None and vote.ontology_id in lineages.ontology.ancestors(self.term):
            return "open"
        return "related" if relation(vote.ontology_id, self.term, lineages) == "lineage" else "other"

    def share(self, vote: Vote) -> float:
        """How strong the color of the field is, 0 to 1: the share of the cells that agree or do not."""
        backing = self.backing(vote)
        return vote.voting * (backing if self.field(vote) == "for" else 1 - backing)


def _rows(clusters: Sequence[ClusterReport], depth: Depth) -> list[_Row]:
    rows = [_Row(c, c.consensus, _level(c.consensus, depth)) for c in clusters if c.consensus is not None]
    if not rows:
        msg = "the report has no votes, so there is nothing to show; gca_scanpy.tl.consensus writes a report that has"
        raise InputError(msg)
    order = [cluster.cluster_id for cluster in clusters]
    lineages = _bundled.lineages()
    return sorted(rows, key=lambda row: (sort_key(row.term, lineages), order.index(row.cluster.cluster_id)))


def _level(one: Consensus, depth: Depth) -> Optional[Level]:
    if not one.path or one.ontology_id is None:
        return None
    if depth == "label":
        return one.level
    return one.path[0 if depth == "broad" else min(int(depth), len(one.path)) - 1]


def _label(vote: Vote) -> Label:
    return vote.label, vote.ontology_id


def _field(ax: Axes, place: tuple[int, int], kind: str, share: float, text: str) -> None:
    from matplotlib.patches import Rectangle

    hue = FIELDS[kind][0]
    color = mixed(hue, 1.0 if kind == "silent" else PALEST + (1 - PALEST) * share)
    ax.add_patch(Rectangle((place[0] - 0.5, place[1] - 0.5), 1, 1, facecolor=color, edgecolor="white", zorder=1))
    brightness = sum(part * value for part, value in zip((0.3, 0.59, 0.11), color))
    ax.text(*place, text, ha="center", va="center", fontsize=6.5, color="white" if brightness < DARK else "black")


def _legend(ax: Axes, rows: Sequence[_Row]) -> None:
    from matplotlib.patches import Patch

    shown = {row.field(vote) for row in rows for vote in row.consensus.votes}
    patches = [Patch(facecolor=color, label=text) for kind, (color, text) in FIELDS.items() if kind in shown]
    ax.legend(
        handles=patches, loc="upper left", bbox_to_anchor=(0, -0.02), ncols=2, fontsize=7, frameon=False,
        borderaxespad=0,
    )  # fmt: skip
