"""What kind of values a matrix has: raw counts, other values without a logarithm, or anything else."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from gca_scanpy._scoring import numbers
from gca_scanpy.errors import InputError

Kind = Literal["counts", "linear", "other"]
Cell = npt.NDArray[np.float64]
NUMERIC = "biuf"  # kinds of NumPy's types: truth values, integers and floats
TO_CPU = (
    "if it is on a GPU, copy it to the CPU first: rapids_singlecell.get.anndata_to_CPU(adata), or "
    "adata.X = adata.X.get()"
)
SAMPLED_CELLS = 200
MIN_VALUES = 5  # a cell with fewer values does not show whether they are multiples of the smallest
MIN_MULTIPLE = 3  # if all values are nearly the same, they are no multiples that could not be chance


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


def all_finite(matrix: Any) -> bool:
    """Whether no value of a matrix in memory is NaN or infinite."""
    values = matrix.data if sparse.issparse(matrix) else np.asarray(matrix)
    if not np.issubdtype(values.dtype, np.inexact):
        return True
    # A finite sum proves that all values are finite, and needs no second array. It may overflow, so check again then.
    with np.errstate(all="ignore"):
        return bool(np.isfinite(values.sum(dtype=np.float64)) or np.isfinite(values).all())


def kind_of(matrix: Any) -> Kind:
    """The kind of the values, judged from some cells; of a Dask array, only the first chunk is read.

    ``counts`` are whole numbers, none negative. ``linear`` are values without a logarithm that are not whole numbers,
    such as CPM, TPM or counts divided by size factors. ``other`` are logarithms, scaled values, residuals and whatever
    else is ranked as it is.
    """
    rows = _rows(first_chunk(matrix) if is_chunked(matrix) else matrix)
    cells = _cells(rows) if rows.dtype.kind in "biuf" else []
    if not cells or min(map(np.min, cells)) < 0:
        return "other"
    if all(np.array_equal(cell, np.rint(cell)) for cell in cells):
        return "counts" if max(map(np.max, cells)) > 1 else "other"
    typical = float(np.median([np.max(cell) for cell in cells]))
    beyond_logs = typical > numbers.NUMBERS.max_logged and not _have_unit_variances(rows)
    return "linear" if beyond_logs or _are_multiples(cells) else "other"


def _rows(matrix: Any) -> Any:
    """Some evenly spaced cells, as a CSR or dense matrix."""
    n_cells = matrix.shape[0]
    chosen = np.unique(np.linspace(0, n_cells - 1, min(n_cells, SAMPLED_CELLS)).astype(np.intp))
    if sparse.issparse(matrix):
        return (matrix if matrix.format in ("csr", "csc") else matrix.tocsr())[chosen].tocsr()
    return np.asarray(matrix)[chosen]


def _cells(rows: Any) -> list[Cell]:
    """The finite values of each cell other than zero; cells without any are left out."""
    values = np.split(rows.data, rows.indptr[1:-1]) if sparse.issparse(rows) else list(rows)
    finite = (cell[np.isfinite(cell) & (cell != 0)].astype(np.float64) for cell in values)
    return [cell for cell in finite if cell.size]


def _are_multiples(cells: list[Cell]) -> bool:
    """Whether the values of most cells are whole multiples of the smallest, as counts divided by a size factor are."""
    ratios = [cell / np.min(cell) for cell in cells if cell.size >= MIN_VALUES]
    ratios = [ratio for ratio in ratios if np.max(ratio) >= MIN_MULTIPLE]
    whole = [bool((np.abs(ratio - np.rint(ratio)) < numbers.NUMBERS.multiple_tolerance).all()) for ratio in ratios]
    return 2 * sum(whole) > len(whole)


def _have_unit_variances(rows: Any) -> bool:
    """Whether the genes were scaled to unit variance without centering them, which gives rare genes large values."""
    dense = np.asarray(rows.toarray() if sparse.issparse(rows) else rows, dtype=np.float64)
    frequent = dense[:, (dense != 0).mean(axis=0) > numbers.NUMBERS.detected_fraction]
    return bool(frequent.size and 1 / 2 < np.median(np.nanstd(frequent, axis=0)) < 2)
