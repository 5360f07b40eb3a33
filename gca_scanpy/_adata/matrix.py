"""The expression matrix that the genes are ranked from, selected as Scanpy does, and checks of its values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
import pandas as pd
from attrs import define
from scipy import sparse

from gca_scanpy._adata.tables import to_frame
from gca_scanpy._adata.values import NUMERIC, Kind, as_numbers, kind_of
from gca_scanpy._compat import layer_names
from gca_scanpy.errors import InputError, MissingKeyError

if TYPE_CHECKING:
    from anndata import AnnData

    from gca_scanpy._adata.genes import Genes


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


@define(eq=False)
class Matrix:
    """An expression matrix, cells by genes.

    Attributes
    ----------
    data
        Sparse or dense values in memory, or a Dask array. They belong to the user, so they are only read.
    names
        Gene names, in the order of the columns.
    kind
        What kind of values they are.
    """

    data: Any
    names: list[str]
    kind: Kind

    @property
    def logged(self) -> bool:
        """Whether the values are ranked as they are; if not, they are log-normalized while they are read."""
        return self.kind == "other"

    @classmethod
    def read(cls, adata: AnnData, use_raw: Optional[bool], layer: Optional[str], genes: Genes) -> Matrix:
        """The matrix to rank, without features that are not genes; a backed matrix is read into memory.

        Raises
        ------
        InputError
            If there is no matrix, it is on a GPU, it has no numbers, or no genes.
        """
        matrix = cls._of(as_numbers(in_memory(select_matrix(adata, use_raw, layer).matrix, adata)), genes)
        if not matrix.names:
            msg = "the matrix to rank has no genes; filter fewer genes, or choose another matrix with layer="
            raise InputError(msg)
        return matrix

    @classmethod
    def read_if_available(
        cls, adata: AnnData, use_raw: Optional[bool], layer: Optional[str], genes: Genes
    ) -> Optional[Matrix]:
        """The matrix of a stored ranking; None if it is on disk or not numeric: the ranking suffices."""
        if layer is not None and layer not in adata.layers:
            layer = None
        values = select_matrix(adata, use_raw if adata.raw is not None else None, layer).matrix
        if values is None or _is_on_disk(values) or not genes.names:
            return None
        if getattr(getattr(values, "dtype", None), "kind", "f") not in NUMERIC:
            return None
        return cls._of(as_numbers(values), genes)

    @classmethod
    def _of(cls, values: Any, genes: Genes) -> Matrix:
        columns = np.flatnonzero(genes.are_genes)
        if len(columns) < len(genes.names):
            indexable = not sparse.issparse(values) or values.format in ("csr", "csc")
            values = (values if indexable else values.tocsr())[:, columns]
        return cls(values, [genes.names[column] for column in columns], kind_of(values))


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
    raw_var = None if adata.raw is None else to_frame(adata.raw.var)
    if layer is not None:
        if use_raw:
            msg = f"use_raw=True and layer={layer!r} exclude each other; pass only one of them"
            raise InputError(msg)
        if layer not in adata.layers:
            layers = ", ".join(map(repr, layer_names(adata.layers))) or "none"
            msg = f"there is no layer {layer!r}; layers: {layers}"
            raise MissingKeyError(msg)
        return Source(adata.layers[layer], var, raw_var, use_raw=False)
    if use_raw and adata.raw is None:
        msg = "use_raw=True, but .raw is None; set .raw, or leave out use_raw"
        raise InputError(msg)
    if use_raw is not False and raw_var is not None:
        return Source(adata.raw.X, raw_var, var, use_raw=True)
    return Source(adata.X, var, raw_var, use_raw=False)


def as_in_the_run(adata: AnnData, parameters: Mapping[str, str]) -> tuple[Optional[bool], Optional[str], Optional[str]]:
    """``use_raw``, ``layer`` and ``gene_symbols`` of a run, by its parameters, as far as the object still has them."""
    use_raw = {"True": True, "False": False}.get(parameters.get("use_raw", ""))
    layer, symbols = parameters.get("layer"), parameters.get("gene_symbols")
    tables = [adata.var, *([adata.raw.var] if adata.raw is not None else [])]
    return (
        use_raw and (adata.raw is not None or None),
        layer if layer in adata.layers else None,
        symbols if any(symbols in table.columns for table in tables) else None,
    )


def in_memory(matrix: Any, adata: AnnData) -> Any:
    """The matrix, read into memory if its object is backed.

    Raises
    ------
    InputError
        If there is no matrix; the message lists the layers.
    """
    if matrix is None:
        names = layer_names(adata.layers)
        advice = f"name one of its layers, such as layer={names[0]!r}" if names else "set .X"
        msg = (
            "there is no expression matrix (.X is None) and no stored ranking for these clusters; "
            f"{advice}; layers: {', '.join(map(repr, names)) or 'none'}"
        )
        raise InputError(msg)
    if not _is_on_disk(matrix):
        return matrix
    return matrix.to_memory() if hasattr(matrix, "to_memory") else matrix[()]


def _is_on_disk(matrix: Any) -> bool:
    return hasattr(matrix, "to_memory") or type(matrix).__module__.startswith(("h5py", "zarr"))
