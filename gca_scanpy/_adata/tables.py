"""``.obs`` and ``.var`` as tables in memory, column by column where the object was read lazily."""

from __future__ import annotations

from typing import Any

import pandas as pd


def frame(table: Any) -> pd.DataFrame:
    """The whole table."""
    return table if isinstance(table, pd.DataFrame) else table.to_memory()


def column_of(table: Any, name: str) -> pd.Series:
    """One column; of a table that is on disk, the others are not read."""
    return table[name] if isinstance(table, pd.DataFrame) else table[[name]].to_memory()[name]
