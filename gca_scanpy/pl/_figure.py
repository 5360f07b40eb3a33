"""What all plots share: axes, names, pieces of docstrings, and saving, showing and returning as Scanpy does."""

from __future__ import annotations

import functools
import os
import re
import textwrap
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, TypeVar, Union, cast

import numpy as np

from gca_scanpy._adata import report_of
from gca_scanpy._files import naming, whole
from gca_scanpy._names.labels import look
from gca_scanpy._reporting.display import Labels, Look, with_labels
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError, shown
from gca_scanpy.model import ClusterReport, DatasetReport

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
_PLACE = re.compile(r"^([ \t]*)%\((\w+)\)s[ \t]*$", re.MULTILINE)
LONGEST_ID, LONGEST_LABEL = 40, 70  # letters
PRINT_DPI = 150
MAX_LISTED = 12
CELL, SMALLEST = 0.21, 0.14  # inches, of a field of a grid
PAGE = 11.0  # inches; from this size on, the fields of a grid and the rows of a table shrink
CJK_FONTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC", "PingFang SC", "Hiragino Sans",
    "Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "WenQuanYi Zen Hei", "IPAexGothic", "Arial Unicode MS",
)  # fmt: skip
DARK = 0.55  # brightness below which a text is white
STRIP = 4  # points, the height of the strip of colors

Save = Union[bool, str, "os.PathLike[str]", None]


def fill(**pieces: str) -> Callable[[T], T]:
    """Make a decorator that fills pieces into the docstring of a function or class, and gives the same object back.

    A line that is only ``%(name)s`` is replaced by the piece of this name, with the indentation of that line. Line
    breaks around a piece are removed, and so is the indentation that all its lines share. Any other ``%`` and all
    braces stay. Under ``python -OO``, which removes docstrings, the decorator does nothing.

    Raises
    ------
    KeyError
        By the decorator, so at import: if a docstring names a piece that does not exist.
    """
    texts = {name: textwrap.dedent(text).strip("\n") for name, text in pieces.items()}

    def decorate(documented: T) -> T:
        if documented.__doc__:
            documented.__doc__ = _PLACE.sub(lambda place: _indented(texts[place[2]], place[1]), documented.__doc__)
        return documented

    return decorate


def _indented(text: str, indent: str) -> str:
    return "\n".join(indent + line if line else line for line in text.split("\n"))


documented = fill(
    data="""
    data
        An annotated object, or a report.
    """,
    key="""
    key
        The ``key_added`` of the run; ignored for a report.
    """,
    labels="""
    labels
        ``"full"``, or ``"short"`` for the names of :func:`gca_scanpy.names.short`. If the short names of two types
        looked alike, both have their full names.
    """,
    ax="""
    ax
        Axes to draw into; if None, new ones.
    """,
    show="""
    show, save, return_fig
        As in Scanpy's plots. ``save`` may also be a path.
    """,
    returns="""
    matplotlib.axes.Axes, matplotlib.figure.Figure or None
        The axes; None if they are shown; the figure if ``return_fig`` is set.
    """,
    no_report="""
    MissingKeyError
        If there is no report under this key.
    """,
)


def drawn(function: F) -> F:
    """Fill the shared pieces into the docstring of a plot, and give its texts fonts with Chinese, Japanese and Korean.

    matplotlib's own font has none of their letters. Fonts that are not installed are not asked for.
    """

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        import matplotlib as mpl
        from matplotlib.font_manager import fontManager

        installed = {font.name for font in fontManager.ttflist}
        fonts = [*mpl.rcParams["font.family"], *(name for name in CJK_FONTS if name in installed)]
        with mpl.rc_context({"font.family": fonts}):
            return function(*args, **options)

    return documented(cast(F, call))


def label_of(cluster: ClusterReport) -> str:
    """The label, followed by the proposed one if the checks stopped it."""
    annotation = cluster.annotation
    return (
        f"{annotation.primary_label} ({cluster.stopped_label}?)" if cluster.stopped_label else annotation.primary_label
    )


def report_to_draw(data: Union[AnnData, DatasetReport], key: str, labels: Labels) -> DatasetReport:
    """The report, with short names of the types if ``labels`` asks for them."""
    return with_labels(report_of(data, key), labels, _bundled.shortener())


def row_names(clusters: Sequence[ClusterReport], labels: Sequence[str]) -> list[str]:
    """The names of the rows: the id of each cluster, and a label that fits."""
    return [f"{name} · {label}" for name, label in zip(fitted_ids(clusters), labels)]


def fitted_ids(clusters: Sequence[ClusterReport]) -> list[str]:
    """The ids of the clusters, shortened if they are long."""
    return fitted([cluster.cluster_id for cluster in clusters], LONGEST_ID)


def new_axes(ax: Optional[Axes], width: float, height: float) -> tuple[Figure, Axes]:
    """The given axes with their figure, or new ones; sizes in inches."""
    import matplotlib.pyplot as plt

    if ax is not None:
        return ax.figure.figure, ax  # the whole figure: a subfigure cannot be saved
    fig, axes = plt.subplots(figsize=(width, height), layout="constrained")
    return fig, axes


def full_axes(ax: Optional[Axes]) -> tuple[Figure, Axes]:
    """The given axes with their figure, or new ones that fill a figure, whose size is set later."""
    import matplotlib.pyplot as plt

    if ax is not None:
        return ax.figure.figure, ax
    fig = plt.figure()
    return fig, fig.add_axes((0, 0, 1, 1))


def cell_size(n: int, usual: float = CELL, smallest: float = SMALLEST) -> float:
    """The size of each of n fields or rows in inches: smaller if they are many, so that the picture fits a page."""
    return max(smallest, min(usual, PAGE / n))


def name_size(n: int) -> float:
    """The size of each of n names in points."""
    return 8 if cell_size(n) > 0.16 else 7


def rows_at_left(ax: Axes, names: Sequence[str], colors: Sequence[str] = ()) -> None:
    """Name the rows."""
    ax.set_yticks(range(len(names)), names, fontsize=name_size(len(names)))
    ax.tick_params(axis="y", length=0, pad=STRIP + 5 if colors else 4)
    for row, color in enumerate(colors):
        _square(ax, (0, row), "y", color)


def columns_on_top(ax: Axes, names: Sequence[str], colors: Sequence[str]) -> None:
    """Name the columns, upright, with a square in the color of the type below each name."""
    ax.set_xticks(range(len(names)), names, fontsize=name_size(len(names)), rotation=90)
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
    ax.grid(True, which="minor", color=ink(ax), alpha=0.08, linewidth=0.6)
    ax.spines[:].set_color("#BBBBBB")
    ax.set_axisbelow(True)


def ink(ax: Optional[Axes]) -> str:
    """The color of texts: black, or white on a dark figure, such as a new one in the style ``dark_background``."""
    import matplotlib as mpl
    from matplotlib.colors import to_rgba

    *color, alpha = to_rgba(ax.figure.figure.get_facecolor() if ax is not None else mpl.rcParams["figure.facecolor"])
    return "black" if alpha < 0.5 else text_on(color)


def tint(ax: Axes, look: Look) -> str:
    """The color of a status in texts."""
    return look.plot if ink(ax) == "black" else look.dark


def mixed(color: str, part: float) -> tuple[float, ...]:
    """A color mixed with white."""
    from matplotlib.colors import to_rgb

    return tuple(1 - part * (1 - value) for value in to_rgb(color))


def visible_blues(ax: Optional[Axes]) -> Any:
    """Blues that differ from the paper, the more the higher the value: a candidate of probability 0 is seen."""
    import matplotlib as mpl
    from matplotlib.colors import ListedColormap

    return ListedColormap(mpl.colormaps["Blues"](np.linspace(0.12, 1, 256))[:: 1 if ink(ax) == "black" else -1])


def text_on(color: Sequence[float]) -> str:
    """The color of a text that can be read on another color."""
    brightness = sum(part * value for part, value in zip((0.3, 0.59, 0.11), color))
    return "white" if brightness < DARK else "black"


def shortened(text: str, length: int) -> str:
    """A text of at most ``length`` letters, on one line, in which matplotlib sees no formula.

    Letters are taken from the middle, because the names of clusters often differ at their ends.
    """
    line = " ".join(text.split())
    if len(line) > length:
        tail = (length - 1) // 2
        line = f"{line[: length - 1 - tail]}…{line[-tail:]}"
    return line.replace("$", r"\$")


def fitted(labels: Sequence[str], length: int) -> list[str]:
    """Labels of at most ``length`` letters each; those that would look alike without some letters keep more of them."""
    room = dict.fromkeys(labels, length)
    while True:
        names = {label: shortened(label, letters) for label, letters in room.items()}
        by_look: dict[str, list[str]] = {}
        for label, name in names.items():
            by_look.setdefault(look(name), []).append(label)
        alike = [label for group in by_look.values() if len(group) > 1 for label in group if len(label) > room[label]]
        if not alike:
            return [names[label] for label in labels]
        room.update({label: room[label] + room[label] // 8 + 1 for label in alike})


def distinct(names: Sequence[str]) -> list[str]:
    """The names, with a number behind each that repeats an earlier one."""
    unique: dict[str, None] = {}
    for name in names:
        numbered = (f"{name} ({n})" for n in count(2))
        unique[name if name not in unique else next(other for other in numbered if other not in unique)] = None
    return list(unique)


def chosen(report: DatasetReport, clusters: Optional[Sequence[str]]) -> list[ClusterReport]:
    """The clusters to draw in the order of the report: the named ones, or all if ``clusters`` is None.

    Raises
    ------
    InputError
        If the report lacks one of them, or if no cluster is left.
    """
    ids = () if clusters is None else [clusters] if isinstance(clusters, str) else clusters
    wanted = {str(c) for c in ids}
    named = [c for c in report.clusters if clusters is None or c.cluster_id in wanted]
    missing = wanted.difference(c.cluster_id for c in report.clusters)
    if missing or not named:
        if not report.clusters:
            msg = "the report has no clusters, so there is nothing to draw"
            raise InputError(msg)
        known = ", ".join(repr(c.cluster_id) for c in report.clusters[:MAX_LISTED])
        problem = f"no cluster {', '.join(map(repr, sorted(missing)))}" if missing else "clusters is empty"
        msg = f"{problem}; the report has: {known}"
        raise InputError(msg)
    return named


def finish(fig: Figure, ax: Any, name: str, *, given: bool, show: Optional[bool], save: Save, return_fig: bool) -> Any:
    """Save, show and return as Scanpy's plots do: the axes if they are not shown, the figure with ``return_fig``."""
    import matplotlib.pyplot as plt
    from scanpy import settings

    if save:
        target = _target(name, save, Path(settings.figdir), str(settings.file_format_figs))
        formats = fig.canvas.get_supported_filetypes()
        if target.suffix.lower().removeprefix(".") not in formats:
            msg = f"save={shown(save)} ends in no format of matplotlib; they are: {', '.join(sorted(formats))}"
            raise InputError(msg)
        with naming(target, "written"):
            target.parent.mkdir(parents=True, exist_ok=True)
        dpi = plt.rcParams["savefig.dpi"]
        with whole(target) as part:
            fig.savefig(part, bbox_inches="tight", dpi=PRINT_DPI if dpi == "figure" else dpi)
    if return_fig:
        return fig
    is_shown = show if show is not None else settings.autoshow and not given
    if is_shown:
        plt.show()
    if save and not given:
        plt.close(fig)  # as Scanpy does, so that a loop over a hundred figures keeps none
    return None if is_shown else ax


def _target(name: str, save: Save, folder: Path, ending: str) -> Path:
    """The path as given; ``True`` and a bare ending such as ``".png"`` mean Scanpy's figure folder."""
    if save is True:
        return folder / f"{name}.{ending}"
    if isinstance(save, str) and os.sep not in save and "/" not in save:
        return folder / (f"{name}{save}" if Path(save).suffix or save.startswith(".") else f"{name}{save}.{ending}")
    path = Path(str(save))
    return path if path.suffix else path.with_name(f"{path.name}.{ending}")
