"""A grid of fields: names at the left and on top, with the colors of their types, and thin lines between the fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CELL = 0.21  # inches
NAME_SIZE = 8  # points
STRIP = 4  # points, the height of the strip of colors


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
