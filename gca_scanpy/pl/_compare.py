"""Labelings of the same cells against each other, colored by how the ontology relates their labels: two, or votes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

from attrs import frozen

from gca_scanpy._adata import compare_columns
from gca_scanpy._adata.comparison import Comparison
from gca_scanpy._arguments import COUNT, LABEL_STYLE, Kind, checked, one_of
from gca_scanpy._keys import CONSENSUS_KEY, UNKNOWN_LABEL
from gca_scanpy._names.labels import Label, is_abstention
from gca_scanpy._names.ontology import Relation, relation, sort_key
from gca_scanpy._reporting.display import Labels
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError
from gca_scanpy.model import ClusterReport, Consensus, DatasetReport, Level, Vote
from gca_scanpy.pl._figure import (
    Save,
    cell_size,
    chosen,
    columns_on_top,
    drawn,
    finish,
    fitted,
    frame,
    mixed,
    new_axes,
    report_to_draw,
    row_names,
    rows_at_left,
    text_on,
)

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.axes import Axes

# Okabe and Ito's colors: blues agree, orange and red do not. The share of the cells makes them strong or pale.
RELATIONS: dict[Relation, tuple[str, str]] = {
    "exact": ("#0072B2", "the same type"),
    "kin": ("#56B4E9", "one is a kind of the other"),
    "lineage": ("#E69F00", "same lineage"),
    "unrelated": ("#D55E00", "unrelated"),
    "no term": ("#8C8C8C", "no term"),
}
EXACT_EDGE = "#06304D"
PALEST = 0.12  # share of the color in a field with very few cells
LONGEST_TERM, LONGEST_NAME, LONGEST_VOTE, LONGEST_KEY = 40, 40, 24, 22  # letters
WIDTH, HEIGHT, NARROW = 0.36, 0.24, 0.26  # inches, of a field; a narrow one has no room for a number


@checked(labels=LABEL_STYLE)
@drawn
def compare(
    adata: AnnData,
    first: str,
    second: str,
    *,
    terms: Optional[Mapping[str, str]] = None,
    labels: Labels = "full",
    ax: Optional[Axes] = None,
    show: Optional[bool] = None,
    save: Save = None,
    return_fig: bool = False,
) -> Any:
    """Draw how two columns of labels agree, as a table of one against the other.

    Each field has the number of cells with both labels, unless there are too many columns; its color is stronger, the
    larger their share of the row. The hue shows how the labels are related in the Cell Ontology: the same type,
    ancestor and descendant, of one lineage, unrelated, or without a term. Rows and columns are sorted by the ontology.
    The legend has the share of cells whose labels are the same type (exact), the share whose labels are the same or
    ancestor and descendant (compatible), and the adjusted Rand index, which compares the groups without their names.
    :func:`gca_scanpy.get.agreement` gives the numbers.

    Parameters
    ----------
    adata
        Any annotated data; cells that lack one of the labels are left out.
    first, second
        Columns of ``adata.obs``, for the rows and for the columns of the table.
    terms
        Cell Ontology ids or names for labels that the ontology does not know, such as ``{"CD19+ B": "B cell"}``.
    %(labels)s
    %(ax)s
    %(show)s

    Returns
    -------
    %(returns)s

    Raises
    ------
    MissingKeyError
        If a column does not exist.
    InputError
        If a column has no labels, if no cell has both labels, or if ``terms`` has a value that is not a term.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> gca.tl.annotate(adata, groupby="louvain", tissue="blood")
    >>> ax = gca.pl.compare(adata, "gptca_label", "bulk_labels", show=False)
    """
    result, label_terms = compare_columns(adata, first, second, _bundled.lineages(), terms)
    sides = [[(x, of[x]) for x in side] for side, of in zip((result.firsts, result.seconds), label_terms)]
    rows, columns = _names(sides, labels)
    wide, high = cell_size(len(columns), WIDTH), cell_size(len(rows), HEIGHT)
    width, height = wide * len(columns) + 0.07 * max(map(len, rows)), high * len(rows) + 0.07 * max(map(len, columns))
    fig, axes = new_axes(ax, max(width + 0.6, 5.5), height + 1.2)
    _draw_fields(axes, result, has_counts=wide > NARROW)
    color = _bundled.palette().together(*sides)
    rows_at_left(axes, rows, [color(*label) for label in sides[0]])
    columns_on_top(axes, columns, [color(*label) for label in sides[1]])
    frame(axes)
    down, across = fitted([first, second], LONGEST_TERM)
    axes.set_ylabel(down, fontsize=9)
    axes.set_xlabel(across, fontsize=9)
    axes.xaxis.set_label_position("top")
    unread = [label for side in sides for label, term in side if term is None and not is_abstention(label)]
    _legend(axes, result, adata.n_obs, fitted(unread, LONGEST_VOTE))
    return finish(fig, axes, "compare", given=ax is not None, show=show, save=save, return_fig=return_fig)


def _names(sides: Sequence[Sequence[Label]], labels: Labels) -> tuple[list[str], list[str]]:
    """The names of the rows and of the columns."""
    shown = _bundled.shortener().shown(*sides) if labels == "short" else {}
    names = fitted([shown.get(label, label[0]) for side in sides for label in side], LONGEST_TERM)
    return names[: len(sides[0])], names[len(sides[0]) :]


def _draw_fields(ax: Axes, result: Comparison, *, has_counts: bool) -> None:
    from matplotlib.patches import Rectangle

    places = [{label: i for i, label in enumerate(labels)} for labels in (result.firsts, result.seconds)]
    for pair in result.pairs:
        row, column = places[0][pair.first], places[1][pair.second]
        part = PALEST + (1 - PALEST) * pair.share
        color = mixed(RELATIONS[pair.relation][0], part)
        edge = EXACT_EDGE if pair.relation == "exact" else color  # so that a pale one is not mistaken for its neighbor
        corner, wide = (column - 0.5, row - 0.5), 1.2 if pair.relation == "exact" else 0
        ax.add_patch(Rectangle(corner, 1, 1, facecolor=color, edgecolor=edge, linewidth=wide, zorder=1 + wide))
        text = _short(pair.cells) if has_counts else ""
        ax.text(column, row, text, ha="center", va="center", fontsize=6.5, color=text_on(color), zorder=4)


def _short(count: int) -> str:
    """A count of at most four letters."""
    return str(count) if count < 10_000 else f"{count / 1e3:.0f}k" if count < 10**6 else f"{count / 1e6:.3g}M"


def _legend(ax: Axes, result: Comparison, n_cells: int, unread: Sequence[str]) -> None:
    from matplotlib.patches import Patch

    shown = {pair.relation for pair in result.pairs}
    more = f": {', '.join(unread[:3])}{', …' if len(unread) > 3 else ''}; give them with terms=" if unread else ""
    looks = {**RELATIONS, "no term": (RELATIONS["no term"][0], RELATIONS["no term"][1] + more)}
    patches = [Patch(facecolor=color, edgecolor=EXACT_EDGE if key == "exact" else color, label=name)
               for key, (color, name) in looks.items() if key in shown]  # fmt: skip
    of_all = f"{result.cells:,} cells" if result.cells == n_cells else f"{result.cells:,} of {n_cells:,} cells"
    without = sum(pair.cells for pair in result.pairs if pair.relation == "no term") / result.cells
    title = (
        f"exact {result.exact:.0%} · compatible {result.compatible:.0%}"
        f"{f' · no term {without:.0%}' if without else ''} · adjusted Rand {result.adjusted_rand:.2f} · {of_all}"
    )
    ax.legend(
        handles=patches, title=title, loc="upper left", bbox_to_anchor=(0, -0.02), ncols=2, fontsize=7,
        title_fontsize=8, frameon=False, alignment="left", borderaxespad=0,
    )  # fmt: skip


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
VOTE_WIDTH, VOTE_HEIGHT = 1.55, 0.24  # inches, of a field


@checked(depth=DEPTH, labels=LABEL_STYLE)
@drawn
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
    report = report_to_draw(data, key, labels)
    rows = _rows(chosen(report, clusters), depth)
    columns = [vote.key for vote in rows[0].consensus.votes]
    types = [(row.label, row.term) for row in rows]
    names = row_names([row.cluster for row in rows], fitted([label for label, _ in types], LONGEST_NAME))
    texts = _vote_texts(rows, labels)
    wide = VOTE_WIDTH * max(1.0, max(map(len, texts.values()), default=0) / LONGEST_VOTE)
    height = cell_size(len(rows), VOTE_HEIGHT) * len(rows) + 0.9
    fig, axes = new_axes(ax, wide * (len(columns) + 1) + 0.07 * max(map(len, names)), height)
    for y, row in enumerate(rows):
        for x, vote in enumerate(row.consensus.votes):
            _field(axes, (x, y), row.field(vote), row.share(vote), texts[vote.label, vote.ontology_id])
        axes.text(len(columns), y, f"{row.agreement:.2f}", ha="center", va="center", fontsize=7.5)
    color = _bundled.palette().of_report(report, types)
    rows_at_left(axes, names, [color(*one) for one in types])
    columns_on_top(axes, [*fitted(columns, LONGEST_KEY), "agreement"], ())
    axes.tick_params(axis="x", rotation=0)  # the fields are wide enough
    frame(axes)
    _vote_legend(axes, rows)
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


def _field(ax: Axes, place: tuple[int, int], kind: str, share: float, text: str) -> None:
    from matplotlib.patches import Rectangle

    hue = FIELDS[kind][0]
    color = mixed(hue, 1.0 if kind == "silent" else PALEST + (1 - PALEST) * share)
    ax.add_patch(Rectangle((place[0] - 0.5, place[1] - 0.5), 1, 1, facecolor=color, edgecolor="white", zorder=1))
    ax.text(*place, text, ha="center", va="center", fontsize=6.5, color=text_on(color))


def _vote_texts(rows: Sequence[_Row], labels: Labels) -> dict[Label, str]:
    """What stands in the fields: the label of each vote, or its short name, as far as it has room."""
    votes = list(dict.fromkeys((vote.label, vote.ontology_id) for row in rows for vote in row.consensus.votes))
    short = _bundled.shortener().shown(votes) if labels == "short" else {vote: vote[0] for vote in votes}
    texts = [short[vote] for vote in votes]
    return dict(zip(votes, fitted(texts, max(map(len, fitted(texts, LONGEST_VOTE)), default=0))))


def _vote_legend(ax: Axes, rows: Sequence[_Row]) -> None:
    from matplotlib.patches import Patch

    shown = {row.field(vote) for row in rows for vote in row.consensus.votes}
    patches = [Patch(facecolor=color, label=text) for kind, (color, text) in FIELDS.items() if kind in shown]
    ax.legend(handles=patches, loc="upper left", bbox_to_anchor=(0, -0.02), ncols=2, fontsize=7, frameon=False)
