"""AnnData objects: created, read and copied; and their tables, ``.obs`` and ``.var``, in memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from gca_scanpy._packages import element_io
from gca_scanpy.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData


def build(matrix: Any = None, **parts: Any) -> AnnData:
    """An object made of these parts (``obs``, ``var``, ``layers``, ``uns``, ``obsm``)."""
    import anndata

    return anndata.AnnData(matrix, **parts)


def is_anndata(value: Any) -> bool:
    """Whether a value is an AnnData object."""
    import anndata

    return isinstance(value, anndata.AnnData)


def read_h5ad(path: Path) -> AnnData:
    """The object in an h5ad file, in memory."""
    import anndata

    return anndata.read_h5ad(path)


def read_zarr(path: Path) -> AnnData:
    """The object in a zarr folder, in memory."""
    import anndata

    return anndata.read_zarr(path)


def check_writable(adata: AnnData) -> None:
    """Refuse a view of a backed object: to become an object of its own, it would need a file.

    Raises
    ------
    InputError
        It says how to get an object in memory.
    """
    if adata.is_view and adata.isbacked:
        msg = "adata is a view of a backed object, to which nothing can be added; pass adata.to_memory() instead"
        raise InputError(msg)


def view_to_actual(adata: AnnData) -> None:
    """Turn a view into an actual object, as Scanpy's tools do before they write."""
    check_writable(adata)
    if adata.is_view:
        adata._init_as_actual(adata.copy())


def duplicate(adata: AnnData) -> AnnData:
    """A copy; the copy of a backed object is in memory."""
    return adata.to_memory() if adata.isbacked else adata.copy()


def raw_of(adata: AnnData) -> Any:
    """``.raw``, or None. A file can state that it has no ``.raw``; anndata opens such a file with one without genes."""
    return adata.raw if adata.raw is not None and adata.raw.var.shape[0] > 0 else None


def gene_tables(adata: AnnData) -> list[Any]:
    """``.var``, and ``.raw.var`` if there is one."""
    raw = raw_of(adata)
    return [adata.var, *([raw.var] if raw is not None else [])]


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
