"""A colour of each cluster by what it is: its label, its broad type, or only its name."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from typing import Optional

from attrs import frozen

from gca_scanpy.model import ClusterReport

Colour = Callable[[str, Optional[str]], str]  # of a label and its term, as #RRGGBB
GOLDEN = 0.618034  # of the circle of hues: however many clusters there are, the next is far from those before
LIGHTNESS = (0.46, 0.62, 0.36)


@frozen
class Colours:
    """The colours of a cluster, as ``#RRGGBB``."""

    label: str
    broad: str
    cluster: str


def colours_of(cluster: ClusterReport, position: int, colour: Colour) -> Colours:
    """The colours of the cluster at this position of the report, 0 for the first."""
    annotation = cluster.annotation
    return Colours(
        label=colour(annotation.primary_label, annotation.ontology_id),
        broad=colour(cluster.broad_label, cluster.broad_ontology_id),
        cluster=_nth(position),
    )


def _nth(position: int) -> str:
    lightness = LIGHTNESS[position % len(LIGHTNESS)]
    channels = colorsys.hls_to_rgb((0.57 + position * GOLDEN) % 1, lightness, 0.62)
    return "#" + "".join(f"{round(255 * channel):02X}" for channel in channels)
