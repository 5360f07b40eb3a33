"""``.obs`` and ``.var`` as tables in memory; of a lazily read object, only the needed columns are read."""

from __future__ import annotations

from typing import Any

import pandas as pd

from gca_scanpy._compat import element_io
from gca_scanpy.errors import InputError


def to_frame(table: Any) -> pd.DataFrame:
    """The whole table, in memory."""
    return table if isinstance(table, pd.DataFrame) else table.to_memory()


def column_of(table: Any, name: str) -> pd.Series:
    """One column, in memory; the other columns of a table on disk are not read.

    Raises
    ------
    InputError
        If the table has several columns of this name.
    """
    if list(table.columns).count(name) > 1:
        msg = (
            f"there are {list(table.columns).count(name)} columns {name!r}, and it is not known which one is meant; "
            "rename all but one, or keep the first of each name: "
            "adata.obs = adata.obs.loc[:, ~adata.obs.columns.duplicated()], likewise for .var"
        )
        raise InputError(msg)
    return table[name] if isinstance(table, pd.DataFrame) else table[[name]].to_memory()[name]


def add_column(obs: Any, name: str, values: pd.Series) -> None:
    """Write a column into the ``.obs`` group of a store that is open for writing."""
    _, write = element_io()
    write(obs, name, values.array if isinstance(values.dtype, pd.CategoricalDtype) else values.to_numpy())
    order = [str(column) for column in obs.attrs["column-order"]]
    obs.attrs["column-order"] = order if name in order else [*order, name]


def to_strings(index: pd.Index) -> list[str]:
    """The index as strings, by way of an array, because iterating over the text type of pandas is slow."""
    return [str(name) for name in index.to_numpy(dtype=object)]
