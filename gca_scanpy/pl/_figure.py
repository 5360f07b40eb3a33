"""What all plots share: axes, colors, and Scanpy's way of saving, showing and returning."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Union

from gca_scanpy._files import whole
from gca_scanpy.errors import InputError
from gca_scanpy.model import ClusterReport, DatasetReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colors, which color-blind readers can tell apart.
CONFIDENCE_COLORS = {"High": "#0072B2", "Medium": "#56B4E9", "Low": "#BBBBBB"}
STATUS_COLORS = {"supported": "#009E73", "flagged": "#D55E00", "unknown": "#666666"}
STATUS_MARKS = {"supported": "✓", "flagged": "!", "unknown": "?"}  # all are in matplotlib's own font
LONGEST_ID, LONGEST_LABEL = 40, 70  # letters
PRINT_DPI = 150
MAX_LISTED = 12

Save = Union[bool, str, "os.PathLike[str]", None]


def label_of(cluster: ClusterReport) -> str:
    """The label, with the proposed one behind it where that did not stand."""
    annotation = cluster.annotation
    questioned = annotation.proposed_label != annotation.primary_label and annotation.proposed_label
    return f"{annotation.primary_label} ({questioned}?)" if questioned else annotation.primary_label


def new_axes(ax: Optional[Axes], width: float, height: float) -> tuple[Figure, Axes]:
    """The given axes with their figure, or new ones; sizes in inches."""
    import matplotlib.pyplot as plt

    if ax is not None:
        return ax.figure.figure, ax  # the figure of a subfigure, which cannot be saved itself
    fig, axes = plt.subplots(figsize=(width, height), layout="constrained")
    return fig, axes


def own_axes(ax: Optional[Axes]) -> tuple[Figure, Axes]:
    """The given axes with their figure, or new ones that fill their figure, whose size comes later."""
    import matplotlib.pyplot as plt

    if ax is not None:
        return ax.figure.figure, ax
    fig = plt.figure()
    return fig, fig.add_axes((0, 0, 1, 1))


def shortened(text: str, length: int) -> str:
    """A text of at most so many letters, on one line, free of matplotlib's mathematics.

    Letters go from the middle, because the names of clusters often differ at their ends.
    """
    line = " ".join(text.split())
    if len(line) > length:
        tail = (length - 1) // 2
        line = f"{line[: length - 1 - tail]}…{line[-tail:]}"
    return line.replace("$", r"\$")


def distinct(names: Sequence[str]) -> list[str]:
    """The names, those that are there already with a number behind."""
    found: dict[str, None] = {}
    for name in names:
        numbered = (f"{name} ({n})" for n in count(2))
        found[name if name not in found else next(other for other in numbered if other not in found)] = None
    return list(found)


def chosen(report: DatasetReport, clusters: Optional[Sequence[str]]) -> list[ClusterReport]:
    """The clusters that are named, in the order of the report; all where none are.

    Raises
    ------
    InputError
        Where the report does not have one, or none is left.
    """
    wanted = {str(c) for c in ([clusters] if isinstance(clusters, str) else clusters or ())}
    found = [c for c in report.clusters if clusters is None or c.cluster_id in wanted]
    missing = wanted.difference(c.cluster_id for c in report.clusters)
    if missing or not found:
        there = ", ".join(repr(c.cluster_id) for c in report.clusters[:MAX_LISTED]) or "none"
        msg = f"no cluster {', '.join(map(repr, sorted(missing))) or 'is asked for'}; the report has: {there}"
        raise InputError(msg)
    return found


def finish(fig: Figure, ax: Any, name: str, *, given: bool, show: Optional[bool], save: Save, return_fig: bool) -> Any:
    """Save, show and return as Scanpy's plots do: the axes where they are not shown, the figure where asked for."""
    import matplotlib.pyplot as plt
    from scanpy import settings

    if save:
        target = _target(name, save, Path(settings.figdir), str(settings.file_format_figs))
        target.parent.mkdir(parents=True, exist_ok=True)
        own = plt.rcParams["savefig.dpi"]
        with whole(target) as part:
            fig.savefig(part, bbox_inches="tight", dpi=PRINT_DPI if own == "figure" else own)
    if return_fig:
        return fig
    shown = show if show is not None else settings.autoshow and not given
    if shown:
        plt.show()
    if save and not given:
        plt.close(fig)  # as Scanpy does: a loop that saves a hundred figures must not keep them
    return None if shown else ax


def _target(name: str, save: Save, folder: Path, ending: str) -> Path:
    """A path as given; ``True`` and a bare ending such as ``".png"`` go to Scanpy's figure folder."""
    if save is True:
        return folder / f"{name}.{ending}"
    if isinstance(save, str) and os.sep not in save and "/" not in save:
        return folder / (f"{name}{save}" if Path(save).suffix or save.startswith(".") else f"{name}{save}.{ending}")
    path = Path(str(save))
    return path if path.suffix else path.with_name(f"{path.name}.{ending}")
