"""How certain each label is, and which other types could explain each cluster: bars, and a heat map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Optional, Union

import numpy as np
from attrs import frozen

from gca_scanpy._adata import cells_to_draw, embedding_name, reported_clustering, rows_of
from gca_scanpy._adata.members import Embedding, first_two
from gca_scanpy._adata.objects import column_of
from gca_scanpy._arguments import COUNT, LABEL_STYLE, checked, optional
from gca_scanpy._keys import DEFAULT_KEY, UNKNOWN_LABEL, ObsKeys
from gca_scanpy._names.ontology import sort_key
from gca_scanpy._reporting.display import LEVELS, STATUSES, Labels, finer_guess
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError, MissingKeyError
from gca_scanpy.model import CONFIDENCE_LEVELS, Candidate, ClusterReport, DatasetReport
from gca_scanpy.pl._embedding import DOTS, SIDE, name_clusters
from gca_scanpy.pl._figure import (
    LONGEST_LABEL,
    Save,
    cell_size,
    chosen,
    columns_on_top,
    drawn,
    finish,
    fitted,
    frame,
    label_of,
    name_size,
    new_axes,
    report_to_draw,
    row_names,
    rows_at_left,
    text_on,
    tint,
    visible_blues,
)
from gca_scanpy.pl._report import entries_of

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Value = Literal["probability", "score"]
LONGEST_TERM = 40  # letters
MOST_COLUMNS = 60
FINEST = "○"  # the finest guess, in a field
# The finest guess: seen on a bar of any color, and on the page.
RING: Mapping[str, Any] = {
    "linestyle": "", "marker": "o", "markersize": 5.5, "markerfacecolor": "white", "markeredgecolor": "black",
    "markeredgewidth": 1.1, "zorder": 3,
}  # fmt: skip


@checked(labels=LABEL_STYLE)
@drawn
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
        fig, axes = _embedding(data, report, basis, key, ax)
        options: dict[str, Any] = {"given": ax is not None, "show": show, "save": save, "return_fig": return_fig}
        return finish(fig, axes, f"confidence_{basis}", **options)
    names = row_names(clusters, fitted([label_of(c) for c in clusters], LONGEST_LABEL))
    fig, axes = new_axes(
        ax, 5 + 0.07 * max(map(len, names)), cell_size(len(clusters), 0.27, 0.16) * len(clusters) + 1.4
    )
    positions = range(len(clusters))
    colors = [LEVELS[c.confidence].plot for c in clusters]
    axes.barh(positions, [c.confidence_score for c in clusters], color=colors, height=0.7)
    axes.set_yticks(list(positions), names, fontsize=name_size(len(names)))
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
        axes.text(x, row, look.mark, color=tint(axes, look), va="center", weight="bold", fontsize=9)
    _legend(axes, has_guesses=bool(guesses))
    return finish(fig, axes, "confidence", given=ax is not None, show=show, save=save, return_fig=return_fig)


def _legend(ax: Axes, *, has_guesses: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    levels = [Patch(color=LEVELS[level].plot, label=level) for level in reversed(CONFIDENCE_LEVELS)]
    marks = [
        Line2D([], [], linestyle="", marker=f"${look.mark}$", color=tint(ax, look), label=status)
        for status, look in STATUSES.items()
    ]
    # matplotlib fills a legend by columns; in this order levels and marks have a row each.
    handles = [handle for pair in zip(levels, marks) for handle in pair]
    if has_guesses:
        handles.append(Line2D([], [], **{**RING, "label": "probability of the finest guess"}))
    columns = 4 if has_guesses else 3
    ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, fontsize=7, frameon=False)


def _embedding(adata: AnnData, report: DatasetReport, basis: str, key: str, ax: Optional[Axes]) -> tuple[Figure, Axes]:
    """Draw the confidence on an embedding, and the id of each cluster at its cells, with its mark.

    Raises
    ------
    MissingKeyError
        If there is no such embedding, or the scores are gone.
    """
    import scanpy as sc

    column = ObsKeys(key).confidence_score
    place = embedding_name(adata, basis)
    if column not in adata.obs:
        msg = f".obs[{column!r}] does not exist; run gca.tl.annotate again"
        raise MissingKeyError(msg)
    places = first_two(adata.obsm[place], place)
    fig, axes = new_axes(ax, SIDE + 1.2, SIDE)
    # Reversed, so that high confidence is blue here as it is in the bars.
    options = {"vmin": 0, "vmax": 1, "cmap": "cividis_r", "title": "confidence score", "frameon": True}
    shown = cells_to_draw(Embedding(place, places, np.full(adata.n_obs, -1)), (), "cluster")
    shown.obs[column] = scores = column_of(adata.obs, column).to_numpy(dtype=float)
    size = min(DOTS / adata.n_obs, 60)
    sc.pl.embedding(shown, place.removeprefix("X_"), color=column, ax=axes, show=False, size=size, **options)
    axes.set_title("confidence score", fontsize=10)
    groupby = report.parameters.get("groupby")
    if groupby is not None and groupby in adata.obs:
        rows = rows_of(report.clusters, reported_clustering(adata, report))
        # If the cells were clustered again under the same name, their scores are of other clusters: write no name.
        members = [
            (entry, rows == row)
            for row, (entry, cluster) in enumerate(zip(entries_of(report, {}), report.clusters))
            if np.allclose(scores[rows == row], cluster.confidence_score)
        ]
        name_clusters(axes, [(entry, [entry.name], places[cells]) for entry, cells in members])
    return fig, axes


@checked(labels=LABEL_STYLE, n_terms=optional(COUNT))
@drawn
def candidates(
    data: Union[AnnData, DatasetReport],
    *,
    key: str = DEFAULT_KEY,
    value: Value = "probability",
    n_terms: Optional[int] = None,
    clusters: Optional[Sequence[str]] = None,
    labels: Labels = "full",
    ax: Optional[Axes] = None,
    show: Optional[bool] = None,
    save: Save = None,
    return_fig: bool = False,
) -> Any:
    """Draw the best candidates of each cluster as a heat map, clusters by cell types.

    Clusters and types are sorted by the ontology, so that rivals are side by side. A mark in the field of the label
    shows the status: ✓ supported, ! flagged, ? unknown. If the finest guess is finer than the label, its field has a
    ring; if the label itself is no candidate, because it is broader than all of them, the mark is in the field of the
    finest guess. If a type is not among the candidates of a cluster, the field is empty.

    Parameters
    ----------
    %(data)s
    %(key)s
    value
        ``"probability"``, the share of the evidence among the candidates, from 0 to 1; or ``"score"``, in nats. The
        share is not the confidence, which also depends on how much evidence there is.
    n_terms
        Number of candidates of each cluster; the report has at most five. If None, it is 3, or fewer if the picture
        would have more than 60 columns.
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
        If there is no candidate to show, if a cluster is not in the report, or if ``value`` is neither of the two.
    %(no_report)s

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> result = gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B", "BANK1"]})
    >>> ax = gca.pl.candidates(result, show=False)
    """
    report = report_to_draw(data, key, labels)
    table = _table(chosen(report, clusters), value, n_terms)
    texts = fitted([*map(label_of, table.clusters), *(label for label, _ in table.terms)], LONGEST_TERM)
    names, terms = row_names(table.clusters, texts), texts[len(table.clusters) :]
    width, height = (n * cell_size(n) for n in (len(terms), len(names)))
    longest, highest = (0.07 * max(map(len, texts)) for texts in (names, terms))
    fig, axes = new_axes(ax, width + longest + 1.1, height + highest + 0.4)
    limit = 1.0 if value == "probability" else max(float(np.nanmax(table.values)), 1.0)
    image = axes.imshow(
        table.values, cmap=visible_blues(axes), vmin=0, vmax=limit, aspect="auto", interpolation="nearest"
    )
    rows_at_left(axes, names)
    color = _bundled.palette().of_report(report, table.terms)
    columns_on_top(axes, terms, [color(*term) for term in table.terms])
    for row, (cluster, label, guess) in enumerate(zip(table.clusters, table.labels, table.guesses)):
        place = guess if label is None else label
        for column, mark in ((guess, FINEST), (place, STATUSES[cluster.status].mark)):
            if column is not None and (mark != FINEST or guess != place):
                field = text_on(image.cmap(table.values[row, column] / limit)[:3])
                axes.text(column, row, mark, ha="center", va="center", fontsize=8, weight="bold", color=field)
    unit = "share of the evidence" if value == "probability" else "score (nats)"
    bar = fig.colorbar(image, ax=axes, shrink=min(1.0, 8 / len(names)), aspect=14, pad=0.02, anchor=(0, 0))
    bar.set_label(unit, fontsize=8)
    bar.ax.tick_params(labelsize=7)
    bar.outline.set_visible(False)
    frame(axes)
    return finish(fig, axes, "candidates", given=ax is not None, show=show, save=save, return_fig=return_fig)


@frozen(eq=False)
class _Table:
    """The heat map: a row per cluster, a column per term (label and id).

    Attributes
    ----------
    labels, guesses
        The columns of each cluster's label and of its finest guess; None if it is no candidate, and for a guess also
        if it is not finer than the label.
    """

    clusters: Sequence[ClusterReport]
    terms: Sequence[tuple[str, Optional[str]]]
    values: Any
    labels: Sequence[Optional[int]]
    guesses: Sequence[Optional[int]]


def _table(clusters: Sequence[ClusterReport], value: Value, n_terms: Optional[int]) -> _Table:
    lineages = _bundled.lineages()
    for n in range(3, 0, -1) if n_terms is None else (n_terms,):
        shown = [_candidates_of(cluster, n) for cluster in clusters]
        all_terms = {(c.label, c.ontology_id) for row in shown for c in row}
        if len(all_terms) <= MOST_COLUMNS:
            break
    if not all_terms:
        msg = "no cluster to show has a candidate: none of the genes is a known marker of a cell type"
        raise InputError(msg)
    terms = sorted(all_terms, key=lambda term: (sort_key(term[1], lineages), term[0]))
    place = {term: i for i, term in enumerate(terms)}
    values = np.full((len(clusters), len(terms)), np.nan)
    labels: list[Optional[int]] = [None] * len(clusters)
    guesses: list[Optional[int]] = [None] * len(clusters)
    for row, (cluster, its_candidates) in enumerate(zip(clusters, shown)):
        for candidate in its_candidates:
            column = place[candidate.label, candidate.ontology_id]
            values[row, column] = getattr(candidate, value)
            if _is_judged(cluster, candidate):
                labels[row] = column
            elif _is_guess(cluster, candidate):
                guesses[row] = column
    rows = sorted(range(len(clusters)), key=lambda row: _row_key(labels[row], values[row], row))
    return _Table(
        [clusters[row] for row in rows], terms, values[rows], *([of[row] for row in rows] for of in (labels, guesses))
    )


def _candidates_of(cluster: ClusterReport, n_terms: int) -> list[Candidate]:
    """The best candidates, and the label and the finest guess if they are not among them."""
    best = cluster.candidates[: max(n_terms, 1)]
    others = cluster.candidates[max(n_terms, 1) :]
    return [*best, *(c for c in others if _is_judged(cluster, c) or _is_guess(cluster, c))]


def _is_judged(cluster: ClusterReport, candidate: Candidate) -> bool:
    judged, term = cluster.judged
    if judged == UNKNOWN_LABEL:
        return False
    return judged == candidate.label or (term is not None and candidate.ontology_id == term)


def _is_guess(cluster: ClusterReport, candidate: Candidate) -> bool:
    guess = finer_guess(cluster)
    return guess is not None and (guess.label, guess.ontology_id) == (candidate.label, candidate.ontology_id)


def _row_key(label: Optional[int], values: Any, row: int) -> tuple[bool, int, int]:
    """Sorts clusters by the columns of their labels; those without a candidate come last."""
    empty = bool(np.isnan(values).all())
    best = label if label is not None else 0 if empty else int(np.nanargmax(values))
    return empty, best, row
