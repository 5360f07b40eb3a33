"""``.obs`` and ``.var`` as tables in memory, column by column where the object was read lazily."""

from __future__ import annotations

from typing import Any

import pandas as pd

from gca_scanpy._compat import element_io


def frame(table: Any) -> pd.DataFrame:
    """The whole table."""
    return table if isinstance(table, pd.DataFrame) else table.to_memory()


def add_column(obs: Any, name: str, values: pd.Series) -> None:
    """Write a column into the ``.obs`` of a store that is open to be changed."""
    _, write = element_io()
    write(obs, name, values.array if isinstance(values.dtype, pd.CategoricalDtype) else values.to_numpy())
    order = [str(column) for column in obs.attrs["column-order"]]
    obs.attrs["column-order"] = order if name in order else [*order, name]


def column_of(table: Any, name: str) -> pd.Series:
    """One column; of a table that is on disk, the others are not read."""
    return table[name] if isinstance(table, pd.DataFrame) else table[[name]].to_memory()[name]
