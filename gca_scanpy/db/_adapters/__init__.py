"""Adapters: other people's marker tables, as their makers publish them, as tables of ours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Optional

from gca_scanpy.db._adapters import (
    cellconsensus,
    cellmarker2,
    celltypist,
    decoupler,
    gmt,
    gpt_cell_annotator,
    panglaodb,
    sctype,
)
from gca_scanpy.db._adapters.common import Adapted, Format, Vocabulary, adapt, header_key

__all__ = ["FORMATS", "Adapted", "Format", "Vocabulary", "adapt", "recognize"]

FORMATS = (
    panglaodb.FORMAT,
    cellmarker2.LISTS,
    cellmarker2.LONG,
    sctype.FORMAT,
    celltypist.FORMAT,
    cellconsensus.FORMAT,
    gmt.FORMAT,
    gpt_cell_annotator.FORMAT,
    decoupler.FORMAT,
)


def recognize(columns: Iterable[object]) -> Optional[Format]:
    """The format that has these columns; None for a table that is written as ours are."""
    found = {header_key(column) for column in columns}
    if {"cell_type", "gene"} <= found:
        return None
    return next((form for form in FORMATS if form.header <= found), None)
