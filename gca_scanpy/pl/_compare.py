"""Two labelings of the same cells against each other, colored by how the ontology relates each pair of labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional

from gca_scanpy._adata import compare_columns
from gca_scanpy._adata.comparison import Comparison
from gca_scanpy._arguments import LABEL_STYLE, checked
from gca_scanpy._names.ontology import Relation
from gca_scanpy._reporting.display import Labels
from gca_scanpy.db import _bundled
from gca_scanpy.pl._figure import Save, documented, finish, fitted, new_axes, shortened
from gca_scanpy.pl._layout import columns_on_top, frame, rows_at_left

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
LONGEST_TERM = 40  # letters
WIDTH, HEIGHT = 0.36, 0.24  # inches, of a field
DIGITS = 4  # longest count that is written in full


@checked(labels=LABEL_STYLE)
@documented
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

    Each field has the number of cells with both labels; its color is stronger, the larger their share of the row. The
    hue shows how the labels are related in the Cell Ontology: the same type, ancestor and descendant, of one lineage,
    unrelated, or without a term. Rows and columns are sorted by the ontology. The legend has the share of cells whose
    labels are the same type (exact), the share whose labels are the same or ancestor and descendant (compatible), and
    the adjusted Rand index, which compares the groups without their names. :func:`gca_scanpy.get.agreement` gives the
    numbers.

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
    rows, columns = _names(result, label_terms, labels)
    longest = [max(map(len, names)) for names in (rows, columns)]
    width, height = WIDTH * len(columns) + 0.07 * longest[0] + 0.6, HEIGHT * len(rows) + 0.07 * longest[1] + 1.2
    fig, axes = new_axes(ax, max(width, 5.5), height)
    _draw_fields(axes, result)
    palette = _bundled.palette()
    rows_at_left(axes, rows, [palette.color(label, label_terms[0][label]) for label in result.firsts])
    columns_on_top(axes, columns, [palette.color(label, label_terms[1][label]) for label in result.seconds])
    frame(axes)
    axes.set_ylabel(shortened(first, LONGEST_TERM), fontsize=9)
    axes.set_xlabel(shortened(second, LONGEST_TERM), fontsize=9)
    axes.xaxis.set_label_position("top")
    _legend(axes, result, adata.n_obs)
    return finish(fig, axes, "compare", given=ax is not None, show=show, save=save, return_fig=return_fig)


def _names(
    result: Comparison, terms: tuple[Mapping[str, Optional[str]], Mapping[str, Optional[str]]], labels: Labels
) -> tuple[list[str], list[str]]:
    """The names of the rows and of the columns."""
    sides = [[(label, of[label]) for label in side] for side, of in zip((result.firsts, result.seconds), terms)]
    shown = _bundled.shortener().shown(*sides) if labels == "short" else {}
    names = fitted([shown.get(label, label[0]) for side in sides for label in side], LONGEST_TERM)
    return names[: len(result.firsts)], names[len(result.firsts) :]


def _draw_fields(ax: Axes, result: Comparison) -> None:
    from matplotlib.patches import Rectangle

    places = [{label: i for i, label in enumerate(labels)} for labels in (result.firsts, result.seconds)]
    for pair in result.pairs:
        row, column = places[0][pair.first], places[1][pair.second]
        part = PALEST + (1 - PALEST) * pair.share
        color = mixed(RELATIONS[pair.relation][0], part)
        edge = EXACT_EDGE if pair.relation == "exact" else color  # so that a pale one is not mistaken for its neighbor
        corner, wide = (column - 0.5, row - 0.5), 1.2 if pair.relation == "exact" else 0
        ax.add_patch(Rectangle(corner, 1, 1, facecolor=color, edgecolor=edge, linewidth=wide, zorder=1 + wide))
        text = "black" if sum(share * value for share, value in zip((0.3, 0.59, 0.11), color)) > 0.55 else "white"
        ax.text(column, row, _short(pair.cells), ha="center", va="center", fontsize=6.5, color=text, zorder=4)


def mixed(color: str, part: float) -> tuple[float, ...]:
    """A color mixed with white."""
    from matplotlib.colors import to_rgb

    return tuple(1 - part * (1 - value) for value in to_rgb(color))


def _short(count: int) -> str:
    """A count of at most four letters."""
    if count < 10**DIGITS:
        return str(count)
    return f"{count / 1e3:.0f}k" if count < 10**6 else f"{count / 1e6:.3g}M"


def _legend(ax: Axes, result: Comparison, n_cells: int) -> None:
    from matplotlib.patches import Patch

    shown = {pair.relation for pair in result.pairs}
    patches = [
        Patch(facecolor=color, edgecolor=EXACT_EDGE if key == "exact" else color, label=name)
        for key, (color, name) in RELATIONS.items()
        if key in shown
    ]
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
