"""The broad cell types of a dataset with their shares, and the colors of the clusters."""

from __future__ import annotations

import colorsys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Optional

from attrs import frozen

from gca_scanpy._reporting.palette import UNKNOWN_COLOR
from gca_scanpy.model import ClusterReport

Color = Callable[[str, Optional[str]], str]  # of a label and its term, as #RRGGBB
GOLDEN = 0.618034  # of the color circle: each cluster gets a hue far from those before it
LIGHTNESS = (0.46, 0.62, 0.36)


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
    channels = colorsys.hls_to_rgb((0.57 + position * GOLDEN) % 1, lightness, 0.62)
    return "#" + "".join(f"{round(255 * channel):02X}" for channel in channels)


SHOWN = 8  # rows; the last one sums up the types that have none


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
