"""What plots are laid out as: a table of texts, or a grid of fields with names at the left and on top."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Union

from attrs import frozen

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE_SIZE, TEXT_SIZE = 9.0, 8.0  # points
GAP, ROW, MARGIN = 0.22, 0.27, 0.08  # inches
CELL = 0.21  # inches
NAME_SIZE = 8  # points
STRIP = 4  # points, the height of the strip of colors


@frozen(kw_only=True)
class Column:
    """A column of the table.

    Attributes
    ----------
    texts
        A text for each row.
    colors
        A color for each row, or one for all.
    before
        Space left of the texts for drawings, in inches; for each row, or one for all.
    right
        Whether the texts are aligned to the right, as numbers are.
    """

    title: str
    texts: Sequence[str]
    colors: Union[str, Sequence[str]] = "black"
    before: Union[float, Sequence[float]] = 0.0
    right: bool = False


def draw(ax: Axes, columns: Sequence[Column], *, given: bool) -> list[float]:
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
        ax.axhspan(row - 0.5, row + 0.5, color="#F3F3F3", linewidth=0, zorder=0)
    ax.axhline(-0.5, color="black", linewidth=0.8)
    lefts = [MARGIN + sum(widths[:i]) + GAP * i for i in range(len(columns))]
    for column, left, width in zip(columns, lefts, widths):
        x, side = (left + width, "right") if column.right else (left, "left")
        style: dict[str, Any] = {"va": "center", "ha": side}
        ax.text(x, -0.95, column.title, weight="bold", fontsize=TITLE_SIZE * scale, **style)
        colors = [column.colors] * rows if isinstance(column.colors, str) else column.colors
        for row, (text, color, room) in enumerate(zip(column.texts, colors, _rooms(column))):
            ax.text(x + room, row, text, color=color, fontsize=TEXT_SIZE * scale, **style)
    return lefts


def _measure(ax: Axes, columns: Sequence[Column], scale: float) -> tuple[list[float], tuple[float, float]]:
    """The widths of the columns, and width and height of the table, for letters of this scale."""
    titles = [_width(ax, [column.title], TITLE_SIZE * scale, "bold") / scale for column in columns]
    texts = [_widest(ax, column, scale) for column in columns]
    widths = [max(pair) for pair in zip(titles, texts)]
    rows = len(columns[0].texts)
    return widths, (sum(widths) + GAP * (len(columns) - 1) + 2 * MARGIN, ROW * (rows + 1.4))


def _widest(ax: Axes, column: Column, scale: float) -> float:
    by_room: dict[float, list[str]] = {}
    for text, room in zip(column.texts, _rooms(column)):
        by_room.setdefault(room, []).append(text)
    return max(room + _width(ax, texts, TEXT_SIZE * scale) / scale for room, texts in by_room.items())


def _rooms(column: Column) -> Sequence[float]:
    return [column.before] * len(column.texts) if isinstance(column.before, (int, float)) else column.before


def _width(ax: Axes, texts: Sequence[str], size: float, weight: str = "normal") -> float:
    """The width of the widest text in inches."""
    probe = ax.text(0, 0, "", fontsize=size, weight=weight)
    widest = 0.0
    for text in dict.fromkeys(texts):
        probe.set_text(text)
        widest = max(widest, probe.get_window_extent().width)
    probe.remove()
    return widest / float(ax.figure.dpi)


def rows_at_left(ax: Axes, names: Sequence[str], colors: Sequence[str] = ()) -> None:
    """Name the rows."""
    ax.set_yticks(range(len(names)), names, fontsize=NAME_SIZE)
    ax.tick_params(axis="y", length=0, pad=STRIP + 5 if colors else 4)
    for row, color in enumerate(colors):
        _square(ax, (0, row), "y", color)


def columns_on_top(ax: Axes, names: Sequence[str], colors: Sequence[str]) -> None:
    """Name the columns, upright, with a square in the color of the type below each name."""
    ax.set_xticks(range(len(names)), names, fontsize=NAME_SIZE, rotation=90)
    ax.tick_params(axis="x", length=0, top=False, bottom=False, labeltop=True, labelbottom=False, pad=STRIP + 5)
    for column, color in enumerate(colors):
        _square(ax, (column, 1), "x", color)


def _square(ax: Axes, place: tuple[float, float], axis: str, color: str) -> None:
    """Draw a small colored square outside the grid, beside a name; it is a marker, so that it scales with the text."""
    from matplotlib.transforms import ScaledTranslation

    along = ax.get_xaxis_transform() if axis == "x" else ax.get_yaxis_transform()
    away = (0.0, 4 / 72) if axis == "x" else (-4 / 72, 0.0)
    shift = ScaledTranslation(*away, ax.figure.dpi_scale_trans)
    ax.plot(
        [place[0]], [place[1]], marker="s", markersize=STRIP, color=color, linestyle="",
        transform=along + shift, clip_on=False,
    )  # fmt: skip


def frame(ax: Axes) -> None:
    """Draw thin, pale lines between the fields."""
    from matplotlib.ticker import FixedLocator

    columns, rows = len(ax.get_xticks()), len(ax.get_yticks())
    ax.set_xlim(-0.5, columns - 0.5)
    ax.set_ylim(rows - 0.5, -0.5)
    ax.xaxis.set_minor_locator(FixedLocator([i - 0.5 for i in range(columns + 1)]))
    ax.yaxis.set_minor_locator(FixedLocator([i - 0.5 for i in range(rows + 1)]))
    ax.tick_params(which="minor", length=0)
    ax.grid(False, which="major")  # Scanpy's figure settings turn it on
    ax.grid(True, which="minor", color="#EBEBEB", linewidth=0.6)
    ax.spines[:].set_color("#BBBBBB")
    ax.set_axisbelow(True)
