"""A figure of Scanpy's, made as large as what is written in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARGIN = 0.08  # inches


def fit(fig: Figure) -> None:
    """Make the figure as large as all that is drawn, the axes staying as large as they are.

    Scanpy gives its plots a size by the number of rows and columns, whatever their names are.
    """
    fig.canvas.draw()
    box = fig.get_tightbbox().padded(MARGIN)
    width, height = fig.get_size_inches()
    own = fig.subplotpars
    fig.set_size_inches(box.width, box.height)
    fig.subplots_adjust(
        left=(own.left * width - box.x0) / box.width,
        right=(own.right * width - box.x0) / box.width,
        bottom=(own.bottom * height - box.y0) / box.height,
        top=(own.top * height - box.y0) / box.height,
    )
