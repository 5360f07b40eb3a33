"""The matrix whose genes are ranked, by Scanpy's rule, with what must be known of its values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

import numpy as np
import pandas as pd
from attrs import define
from scipy import sparse

from gca_scanpy._adata.tables import frame
from gca_scanpy._compat import layer_names
from gca_scanpy.errors import InputError, MissingKeyError

if TYPE_CHECKING:
    from anndata import AnnData

CHECKED_VALUES = 100_000  # values looked at to tell counts from log-normalized data
NOT_FINITE = "the counts to rank hold NaN or infinite values; remove them, or name another matrix with layer="


@define(eq=False)
class Matrix:
    """Cells by genes.

    Attributes
    ----------
    data
        Sparse or dense, in memory, or in Dask's chunks; the user's own, so only read.
    names
        Gene names, in the order of the columns.
    counts
        Whether the values are raw counts.
    """

    data: Any
    names: list[str]
    counts: bool

    @classmethod
    def read(cls, adata: AnnData, use_raw: Optional[bool], layer: Optional[str]) -> Matrix:
        """The matrix to rank; a backed one is read.

        Raises
        ------
        InputError
            Where there is none, or its counts are not finite.
        """
        values, var = source(adata, use_raw, layer)
        values = in_memory(values)
        counts = _are_counts(values)
        if counts and not is_chunked(values):  # chunks are looked at when they are read
            _check_finite(values)
        return cls(values, [str(name) for name in var.index], counts)

    @classmethod
    def read_beside(cls, adata: AnnData, use_raw: Optional[bool], layer: Optional[str]) -> Optional[Matrix]:
        """The matrix beside a stored ranking, which can do without: None where it is not at hand as numbers."""
        if layer is not None and layer not in adata.layers:
            layer = None
        values, var = source(adata, use_raw if adata.raw is not None else None, layer)
        at_hand = isinstance(values, np.ndarray) or sparse.issparse(values) or is_chunked(values)
        if not at_hand or values.dtype.kind not in "biuf":
            return None
        return cls(values, [str(name) for name in var.index], _are_counts(values))


def source(adata: AnnData, use_raw: Optional[bool], layer: Optional[str]) -> tuple[Any, pd.DataFrame]:
    """The matrix to rank and its genes, by Scanpy's rule: the layer, else ``.raw`` where there is one, else ``X``."""
    if layer is not None:
        if use_raw:
            msg = f"use_raw=True and layer={layer!r} exclude each other"
            raise InputError(msg)
        if layer not in adata.layers:
            there = ", ".join(map(repr, layer_names(adata.layers))) or "none"
            msg = f"there is no layer {layer!r}; layers: {there}"
            raise MissingKeyError(msg)
        return adata.layers[layer], frame(adata.var)
    if use_raw and adata.raw is None:
        msg = "use_raw=True, but .raw is None"
        raise InputError(msg)
    if use_raw is not False and adata.raw is not None:
        return adata.raw.X, frame(adata.raw.var)
    return adata.X, frame(adata.var)


def is_chunked(matrix: Any) -> bool:
    """Whether a matrix is a Dask array."""
    return hasattr(matrix, "__dask_graph__")


def first_chunk(matrix: Any) -> Any:
    """The first chunk, in memory."""
    return matrix.blocks[0, 0].compute()


def in_memory(matrix: Any) -> Any:
    """The matrix of a backed object, read; any other as it is."""
    if matrix is None:
        msg = "there is no expression matrix (.X is None) and no stored ranking for these clusters"
        raise InputError(msg)
    if hasattr(matrix, "to_memory"):
        return matrix.to_memory()
    return matrix[()] if type(matrix).__module__.startswith("h5py") else matrix


def _check_finite(matrix: Any) -> None:
    """Raise where a count is NaN or infinite: a cell's total would be, too, and so all of its genes."""
    values = matrix.data if sparse.issparse(matrix) else np.asarray(matrix)
    if not np.issubdtype(values.dtype, np.inexact):
        return
    # A sum is finite where all values are, and needs no second array; only a doubt is worth one.
    if not np.isfinite(values.sum(dtype=np.float64)) and not np.isfinite(values).all():
        raise InputError(NOT_FINITE)


def _are_counts(matrix: Any) -> bool:
    """Whether the values are non-negative whole numbers beyond what log-normalized data reaches."""
    if is_chunked(matrix):
        matrix = first_chunk(matrix)
    values = np.asarray(matrix.data if sparse.issparse(matrix) else matrix).ravel()[:CHECKED_VALUES]
    if values.size == 0 or not np.issubdtype(values.dtype, np.number):
        return False
    values = values[np.isfinite(values)]
    return bool(values.size and values.min() >= 0 and values.max() > 1 and np.array_equal(values, np.rint(values)))
