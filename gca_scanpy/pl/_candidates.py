"""The cell types that could explain each cluster, as a heat map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Optional, Union

import numpy as np
from attrs import frozen

from gca_scanpy._arguments import LABEL_STYLE, checked
from gca_scanpy._keys import DEFAULT_KEY, UNKNOWN_LABEL
from gca_scanpy._names.ontology import sort_key
from gca_scanpy._reporting.display import STATUSES, Labels, finer_guess
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError
from gca_scanpy.model import Candidate, ClusterReport, DatasetReport
from gca_scanpy.pl._figure import (
    CELL,
    Save,
    chosen,
    columns_on_top,
    documented,
    finish,
    fitted,
    frame,
    label_of,
    new_axes,
    report_to_draw,
    row_name,
    rows_at_left,
)

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.axes import Axes

Value = Literal["probability", "score"]
LONGEST_TERM = 40  # letters
RING = "○"  # the finest guess


@checked(labels=LABEL_STYLE)
@documented
def candidates(
    data: Union[AnnData, DatasetReport],
    *,
    key: str = DEFAULT_KEY,
    value: Value = "probability",
    n_terms: int = 3,
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
        Number of candidates of each cluster; the report has at most five.
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
    if value not in ("probability", "score"):
        msg = f"value={value!r} must be one of: probability, score"
        raise InputError(msg)
    table = _table(chosen(report_to_draw(data, key, labels), clusters), value, n_terms)
    texts = fitted([*map(label_of, table.clusters), *(label for label, _ in table.terms)], LONGEST_TERM)
    names, terms = list(map(row_name, table.clusters, texts)), texts[len(table.clusters) :]
    width, height = CELL * len(terms) + 0.07 * max(map(len, names)), CELL * len(names) + 0.07 * max(map(len, terms))
    fig, axes = new_axes(ax, width + 1.1, height + 0.4)
    limit = 1.0 if value == "probability" else max(float(np.nanmax(table.values)), 1.0)
    image = axes.imshow(table.values, cmap=_visible_blues(), vmin=0, vmax=limit, aspect="auto", interpolation="nearest")
    rows_at_left(axes, names)
    columns_on_top(axes, terms, [_bundled.palette().color(*term) for term in table.terms])
    for row, (cluster, label, guess) in enumerate(zip(table.clusters, table.labels, table.guesses)):
        place = guess if label is None else label
        for column, mark in ((guess, RING), (place, STATUSES[cluster.status].mark)):
            if column is not None and (mark != RING or guess != place):
                color = "white" if table.values[row, column] > 0.55 * limit else "black"
                axes.text(column, row, mark, ha="center", va="center", fontsize=8, weight="bold", color=color)
    unit = "share of the evidence" if value == "probability" else "score (nats)"
    bar = fig.colorbar(image, ax=axes, shrink=min(1.0, 8 / len(names)), aspect=14, pad=0.02, anchor=(0, 0))
    bar.set_label(unit, fontsize=8)
    bar.ax.tick_params(labelsize=7)
    bar.outline.set_visible(False)
    frame(axes)
    return finish(fig, axes, "candidates", given=ax is not None, show=show, save=save, return_fig=return_fig)


def _visible_blues() -> Any:
    """Blues without white: a candidate of probability 0 differs from no candidate."""
    import matplotlib as mpl
    from matplotlib.colors import ListedColormap

    return ListedColormap(mpl.colormaps["Blues"](np.linspace(0.12, 1, 256)))


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


def _table(clusters: Sequence[ClusterReport], value: Value, n_terms: int) -> _Table:
    lineages = _bundled.lineages()
    shown = [_candidates_of(cluster, n_terms) for cluster in clusters]
    all_terms = {(c.label, c.ontology_id) for row in shown for c in row}
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
