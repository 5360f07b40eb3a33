"""A row per cluster: its label, the confidence, and the genes behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

from attrs import frozen

from gca_scanpy._arguments import LABEL_STYLE, checked
from gca_scanpy._keys import DEFAULT_KEY, UNKNOWN_LABEL
from gca_scanpy._reporting.curation import standing
from gca_scanpy._reporting.display import LEVELS, STATUSES, Labels, guess_text
from gca_scanpy.db import _bundled
from gca_scanpy.model import ClusterReport, DatasetReport, Decision
from gca_scanpy.pl._figure import (
    Save,
    cell_size,
    chosen,
    drawn,
    finish,
    fitted,
    fitted_ids,
    full_axes,
    ink,
    label_of,
    report_to_draw,
    shortened,
    tint,
)

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.axes import Axes

BAR_WIDTH, BAR_HEIGHT = 0.9, 0.54  # inches, rows
DOT = 0.16  # inches
CURATED = "curated label"
LONGEST_NAME, LONGEST_LIST, LONGEST_RIVAL = 48, 50, 26  # letters
LONGEST_MARK, LONGEST_ENTRY = 18, 44  # letters, on a picture of cells and beside it
MOST_AGAINST = 3  # contradicting genes shown
TITLE_SIZE, TEXT_SIZE = 9.0, 8.0  # points
GAP, ROW, LEAST_ROW, MARGIN = 0.22, 0.27, 0.18, 0.08  # inches


@frozen(kw_only=True)
class Column:
    """A column of the table.

    Attributes
    ----------
    texts
        A text for each row.
    colors
        A color for each row, or one for all; that of the text if empty.
    before
        Space left of the texts for drawings, in inches; for each row, or one for all.
    right
        Whether the texts are aligned to the right, as numbers are.
    """

    title: str
    texts: Sequence[str]
    colors: Union[str, Sequence[str]] = ""
    before: Union[float, Sequence[float]] = 0.0
    right: bool = False


@checked(labels=LABEL_STYLE)
@drawn
def report(
    data: Union[AnnData, DatasetReport],
    *,
    key: str = DEFAULT_KEY,
    n_genes: int = 5,
    labels: Labels = "full",
    ax: Optional[Axes] = None,
    show: Optional[bool] = None,
    save: Save = None,
    return_fig: bool = False,
) -> Any:
    """Draw the report, a row per cluster.

    Each row has the cluster, its number of cells, its label with the color of its type (and in brackets the proposed
    label if the checks stopped it), the label that a curator decided on, the confidence as a bar from 0 to 1, the
    finest guess with its probability if it is finer than the label, the status, the flags, the states, the strongest
    supporting genes, and of a flagged cluster the type that speaks against the label with its genes. Empty columns are
    left out.

    Parameters
    ----------
    %(data)s
    %(key)s
    n_genes
        Number of supporting genes shown.
    %(labels)s
    ax
        Axes to draw into; the text shrinks until it fits. If None, new axes that are as large as the table.
    %(show)s

    Returns
    -------
    %(returns)s

    Raises
    ------
    InputError
        If the report has no clusters.
    %(no_report)s

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> result = gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B", "BANK1"]})
    >>> ax = gca.pl.report(result, show=False)
    """
    report = report_to_draw(data, key, labels)
    clusters, decided = chosen(report, None), standing(report)
    decisions = [decided.get(cluster.cluster_id) for cluster in clusters]
    fig, axes = full_axes(ax)
    columns = _columns(axes, clusters, decisions, n_genes)
    lefts = draw_table(axes, columns, given=ax is not None)
    left_of = dict(zip((column.title for column in columns), lefts))
    color = _bundled.palette().of_report(report)
    _draw_dots(axes, [color(c.annotation.primary_label, c.annotation.ontology_id) for c in clusters], left_of["label"])
    if CURATED in left_of:
        dots = [color(d.to_label, d.to_ontology_id) if d else None for d in decisions]
        _draw_dots(axes, dots, left_of[CURATED])
    _draw_bars(axes, clusters, left_of["confidence"])
    return finish(fig, axes, "report", given=ax is not None, show=show, save=save, return_fig=return_fig)


def _columns(
    ax: Axes, clusters: Sequence[ClusterReport], decisions: Sequence[Optional[Decision]], n_genes: int
) -> list[Column]:
    def genes(names: Iterable[str], limit: int) -> str:
        return shortened(", ".join(list(names)[:limit]), LONGEST_LIST)

    curated = [d.to_label if d else "" for d in decisions]
    names = fitted([*map(label_of, clusters), *curated, *map(guess_text, clusters)], LONGEST_NAME)
    n = len(clusters)
    orange = tint(ax, STATUSES["flagged"])
    columns = [
        Column(title="cluster", texts=fitted_ids(clusters)),
        Column(title="cells", texts=["" if c.n_cells is None else f"{c.n_cells:,}" for c in clusters], right=True),
        Column(title="label", texts=names[:n], before=DOT),
        Column(title=CURATED, texts=names[n : 2 * n], before=DOT),
        Column(
            title="confidence",
            texts=[f"{c.confidence_score:.2f} {c.confidence}" for c in clusters],
            before=BAR_WIDTH + 0.08,
        ),
        Column(title="finest guess", texts=names[2 * n :]),
        Column(
            title="status",
            texts=[f"{STATUSES[c.status].mark} {c.status}" for c in clusters],
            colors=[tint(ax, STATUSES[c.status]) for c in clusters],
        ),
        Column(title="flags", texts=[", ".join(c.validation.flag_reasons) for c in clusters], colors=orange),
        Column(title="states", texts=[shortened(", ".join(c.states), LONGEST_LIST) for c in clusters]),
        Column(title="marker genes", texts=[genes(c.validation.supporting_markers, n_genes) for c in clusters]),
        Column(title="against", texts=_against(clusters), colors=orange),
    ]
    return [column for column in columns if any(column.texts) or column.title == "cluster"]


def _against(clusters: Sequence[ClusterReport]) -> list[str]:
    """Of each flagged cluster the type that speaks most against its label, with its genes; otherwise empty."""
    genes_of = [c.validation.contradictory_markers if c.status == "flagged" else {} for c in clusters]
    rivals = [next((types[0] for types in genes.values() if types), "") for genes in genes_of]
    texts = []
    for rival, name, genes in zip(rivals, fitted(rivals, LONGEST_RIVAL), genes_of):
        against = [gene for gene, types in genes.items() if types[:1] == (rival,)][:MOST_AGAINST]
        texts.append(f"{name}: {shortened(', '.join(against), LONGEST_LIST - LONGEST_RIVAL)}" if against else "")
    return texts


def _draw_dots(ax: Axes, colors: Sequence[Optional[str]], left: float) -> None:
    """A dot for each label, in the color of its type, as on a UMAP."""
    for row, color in enumerate(colors):
        if color is not None:
            ax.plot([left + DOT / 3], [row], marker="o", markersize=5, color=color, linestyle="")


def _draw_bars(ax: Axes, clusters: Sequence[ClusterReport], left: float) -> None:
    from matplotlib.patches import Rectangle

    for row, cluster in enumerate(clusters):
        corner, color = (left, row - BAR_HEIGHT / 2), LEVELS[cluster.confidence].plot
        ax.add_patch(Rectangle(corner, BAR_WIDTH, BAR_HEIGHT, color="#E2E2E2", linewidth=0))
        ax.add_patch(Rectangle(corner, BAR_WIDTH * cluster.confidence_score, BAR_HEIGHT, color=color, linewidth=0))


def draw_table(ax: Axes, columns: Sequence[Column], *, given: bool) -> list[float]:
    """Draw the table and return the left edge of each column; a unit of x is an inch, a unit of y is a row.

    New axes become as large as the table. In axes of the user, the table shrinks until it fits.
    """
    rows = len(columns[0].texts)
    widths, need = _measure(ax, columns, 1.0)
    if not given:
        ax.figure.figure.set_size_inches(*need)
    box, dpi = ax.get_window_extent(), ax.figure.dpi
    have = (box.width / dpi, box.height / dpi)
    scale = min(1.0, have[0] / need[0], have[1] / need[1])
    if scale < 1:  # very small letters are wider than their size, because they consist of whole pixels
        widths, need = _measure(ax, columns, scale)
        scale = min(scale, have[0] / need[0])
    ax.set_xlim(0, have[0] / scale)
    ax.set_ylim(rows - 0.4, -1.4)
    ax.axis("off")
    for row in range(1, rows, 2):
        ax.axhspan(row - 0.5, row + 0.5, color=ink(ax), alpha=0.05, linewidth=0, zorder=0)
    ax.axhline(-0.5, color=ink(ax), linewidth=0.8)
    lefts = [MARGIN + sum(widths[:i]) + GAP * i for i in range(len(columns))]
    for column, left, width in zip(columns, lefts, widths):
        x, side = (left + width, "right") if column.right else (left, "left")
        style: dict[str, Any] = {"va": "center", "ha": side}
        ax.text(x, -0.95, column.title, weight="bold", fontsize=TITLE_SIZE * scale, **style)
        colors = [column.colors] * rows if isinstance(column.colors, str) else column.colors
        for row, (text, color, room) in enumerate(zip(column.texts, colors, _rooms(column))):
            ax.text(x + room, row, text, color=color or ink(ax), fontsize=TEXT_SIZE * scale, **style)
    return lefts


def _measure(ax: Axes, columns: Sequence[Column], scale: float) -> tuple[list[float], tuple[float, float]]:
    """The widths of the columns, and width and height of the table, for letters of this scale."""
    titles = [text_width(ax, [column.title], TITLE_SIZE * scale, "bold") / scale for column in columns]
    texts = [_widest(ax, column, scale) for column in columns]
    widths = [max(pair) for pair in zip(titles, texts)]
    rows = len(columns[0].texts)
    return widths, (sum(widths) + GAP * (len(columns) - 1) + 2 * MARGIN, cell_size(rows, ROW, LEAST_ROW) * (rows + 1.4))


def _widest(ax: Axes, column: Column, scale: float) -> float:
    by_room: dict[float, list[str]] = {}
    for text, room in zip(column.texts, _rooms(column)):
        by_room.setdefault(room, []).append(text)
    return max(room + text_width(ax, texts, TEXT_SIZE * scale) / scale for room, texts in by_room.items())


def _rooms(column: Column) -> Sequence[float]:
    return [column.before] * len(column.texts) if isinstance(column.before, (int, float)) else column.before


def text_width(ax: Axes, texts: Sequence[str], size: float, weight: str = "normal") -> float:
    """The width of the widest text in inches."""
    probe = ax.text(0, 0, "", fontsize=size, weight=weight)
    widest = 0.0
    for text in dict.fromkeys(texts):
        probe.set_text(text)
        widest = max(widest, probe.get_window_extent().width)
    probe.remove()
    return widest / float(ax.figure.dpi)


@frozen
class Entry:
    """A cluster as it is drawn.

    Attributes
    ----------
    short_id
        Its id in the picture.
    probability
        A text; empty for Unknown.
    status
        Its status; empty if a curator decided on it.
    """

    cluster_id: str
    short_id: str
    label: str
    color: str
    probability: str
    status: str

    @property
    def mark(self) -> str:
        """The mark of its status; a supported cluster has none."""
        return STATUSES[self.status].mark if self.status not in ("", "supported") else ""

    def edge(self, ax: Axes) -> str:
        """The color of its texts."""
        return tint(ax, STATUSES[self.status]) if self.mark else ink(ax)

    @property
    def name(self) -> str:
        """Its name in the picture."""
        return f"{self.short_id} {self.mark}".strip()


def entries_of(report: DatasetReport, decided: Mapping[str, Decision]) -> list[Entry]:
    """The entries of the clusters; a curated label counts instead of the automatic one."""
    clusters, color = chosen(report, None), _bundled.palette().of_report(report)
    labels = [decided[c.cluster_id].to_label if c.cluster_id in decided else label_of(c) for c in clusters]
    entries = []
    ids = fitted([c.cluster_id for c in clusters], LONGEST_MARK)
    for cluster, short_id, label in zip(clusters, ids, fitted(labels, LONGEST_ENTRY)):
        annotation, decision = cluster.annotation, decided.get(cluster.cluster_id)
        if decision is not None:
            hue = color(decision.to_label, decision.to_ontology_id)
            entries.append(Entry(cluster.cluster_id, short_id, label, hue, "curated", ""))
        else:
            hue = color(annotation.primary_label, annotation.ontology_id)
            is_unknown = annotation.primary_label == UNKNOWN_LABEL
            probability = "" if is_unknown else f"{cluster.confidence_score:.2f}"
            entries.append(Entry(cluster.cluster_id, short_id, label, hue, probability, cluster.status))
    return entries
