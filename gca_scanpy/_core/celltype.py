"""A cell type of the marker index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Optional

from attrs import frozen


@frozen
class CellType:
    """A cell type of the index.

    Attributes
    ----------
    positive
        Weight by gene, its own facts only.
    negative
        Genes that speak against it; its own facts only, too.
    canonical
        Its own canonical markers, in the order of the database.
    n_sources
        How many sources beside the database state any of its markers: how well-known it is.
    """

    key: str
    label: str
    id: Optional[str]
    tissues: frozenset[str]
    positive: Mapping[str, float]
    negative: frozenset[str]
    canonical: tuple[str, ...]
    n_sources: int = 0
