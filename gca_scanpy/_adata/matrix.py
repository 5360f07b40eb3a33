"""The expression matrix that the genes are ranked from, selected as Scanpy does, and checks of its values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

import numpy as np
import pandas as pd
from attrs import define
from scipy import sparse

from gca_scanpy._adata.tables import to_frame
from gca_scanpy._compat import layer_names
from gca_scanpy.errors import InputError, MissingKeyError

if TYPE_CHECKING:
    from anndata import AnnData

CHECKED_VALUES = 100_000  # values that are checked to distinguish counts from log-normalized data
NUMERIC = "biuf"  # kinds of NumPy's types: truth values, integers and floats
TO_CPU = (
    "if it is on a GPU, copy it to the CPU first: rapids_singlecell.get.anndata_to_CPU(adata), or "
    "adata.X = adata.X.get()"
)
NOT_FINITE = "the counts to rank contain NaN or infinite values; remove them, or choose another matrix with layer="


@define(eq=False)
class Matrix:
    """An expression matrix, cells by genes.

    Attributes
    ----------
    data
        Sparse or dense values in memory, or a Dask array. They belong to the user, so they are only read.
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
        """The matrix to rank; a backed matrix is read into memory.

        Raises
        ------
        InputError
            If there is no matrix, it is on a GPU, it has no numbers, or its counts are not finite.
        """
        values, var = select_matrix(adata, use_raw, layer)
        values = as_numbers(in_memory(values, adata))
        if not len(var):
            msg = "the matrix to rank has no genes; filter fewer genes, or choose another matrix with layer="
            raise InputError(msg)
        counts = _are_counts(values)
        if counts and not is_chunked(values):  # Dask chunks are checked when they are read
            _check_finite(values)
        return cls(values, [str(name) for name in var.index], counts)

    @classmethod
    def read_if_available(cls, adata: AnnData, use_raw: Optional[bool], layer: Optional[str]) -> Optional[Matrix]:
        """The matrix of a stored ranking; None if it is on disk or not numeric: the ranking suffices."""
        if layer is not None and layer not in adata.layers:
            layer = None
        values, var = select_matrix(adata, use_raw if adata.raw is not None else None, layer)
        if values is None or _is_on_disk(values) or not len(var):
            return None
        if getattr(getattr(values, "dtype", None), "kind", "f") not in NUMERIC:
            return None
        values = as_numbers(values)
        return cls(values, [str(name) for name in var.index], _are_counts(values))


def select_matrix(adata: AnnData, use_raw: Optional[bool], layer: Optional[str]) -> tuple[Any, pd.DataFrame]:
    """The matrix to rank and its table of genes, by Scanpy's rule: the layer, else ``.raw`` if it is set, else ``X``.

    Raises
    ------
    MissingKeyError
        If there is no such layer.
    InputError
        If ``use_raw`` is True, and a layer is given or ``.raw`` is not set.
    """
    if layer is not None:
        if use_raw:
            msg = f"use_raw=True and layer={layer!r} exclude each other; pass only one of them"
            raise InputError(msg)
        if layer not in adata.layers:
            layers = ", ".join(map(repr, layer_names(adata.layers))) or "none"
            msg = f"there is no layer {layer!r}; layers: {layers}"
            raise MissingKeyError(msg)
        return adata.layers[layer], to_frame(adata.var)
    if use_raw and adata.raw is None:
        msg = "use_raw=True, but .raw is None; set .raw, or leave out use_raw"
        raise InputError(msg)
    if use_raw is not False and adata.raw is not None:
        return adata.raw.X, to_frame(adata.raw.var)
    return adata.X, to_frame(adata.var)


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


def as_numbers(matrix: Any) -> Any:
    """The matrix as it is if it is sparse, chunked or an array of NumPy, otherwise as an array of NumPy.

    Raises
    ------
    InputError
        If it cannot be read by NumPy, as those of GPU libraries, or has no numbers.
    """
    is_known = isinstance(matrix, np.ndarray) or sparse.issparse(matrix) or is_chunked(matrix)
    kind = f"{type(matrix).__module__.split('.')[0]}.{type(matrix).__name__}"
    try:
        values = matrix if is_known else np.asarray(matrix)
    except Exception as error:  # the refusal of a GPU library is a TypeError, but not of each
        msg = f"the matrix is a {kind}, which NumPy cannot read ({error}); {TO_CPU}"
        raise InputError(msg) from error
    if values.ndim != 2:  # NumPy wraps what it does not know, such as sparse matrices of CuPy
        msg = f"the matrix is a {kind}, which NumPy cannot read; {TO_CPU}"
        raise InputError(msg)
    if values.dtype.kind not in NUMERIC:
        msg = f"the matrix has values of type {values.dtype}, not numbers; choose another matrix with layer="
        raise InputError(msg)
    return values


def is_chunked(matrix: Any) -> bool:
    """Whether a matrix is a Dask array."""
    return hasattr(matrix, "__dask_graph__")


def first_chunk(matrix: Any) -> Any:
    """The first chunk of a Dask array, in memory."""
    return as_numbers(matrix.blocks[0, 0].compute())


def _check_finite(matrix: Any) -> None:
    """Raise if a count is NaN or infinite, because then the total of its cell and all its normalized values are too."""
    values = matrix.data if sparse.issparse(matrix) else np.asarray(matrix)
    if not np.issubdtype(values.dtype, np.inexact):
        return
    # A finite sum proves that all values are finite, and needs no second array. It may overflow, so check again then.
    if not np.isfinite(values.sum(dtype=np.float64)) and not np.isfinite(values).all():
        raise InputError(NOT_FINITE)


def _are_counts(matrix: Any) -> bool:
    """Whether the first values are non-negative integers, and at least one is larger than 1."""
    if is_chunked(matrix):
        matrix = first_chunk(matrix)
    values = np.asarray(matrix.data if sparse.issparse(matrix) else matrix).ravel()[:CHECKED_VALUES]
    if values.size == 0 or not np.issubdtype(values.dtype, np.number):
        return False
    values = values[np.isfinite(values)]
    return bool(values.size and values.min() >= 0 and values.max() > 1 and np.array_equal(values, np.rint(values)))
