"""Which broad cell types the dataset is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from attrs import frozen

from gca_scanpy._page.colours import Colours
from gca_scanpy.model import ClusterReport

SHOWN = 8  # types; the others are one row together
OTHERS_COLOUR = "#9E9E9E"


@frozen
class ShareView:
    """A broad type: how many cells, or clusters where cells were not counted; ``percent`` is 0 to 100."""

    label: str
    colour: str
    count: str
    percent: float


def composition(clusters: Sequence[ClusterReport], colours: Sequence[Colours]) -> tuple[str, tuple[ShareView, ...]]:
    """What was counted, ``cells`` or ``clusters``, and the broad types, most first."""
    counted = bool(clusters) and all(cluster.n_cells is not None for cluster in clusters)
    counts: Counter[str] = Counter()
    found: dict[str, str] = {}
    for cluster, colour in zip(clusters, colours):
        counts[cluster.broad_label] += (cluster.n_cells or 0) if counted else 1
        found.setdefault(cluster.broad_label, colour.broad)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rows = [(label, found[label], count) for label, count in ranked]
    if len(rows) > SHOWN:
        rest = rows[SHOWN - 1 :]
        rows = [*rows[: SHOWN - 1], (f"{len(rest)} other types", OTHERS_COLOUR, sum(count for *_, count in rest))]
    total = sum(counts.values()) or 1
    shares = (ShareView(label, colour, f"{count:,}", round(100 * count / total, 1)) for label, colour, count in rows)
    return ("cells" if counted else "clusters"), tuple(shares)
