"""The labels in their Cell Ontology tree, with their cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Optional, Union

from attrs import evolve, frozen

from gca_scanpy._adata import report_of
from gca_scanpy._arguments import LABEL_STYLE, checked
from gca_scanpy._keys import DEFAULT_KEY, UNKNOWN_LABEL
from gca_scanpy._names.ontology import Lineages, sort_key
from gca_scanpy._reporting.curation import standing
from gca_scanpy._reporting.display import Labels
from gca_scanpy.db import _bundled
from gca_scanpy.model import ClusterReport, DatasetReport, Decision
from gca_scanpy.pl._figure import (
    LONGEST_LABEL,
    Save,
    chosen,
    drawn,
    finish,
    fitted,
    fitted_ids,
    full_axes,
)
from gca_scanpy.pl._report import Column, draw_table

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.axes import Axes

INDENT, DOT = 0.22, 0.16  # inches
BAR_WIDTH, BAR_HEIGHT = 0.9, 0.5  # inches, rows
LONGEST_LIST = 60  # letters
BRANCH = "#999999"
ROOT = "CL:0000000"


@frozen
class Node:
    """A term in the tree of some labels, ``depth`` steps below the root."""

    term: str
    depth: int


@checked(labels=LABEL_STYLE)
@drawn
def ontology(
    data: Union[AnnData, DatasetReport],
    *,
    key: str = DEFAULT_KEY,
    labels: Labels = "full",
    ax: Optional[Axes] = None,
    show: Optional[bool] = None,
    save: Save = None,
    return_fig: bool = False,
) -> Any:
    """Draw the labels as a tree of the Cell Ontology, general ones at the left, special ones at the right, a row each.

    A label hangs below its nearest ancestor that is a label or a broad type; other ancestors are left out. A broad type
    that is not a label of any cluster is gray. Each row has its number of cells (of clusters, if the report has no
    cells), the confidence of its label (from the lowest to the highest of its clusters), and its clusters. Labels
    without a term, and Unknown, are listed below the tree. If a curator decided on a cluster, the curated label counts,
    and has no confidence.

    Parameters
    ----------
    %(data)s
    %(key)s
    %(labels)s
    ax
        Axes to draw into; the text shrinks until it fits. If None, new axes that are as large as the tree.
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
    >>> result = gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B"], "1": ["CD3D", "CD3E", "TRAC"]})
    >>> ax = gca.pl.ontology(result, show=False)
    """
    report = report_of(data, key)
    clusters = chosen(report, None)
    decided = standing(report)
    rows = _rows(clusters, decided)
    color = _bundled.palette().of_report(report, [(row.label, row.term) for row in rows])
    rows = [evolve(row, color=color(row.label, row.term)) for row in rows]
    names = _names(rows) if labels == "short" else [row.label for row in rows]
    fig, axes = full_axes(ax)
    ids = dict(zip([c.cluster_id for c in clusters], fitted_ids(clusters)))
    counted = any(c.n_cells is not None for c in clusters)
    amounts = [sum((c.n_cells or 0) if counted else 1 for c in row.clusters) for row in rows]
    columns = [
        Column(
            title="cell type",
            texts=fitted(names, LONGEST_LABEL),
            colors=["" if row.clusters else "#777777" for row in rows],
            before=[INDENT * row.depth + DOT for row in rows],
        ),
        Column(
            title="cells" if counted else "n",
            texts=[f"{amount:,}" if row.clusters else "" for row, amount in zip(rows, amounts)],
            right=True,
        ),
        Column(title="", texts=[""] * len(rows), before=BAR_WIDTH),
        Column(title="confidence", texts=[_confidence(row, decided) for row in rows]),
        Column(title="clusters", texts=[_ids([ids[c.cluster_id] for c in row.clusters]) for row in rows]),
    ]
    lefts = draw_table(axes, columns, given=ax is not None)
    _draw_tree(axes, rows, lefts[0])
    _draw_bars(axes, rows, amounts, lefts[2])
    return finish(fig, axes, "ontology", given=ax is not None, show=show, save=save, return_fig=return_fig)


@frozen
class _Row:
    """A row of the picture; ``depth`` is its depth in the tree; rows below the tree are ``apart``, with depth 0."""

    label: str
    term: Optional[str]
    depth: int
    clusters: Sequence[ClusterReport] = ()
    apart: bool = False
    color: str = ""


def _rows(clusters: Sequence[ClusterReport], decided: Mapping[str, Decision]) -> list[_Row]:
    ontology = _bundled.ontology()
    by_term: dict[str, list[ClusterReport]] = {}
    by_label: dict[str, list[ClusterReport]] = {}
    for cluster in clusters:
        term, label = cluster.annotation.ontology_id, cluster.annotation.primary_label
        if cluster.cluster_id in decided:
            term, label = decided[cluster.cluster_id].to_ontology_id, decided[cluster.cluster_id].to_label
        if term is not None and term in ontology:
            by_term.setdefault(term, []).append(cluster)
        else:
            by_label.setdefault(label, []).append(cluster)
    rows = [
        _Row(ontology.label(node.term), node.term, node.depth, by_term.get(node.term, ()))
        for node in tree(list(by_term), _bundled.lineages())
    ]
    others = sorted(by_label, key=lambda label: (label == UNKNOWN_LABEL, label))
    return [*rows, *(_Row(label, None, 0, by_label[label], apart=True) for label in others)]


def _names(rows: Sequence[_Row]) -> list[str]:
    """The short names of the rows."""
    shown = _bundled.shortener().shown([(row.label, row.term) for row in rows])
    return [shown[row.label, row.term] for row in rows]


def _confidence(row: _Row, decided: Mapping[str, Decision]) -> str:
    """The lowest and the highest confidence of a label; empty for Unknown, and if curators decided on all clusters."""
    scores = [c.confidence_score for c in row.clusters if c.cluster_id not in decided]
    if not scores or row.label == UNKNOWN_LABEL:
        return ""
    return "–".join(dict.fromkeys(f"{score:.2f}" for score in (min(scores), max(scores))))


def _ids(names: Sequence[str]) -> str:
    """The ids of as many clusters as have room, and the number of the others."""
    fit = max(1, sum(length <= LONGEST_LIST for length in accumulate(len(name) + 2 for name in names)))
    return ", ".join(names[:fit]) + (f" and {len(names) - fit} more" if len(names) > fit else "")


def _draw_tree(ax: Axes, rows: Sequence[_Row], left: float) -> None:
    """Draw dots in the colors of the types, and a branch from each to its parent."""
    parents: dict[int, int] = {}
    for place, row in enumerate(rows):
        x = left + INDENT * row.depth + DOT / 3
        if row.depth:
            above = parents[row.depth - 1]
            stem = left + INDENT * (row.depth - 1) + DOT / 3
            ax.plot([stem, stem, x], [above, place, place], color=BRANCH, linewidth=0.8, zorder=1)
        parents[row.depth] = place
        fill, edge, size = (row.color, row.color, 6) if row.clusters else ("white", BRANCH, 4)
        ax.plot([x], [place], "o", markersize=size, markerfacecolor=fill, markeredgecolor=edge, zorder=2)
    first = next((place for place, row in enumerate(rows) if row.apart), 0)
    if first:
        ax.axhline(first - 0.5, color="#777777", linewidth=0.8, linestyle=(0, (3, 3)))


def _draw_bars(ax: Axes, rows: Sequence[_Row], amounts: Sequence[int], left: float) -> None:
    from matplotlib.patches import Rectangle

    most = max([*amounts, 1])
    for place, (row, amount) in enumerate(zip(rows, amounts)):
        corner, width = (left, place - BAR_HEIGHT / 2), BAR_WIDTH * amount / most
        if row.clusters:
            ax.add_patch(Rectangle(corner, width, BAR_HEIGHT, color=row.color, linewidth=0))


def tree(terms: Sequence[str], lineages: Lineages) -> list[Node]:
    """The terms as a tree; each node comes before the nodes below it.

    Most ancestors are left out. The tree contains a broad type only if it is one of ``terms`` or joins two branches.
    """
    ontology = lineages.ontology
    requested = set(terms)
    broad = {term for term, row in lineages.broad_types.items() if row.broad_id == term}
    candidates = requested | broad | {ROOT}
    ranks: Mapping[str, int] = {term: rank for rank, term in enumerate(lineages.broad_types)}

    def parent(term: str) -> str:
        distances = ontology.ancestors(term)
        near = [ancestor for ancestor in distances if ancestor in candidates]
        return min(near, key=lambda a: (distances[a], ranks.get(a, len(ranks)), a), default=ROOT)

    children: dict[str, set[str]] = {}
    for term in requested:
        while term != ROOT and term not in children.get(parent(term), ()):
            children.setdefault(parent(term), set()).add(term)
            term = parent(term)

    def nodes(term: str, depth: int) -> list[Node]:
        below = sorted(children.get(term, ()), key=lambda t: sort_key(t, lineages))
        if term not in requested and len(below) == 1:
            return nodes(below[0], depth)
        return [Node(term, depth), *(node for child in below for node in nodes(child, depth + 1))]

    return nodes(ROOT, 0) if requested else []
