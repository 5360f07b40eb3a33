"""The labels, or their confidence, on an embedding of the cells."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Optional

import numpy as np
import numpy.typing as npt
from attrs import frozen

from gca_scanpy._adata import cells_to_draw, read_embedding, report_of
from gca_scanpy._arguments import LABEL_STYLE, checked, one_of, optional
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy._reporting.curation import standing
from gca_scanpy._reporting.display import STATUSES, Labels
from gca_scanpy.errors import InputError, MissingKeyError
from gca_scanpy.pl._figure import (
    LONGEST_ID,
    Save,
    distinct,
    drawn,
    finish,
    fitted,
    ink,
    new_axes,
    report_to_draw,
    tint,
)
from gca_scanpy.pl._report import Entry, entries_of, text_width

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

Places = npt.NDArray[np.floating[Any]]
Place = Literal["right margin", "on data"]
FEW, MANY, MOST = 12, 40, 160  # clusters: named in the picture; in small letters; listed by their labels
SIDE = 4.4  # inches, of the picture
LINE = 1.5  # height of a line of the list, in letters
DIRECTIONS = 12  # places for a name in each ring around its cells
RINGS, NEAR = 9, 1.6  # lines: the farthest that a name moves, and from where on a line leads to its cells
COLUMN, DOT, DOTS = "cluster", "●", 120_000  # the size of all dots together, as Scanpy has it


@checked(labels=LABEL_STYLE, legend_loc=optional(one_of("right margin", "on data")))
@drawn
def embedding(
    adata: AnnData,
    basis: Optional[str] = None,
    *,
    key: str = DEFAULT_KEY,
    labels: Labels = "short",
    legend_loc: Optional[Place] = "right margin",
    ax: Optional[Axes] = None,
    show: Optional[bool] = None,
    save: Save = None,
    return_fig: bool = False,
    **options: Any,
) -> Any:
    """Draw the labels on an embedding, by :func:`scanpy.pl.embedding`.

    Each cell has the color of its cluster's label, which is the same in every dataset; Unknown is gray. The id of each
    cluster is at its cells, with the label if there are at most 12 clusters, and with a mark if it is flagged (!) or
    unknown (?). The list at the right has the id, the label and its probability. If a curator decided on a cluster, the
    curated label counts, and has no probability. Of more than 160 clusters, the list has the labels only.

    Parameters
    ----------
    adata
        An annotated object.
    basis
        An embedding of :func:`scanpy.pl.embedding`, such as ``"umap"``, ``"tsne"``, ``"pca"`` or ``"spatial"``. If
        None, the first of these that the object has, or else one of two columns.
    %(key)s
    %(labels)s
    legend_loc
        ``"right margin"`` for the list; ``"on data"`` for labels in the picture only, as far as they have room; or None
        for the ids only.
    %(ax)s
    %(show)s
    **options
        Other options of :func:`scanpy.pl.embedding`, such as ``size=20``.

    Returns
    -------
    %(returns)s

    Raises
    ------
    InputError
        If the cells no longer have the labels of the report, or if Scanpy cannot draw with the options.
    MissingKeyError
        If there is no report under this key, or no such embedding; the message lists those of the object.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> gca.tl.annotate(adata, groupby="louvain", tissue="blood")
    >>> ax = gca.pl.embedding(adata, "umap", show=False)
    """
    report = report_to_draw(adata, key, labels)
    found = read_embedding(adata, report_of(adata, key), key, basis)
    if found is None:
        msg = (
            f".obsm has no embedding of two dimensions; it has: {', '.join(adata.obsm) or 'none'}. Name another one "
            "with basis=, or run scanpy.tl.umap(adata) first"
        )
        raise MissingKeyError(msg)
    name = found.name.removeprefix("X_")
    entries = entries_of(report, standing(report))
    fig, axes = new_axes(ax, SIDE + 0.5, SIDE)
    shown = cells_to_draw(found, distinct([entry.cluster_id for entry in entries]), COLUMN)
    _draw_cells(axes, shown, name, [entry.color for entry in entries], options)
    present = [row for row in range(len(entries)) if (found.codes == row).any()]
    if legend_loc == "right margin" and present:
        width, height = _list(axes, [entries[row] for row in present])
        if ax is None:
            fig.set_size_inches(SIDE + 0.4 + width, max(SIDE, height + 0.4))
    has_labels = legend_loc == "on data" or (legend_loc is not None and len(present) <= FEW)
    names = [[f"{one.name} · {one.label}"] * (has_labels and one.probability != "") + [one.name] for one in entries]
    name_clusters(axes, [(entries[row], names[row], found.places[found.codes == row]) for row in present])
    return finish(fig, axes, name, given=ax is not None, show=show, save=save, return_fig=return_fig)


@checked(labels=LABEL_STYLE, legend_loc=optional(one_of("right margin", "on data")))
@drawn
def umap(
    adata: AnnData,
    *,
    key: str = DEFAULT_KEY,
    labels: Labels = "short",
    legend_loc: Optional[Place] = "right margin",
    ax: Optional[Axes] = None,
    show: Optional[bool] = None,
    save: Save = None,
    return_fig: bool = False,
    **options: Any,
) -> Any:
    """Draw the labels on the UMAP: :func:`embedding` with ``basis="umap"``.

    Parameters
    ----------
    adata
        An annotated object.
    %(key)s
    %(labels)s
    legend_loc, **options
        As in :func:`embedding`.
    %(ax)s
    %(show)s

    Returns
    -------
    %(returns)s

    Raises
    ------
    InputError, MissingKeyError
        As :func:`embedding`.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> gca.tl.annotate(adata, groupby="louvain", tissue="blood")
    >>> ax = gca.pl.umap(adata, show=False)
    """
    drawn: dict[str, Any] = {"ax": ax, "show": show, "save": save, "return_fig": return_fig}
    return embedding(adata, "umap", key=key, labels=labels, legend_loc=legend_loc, **drawn, **options)


def _draw_cells(ax: Axes, cells: AnnData, basis: str, colors: list[str], options: Mapping[str, Any]) -> None:
    import scanpy as sc

    for name in {"color", "palette"} & options.keys():
        msg = f"{name}={options[name]!r} is not for this plot; scanpy.pl.embedding(adata, ...) takes it"
        raise InputError(msg)
    fixed = {"color": COLUMN, "palette": colors, "legend_loc": None, "ax": ax, "show": False}
    try:
        sc.pl.embedding(cells, basis, **{"title": "", "size": min(DOTS / cells.n_obs, 60), **options, **fixed})
    except TypeError:  # an option that there is not
        raise
    except Exception as error:  # the options are Scanpy's, and so are the reasons
        msg = f"scanpy.pl.embedding cannot draw with the options {', '.join(options) or 'of this plot'}: {error}"
        raise InputError(msg) from error
    if basis == "spatial":
        ax.set_aspect("equal")


@frozen
class _Row:
    """A row of the list beside the picture: its texts, their color, and that of the dot."""

    texts: tuple[str, str, str, str]
    edge: str
    dot: str


def _rows(ax: Axes, entries: Sequence[Entry]) -> list[_Row]:
    """A row for each cluster; of too many clusters, a row for each label with the number of its clusters."""
    if len(entries) > MOST:
        counts = Counter((entry.label, entry.color) for entry in entries)
        return [_Row((f"{n:,}", DOT, label, ""), ink(ax), color) for (label, color), n in counts.items()]
    ids = fitted([e.cluster_id for e in entries], LONGEST_ID)
    return [
        _Row((name, DOT, e.label, f"{e.probability} {e.mark}".strip()), e.edge(ax), e.color)
        for name, e in zip(ids, entries)
    ]


def _list(ax: Axes, entries: Sequence[Entry]) -> tuple[float, float]:
    """Write the list of the clusters beside the picture; the result is its width and height in inches."""
    rows, size = _rows(ax, entries), 6.5 if len(entries) > MANY else 7.5
    titles = ("cluster", "", "label", "probability") if len(entries) <= MOST else ("clusters", "", "label", "")
    # 72 points are an inch, and letters differ a little between resolutions.
    widths = [74 * text_width(ax, [title, *(row.texts[i] for row in rows)], size) for i, title in enumerate(titles)]
    per_block = math.ceil(len(rows) / math.ceil(len(rows) / MANY))
    left, line = 10.0, size * LINE
    for start in range(0, len(rows), per_block):
        for column, (title, width) in enumerate(zip(titles, widths)):
            x, side = (left + width, "right") if column in (0, 3) else (left, "left")
            _write(ax, title, (x, 0), side, size - 0.5, tint(ax, STATUSES["unknown"]))
            for place, row in enumerate(rows[start : start + per_block], 1):
                color = row.dot if row.texts[column] == DOT else row.edge
                _write(ax, row.texts[column], (x, -line * place), side, size, color)
            left += width + (size if width else 0)
        left += 1.6 * size
    marks = sorted({entry.status for entry in entries if entry.mark})
    for place, status in enumerate(marks):
        look = STATUSES[status]
        below = (10 + place * 8 * size, -line * (per_block + 1.4))
        _write(ax, f"{look.mark} {status}", below, "left", size, tint(ax, look))
    return left / 72, line * (per_block + (2.6 if marks else 1)) / 72


def _write(ax: Axes, text: str, place: tuple[float, float], side: Any, size: float, color: str) -> None:
    """Write a text beside the upper right corner of the axes; the place is in points."""
    if text:
        ax.annotate(
            text, (1, 1), place, xycoords="axes fraction", textcoords="offset points", ha=side, va="top",
            fontsize=size, color=color, annotation_clip=False,
        )  # fmt: skip


def name_clusters(ax: Axes, clusters: Sequence[tuple[Entry, Sequence[str], Places]]) -> None:
    """Write a name at the cells of each cluster: the first of its names that has room, where none covers another.

    Names with a mark, and then those of large clusters, are placed first. If a name moves far from its cells, a line
    leads to them. A name without any room is left out.
    """
    from matplotlib.patheffects import withStroke

    ax.figure.figure.draw_without_rendering()  # the layout sets the position of the axes
    inside, taken = ax.get_window_extent(), [ax.title.get_window_extent()]
    size, paper = 6.5 if len(clusters) > MANY else 8, "white" if ink(ax) == "black" else "black"
    for entry, names, places in sorted(clusters, key=lambda one: (not one[0].mark, -len(one[2]))):
        seen = places[np.isfinite(places).all(axis=1)]
        if not len(seen):
            continue
        # The median of the cells may lie between them.
        away = np.square(seen - np.median(seen, axis=0)).sum(axis=1)
        x, y = seen[np.argmin(away)]
        text = ax.text(x, y, "", ha="center", va="center", fontsize=size, color=entry.edge(ax), zorder=6)
        text.set_path_effects([withStroke(linewidth=2.5, foreground=paper)])
        for name, rings in zip(names, (*[2] * (len(names) - 1), RINGS)):
            text.set_text(name)
            box = text.get_window_extent()
            free = _free_place(box, inside, taken, rings)
            if free is not None:
                taken.append(free)
                _move(ax, text, free.x0 - box.x0, free.y0 - box.y0, box.height)
                break
        else:
            text.remove()


def _free_place(box: Bbox, inside: Bbox, taken: Sequence[Bbox], rings: int) -> Optional[Bbox]:
    """The nearest place for a box, at itself or in rings around it, that is inside and covers none of the taken."""
    places = [(0.0, 0.0)]
    for ring in range(1, rings):
        wide = box.height * ring + (box.width - box.height) / 2 * (ring > 1)
        angles = (math.pi / 2 + 2 * math.pi * step / DIRECTIONS for step in range(DIRECTIONS))
        places += [(wide * math.cos(angle), box.height * ring * math.sin(angle)) for angle in angles]
    for moved in (box.translated(*place) for place in places):
        is_inside = inside.contains(moved.x0, moved.y0) and inside.contains(moved.x1, moved.y1)
        if is_inside and not any(moved.overlaps(other) for other in taken):
            return moved
    return None


def _move(ax: Axes, text: Text, right: float, up: float, height: float) -> None:
    """Move a text by so many pixels; far from its place, draw a line to it."""
    start = text.get_position()
    x, y = ax.transData.transform(start)
    end = tuple(map(float, ax.transData.inverted().transform((x + right, y + up))))
    text.set_position((end[0], end[1]))
    if math.hypot(right, up) > NEAR * height:
        ax.plot(*zip(start, end), color=ink(ax), linewidth=0.6, zorder=5)
