"""The cells as the page draws them: thinned, packed into few bytes, and described in words for screen readers.

Also the colors and the addresses by which the page joins the cells, the clusters and the ontology.
"""

from __future__ import annotations

import base64
import colorsys
import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any, Optional
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
from attrs import frozen

from gca_scanpy._adata.members import Embedding
from gca_scanpy._keys import EMBEDDINGS
from gca_scanpy._names.ontology import TERM_ID
from gca_scanpy._reporting.colors import UNKNOWN_COLOR, Color, hex_color
from gca_scanpy.model import ClusterReport

MOST = 50_000  # cells drawn of a large dataset: 270 kB of the file, and the picture still follows the mouse
LEAST = 200  # cells that a small cluster keeps when a dataset is thinned
STEPS = 65_535  # of a coordinate; no screen has as many pixels
COLUMNS, ROWS = ("left", "middle", "right"), ("bottom", "middle", "top")
GOLDEN = 0.618034  # of the color circle: each cluster gets a hue far from those before it
LIGHTNESS = (0.46, 0.62, 0.36)
LONGEST_ANCHOR = 200  # characters of an escaped id; a longer one is replaced by its hash
OBO = "https://purl.obolibrary.org/obo/CL_"
SHOWN = 8  # rows; the last one sums up the types that have none


@frozen
class CellsView:
    """The picture of the cells.

    Attributes
    ----------
    name
        Name of the embedding, as people call it.
    total
        Cells of the dataset.
    counts
        Number of drawn cells of each cluster, in the order of the report; the last are the cells without a cluster.
    points
        Coordinates of the drawn cells in this order, x and y in turn, as unsigned 16-bit integers, little-endian, in
        base64. Both axes have the same unit.
    whereabouts
        For each cluster where most of its cells lie, in words; empty if none of them is drawn.
    """

    name: str
    total: int
    counts: tuple[int, ...]
    points: str
    whereabouts: tuple[str, ...]

    @property
    def drawn(self) -> int:
        """Number of drawn cells."""
        return sum(self.counts)


def view_of_cells(embedding: Embedding, n_clusters: int) -> CellsView:
    """The picture of an embedding; the same embedding always gives the same picture."""
    finite = np.isfinite(embedding.places).all(axis=1)
    members = [np.flatnonzero(finite & (embedding.codes == code)) for code in (*range(n_clusters), -1)]
    chosen = [cells[_evenly(len(cells), share)] for cells, share in zip(members, _shares(members))]
    places = _quantized(embedding.places[np.concatenate(chosen)])
    counts = tuple(map(len, chosen))
    return CellsView(
        name=EMBEDDINGS.get(embedding.name, embedding.name.removeprefix("X_")),
        total=len(embedding.codes),
        counts=counts,
        points=base64.b64encode(places.astype("<u2").tobytes()).decode("ascii"),
        whereabouts=_whereabouts(places, counts[:-1]),
    )


def _shares(members: Sequence[npt.NDArray[np.intp]]) -> list[int]:
    """Number of cells to draw of each group: proportional to its size, but at least ``LEAST`` of a small cluster."""
    total, least = sum(map(len, members)), min(LEAST, MOST // len(members))
    if total <= MOST:
        return [len(cells) for cells in members]
    return [min(len(cells), max(least, len(cells) * MOST // total)) for cells in members]


def _evenly(n: int, share: int) -> npt.NDArray[np.intp]:
    """Positions of ``share`` of n cells, at even steps through the dataset, so that every sample is represented."""
    return np.arange(share, dtype=np.intp) * n // max(share, 1)


def _quantized(places: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    if not len(places):
        return np.zeros((0, 2), dtype=np.int64)
    # Halved first, because the difference of two coordinates can overflow.
    halves = places / 2
    from_edge = halves - halves.min(axis=0)
    steps: npt.NDArray[np.int64] = np.rint(from_edge / (float(np.max(from_edge)) or 1.0) * STEPS).astype(np.int64)
    return steps


def _whereabouts(places: npt.NDArray[np.int64], counts: Sequence[int]) -> tuple[str, ...]:
    if not len(places):
        return ("",) * len(counts)
    widths, starts = places.max(axis=0) + 1, np.cumsum([0, *counts])
    return tuple(
        _third(np.median(places[start:end], axis=0) / widths) if end > start else ""
        for start, end in zip(starts, starts[1:])
    )


def _third(place: npt.NDArray[Any]) -> str:
    column, row = COLUMNS[int(place[0] * 3)], ROWS[int(place[1] * 3)]
    return "middle" if column == row == "middle" else f"{row} {column}"


@frozen
class Colors:
    """The colors of a cluster, as ``#RRGGBB``."""

    label: str
    broad: str
    cluster: str


def colors_of(cluster: ClusterReport, position: int, color: Color) -> Colors:
    """The colors of the cluster at this position of the report, 0 for the first."""
    annotation = cluster.annotation
    return Colors(
        label=color(annotation.primary_label, annotation.ontology_id),
        broad=color(cluster.broad_label, cluster.broad_ontology_id),
        cluster=_nth(position),
    )


def _nth(position: int) -> str:
    lightness = LIGHTNESS[position % len(LIGHTNESS)]
    return hex_color(255 * channel for channel in colorsys.hls_to_rgb((0.57 + position * GOLDEN) % 1, lightness, 0.62))


@frozen
class ShareView:
    """A broad type with its number of cells, or of clusters if the cells are not counted; ``percent`` is 0 to 100."""

    label: str
    color: str
    count: str
    percent: float


def composition(clusters: Sequence[ClusterReport], colors: Sequence[Colors]) -> tuple[str, tuple[ShareView, ...]]:
    """What is counted, ``cells`` or ``clusters``, and the broad types, the largest first."""
    counted = bool(clusters) and all(cluster.n_cells is not None for cluster in clusters)
    counts: Counter[str] = Counter()
    broad_colors: dict[str, str] = {}
    for cluster, color in zip(clusters, colors):
        counts[cluster.broad_label] += (cluster.n_cells or 0) if counted else 1
        broad_colors.setdefault(cluster.broad_label, color.broad)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rows = [(label, broad_colors[label], count) for label, count in ranked]
    if len(rows) > SHOWN:
        rest = rows[SHOWN - 1 :]
        rows = [*rows[: SHOWN - 1], (f"{len(rest)} other types", UNKNOWN_COLOR, sum(count for *_, count in rest))]
    total = sum(counts.values()) or 1
    shares = (ShareView(label, color, f"{count:,}", round(100 * count / total, 1)) for label, color, count in rows)
    return ("cells" if counted else "clusters"), tuple(shares)


@frozen
class TermView:
    """An ontology id; ``url`` is None if it is not one of the Cell Ontology."""

    id: str
    url: Optional[str]


def view_of_term(term_id: Optional[str]) -> Optional[TermView]:
    """An ontology id with its address; None if there is no id."""
    if not term_id:
        return None
    number = TERM_ID.fullmatch(term_id)  # only such an id becomes a link; a report may hold any text in its place
    return TermView(term_id, OBO + number[1] if number else None)


def anchor_of(cluster_id: str) -> str:
    """The address of a cluster within the page: its id, escaped as in any address, so that two ids never share one."""
    escaped = quote(cluster_id, safe="", errors="surrogatepass")
    if len(escaped) > LONGEST_ANCHOR:  # "*" does not occur in an escaped id
        escaped = "*" + hashlib.sha256(cluster_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"cluster-{escaped}"
