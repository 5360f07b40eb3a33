"""AnnData objects: created, read and copied; their tables, in memory; and which of their matrices is meant."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import pandas as pd
from attrs import define

from gca_scanpy._packages import element_io, layer_names
from gca_scanpy.errors import InputError, MissingKeyError

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


@define(eq=False)
class Source:
    """A matrix as Scanpy selects it, with the tables of its genes.

    Attributes
    ----------
    matrix, var
        The matrix and the table of its genes.
    other
        The table of the other genes: ``.var`` next to ``.raw.var`` and the other way round; None without ``.raw``.
    use_raw
        Whether the matrix is that of ``.raw``.
    """

    matrix: Any
    var: pd.DataFrame
    other: Optional[pd.DataFrame]
    use_raw: bool

    @property
    def tables(self) -> list[pd.DataFrame]:
        """The tables that there are."""
        return [table for table in (self.var, self.other) if table is not None]

    @property
    def place(self) -> str:
        """The table of the genes, for messages."""
        return ".raw.var" if self.use_raw else ".var"

    @property
    def other_place(self) -> str:
        """The other table, for messages."""
        return ".var" if self.use_raw else ".raw.var"


def select_matrix(adata: AnnData, use_raw: Optional[bool], layer: Optional[str]) -> Source:
    """The matrix to rank and its table of genes, by Scanpy's rule: the layer, else ``.raw`` if it is set, else ``X``.

    Raises
    ------
    MissingKeyError
        If there is no such layer.
    InputError
        If ``use_raw`` is True, and a layer is given or ``.raw`` is not set.
    """
    var = to_frame(adata.var)
    raw = raw_of(adata)
    raw_var = None if raw is None else to_frame(raw.var)
    if layer is not None:
        if use_raw:
            msg = f"use_raw=True and layer={layer!r} exclude each other; pass only one of them"
            raise InputError(msg)
        if layer not in adata.layers:
            layers = ", ".join(map(repr, layer_names(adata.layers))) or "none"
            msg = f"there is no layer {layer!r}; layers: {layers}"
            raise MissingKeyError(msg)
        return Source(adata.layers[layer], var, raw_var, use_raw=False)
    if use_raw and raw is None:
        msg = "use_raw=True, but .raw is None; set .raw, or leave out use_raw"
        raise InputError(msg)
    if use_raw is not False and raw_var is not None:
        return Source(raw.X, raw_var, var, use_raw=True)
    return Source(adata.X, var, raw_var, use_raw=False)


def as_in_the_run(adata: AnnData, parameters: Mapping[str, str]) -> tuple[Optional[bool], Optional[str], Optional[str]]:
    """``use_raw``, ``layer`` and ``gene_symbols`` of a run, by its parameters, as far as the object still has them."""
    use_raw = {"True": True, "False": False}.get(parameters.get("use_raw", ""))
    layer, symbols = parameters.get("layer"), parameters.get("gene_symbols")
    tables = gene_tables(adata)
    return (
        use_raw and (raw_of(adata) is not None or None),
        layer if layer in adata.layers else None,
        symbols if any(symbols in table.columns for table in tables) else None,
    )


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
