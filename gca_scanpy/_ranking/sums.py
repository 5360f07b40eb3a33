"""What some cells of one cluster add up to: their moments, from a large matrix by the compiled loop, or else by SciPy.

Sums of squares are fast, but of large values that vary little they leave no digits of the variance. The moments of such
a gene are computed again from the deviations of its values.

The compiled loop adds up a large sparse matrix by gene, with Numba, which Scanpy brings. It takes 3 ns for each value
and thread, and SciPy 8 ns. But Numba needs 0.35 s to start in a new process, so a small matrix does not pay for it. The
first time on a machine, it needs another 0.3 s to compile the loop for a type of values. It keeps the result beside
this file or, if that folder is read-only, in the user's cache folder. Without Numba, SciPy gives the same sums but for
their rounding.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, Optional

import numpy as np
import numpy.typing as npt
from attrs import define, frozen
from scipy import sparse

from gca_scanpy._adata.matrix import all_finite
from gca_scanpy._ranking.moments import Codes, Floats, Moments
from gca_scanpy._scoring import numbers
from gca_scanpy.errors import InputError

LARGE = 30_000_000  # SciPy adds up fewer values in the time that Numba takes to start
IMPORT = 5  # times as many, if Numba must be imported first: the program has not used Scanpy
VALUES = ("float32", "float64")  # types of values that are read as they are; others are converted part by part
Add = Callable[[Any, npt.NDArray[np.intp], Floats], float]
"""Adds rows of a CSR matrix to a table: by column the number of non-zero values, their sum, and that of their squares.

It returns the lowest value, or 0 if all are higher; NaN if a column is beyond the table.
"""
_lock = threading.Lock()


def compiled(matrix: Any) -> Optional[Add]:
    """The compiled loop for this CSR matrix; None if it cannot be used, as for values of other types."""
    if matrix.data.dtype.name not in VALUES:
        return None
    with _lock:  # not by two threads at once
        loop = _loop(matrix.data.dtype.name, matrix.indices.dtype.name)
    if loop is None:
        return None

    def add(rows_of: Any, rows: npt.NDArray[np.intp], table: Floats) -> float:
        return float(loop(*_arrays(rows_of), rows, table))

    return add


def pays(n_values: int) -> bool:
    """Whether a matrix of so many values is added up sooner by the compiled loop."""
    return n_values >= LARGE * (1 if "numba" in sys.modules else IMPORT)


def n_threads() -> int:
    """The threads of Numba, which Scanpy's own functions use: ``NUMBA_NUM_THREADS``, else a thread for each core."""
    numba = sys.modules.get("numba")
    return int(numba.config.NUMBA_NUM_THREADS) if numba is not None else os.cpu_count() or 1


def _arrays(matrix: Any) -> tuple[Any, Any, Any]:
    """The arrays of a CSR matrix in one form: as Numba compiles again for arrays that may be written to, none may."""
    views = []
    for array in (matrix.data, matrix.indices, matrix.indptr):
        view = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("=")).view()
        view.flags.writeable = False
        views.append(view)
    data, indices, indptr = views
    return data, indices, indptr.astype(indices.dtype, copy=False)


@functools.cache
def _loop(values: str, indices: str) -> Optional[Callable[..., float]]:
    """The loop, compiled for these types; None if it cannot be compiled."""
    empty = np.zeros(0, dtype=values), np.zeros(0, dtype=indices), np.zeros(1, dtype=indices)
    for array in empty:
        array.flags.writeable = False
    for cache in (True, False):  # the folder of the cache may be read-only, or full, or have broken files
        try:
            import numba

            if numba.config.DISABLE_JIT:
                return None
            loop: Callable[..., float] = numba.njit(nogil=True, cache=cache)(add_rows)
            loop(*empty, np.zeros(0, dtype=np.intp), np.zeros((1, 3)))
        except Exception:  # a Numba that does not fit NumPy, Python or the machine fails in any way
            continue
        return loop
    return None


def add_rows(data: Any, indices: Any, indptr: Any, rows: Any, table: Any) -> float:
    """Add some rows of a CSR matrix to a table as described for ``Add``; Numba compiles this."""
    lowest, n_columns = 0.0, np.uint64(len(table))
    for row in rows:
        for place in range(indptr[row], indptr[row + 1]):
            value, column = np.float64(data[place]), np.uint64(indices[place])  # unsigned, so never from the end
            if column >= n_columns:
                return np.nan
            table[column, 0] += value != 0.0
            table[column, 1] += value
            table[column, 2] += value * value
            if value < lowest:
                lowest = value
    return lowest


BLOCK = 250_000  # values that are copied at a time: more memory at once would be slower to get than to fill
LOST = 2.0**-18  # if the squared deviations are below this share of the squares, too many digits were lost


@frozen(eq=False)
class _Block:
    """The values of some cells as float64, log-normalized if they had no logarithm.

    Attributes
    ----------
    values
        A CSR matrix or an array; missing values are NaN.
    bad
        Which of the (stored) values are NaN or infinite; None if none is.
    infinite
        How many were infinite.
    """

    values: Any
    bad: Optional[npt.NDArray[np.bool_]]
    infinite: int

    def exact(self, genes: Codes) -> tuple[Floats, Floats]:
        """Means and squared deviations of some genes, from the deviations themselves."""
        values = self.values[:, genes]
        values = values.toarray() if sparse.issparse(values) else values
        lowest = np.nanmin(values, axis=0)
        above = values - lowest
        means = np.nanmean(above, axis=0)
        return lowest + means, np.nansum((above - means) ** 2, axis=0)


@define(eq=False)
class _Sums:
    """What the cells of a part add up to; arrays have the shape (genes,).

    Attributes
    ----------
    expressing, sums, squares
        Number of values that are not zero, their sum, and that of their squares.
    lowest, missing, infinite
        As in :class:`Moments`.
    """

    expressing: Floats
    sums: Floats
    squares: Floats
    lowest: float = 0.0
    missing: Optional[Floats] = None
    infinite: int = 0

    @classmethod
    def empty(cls, n_genes: int) -> _Sums:
        """The sums of no cells."""
        return cls(*np.zeros((3, n_genes)))

    def add(self, block: _Block) -> None:
        """Add a block, whose values are used up."""
        by_gene = _by_gene_sparse(block.values) if sparse.issparse(block.values) else _by_gene_dense
        values = block.values.data if sparse.issparse(block.values) else block.values
        if block.bad is not None:
            missing = by_gene(block.bad)
            self.missing = missing if self.missing is None else self.missing + missing
            self.infinite += block.infinite
            values = np.where(block.bad, 0.0, values)
        self.expressing += by_gene(values != 0)  # a stored zero is not expression
        self.sums += by_gene(values)
        self.lowest = min(self.lowest, float(np.min(values, initial=0.0)))
        self.squares += by_gene(np.multiply(values, values, out=values))


def _by_gene_dense(weights: npt.NDArray[Any]) -> Floats:
    """Add up a number, or a truth value, for each value of an array by its columns."""
    return np.asarray(np.count_nonzero(weights, axis=0) if weights.dtype == bool else weights.sum(axis=0), dtype=float)


def _by_gene_sparse(block: Any) -> Callable[[npt.NDArray[Any]], Floats]:
    """The function that adds up a number for each value of a CSR matrix by its columns."""
    n_genes, columns = block.shape[1], block.indices
    if np.max(columns, initial=0) >= n_genes or np.min(columns, initial=0) < 0:
        msg = f"the sparse matrix is broken: it has values beyond its {n_genes} columns; build it again"
        raise InputError(msg)
    transposed, each = block.T, np.ones(block.shape[0])

    def by_gene(weights: npt.NDArray[Any]) -> Floats:
        transposed.data = weights
        totals: Floats = transposed @ each  # faster than numpy.bincount, and other threads may run
        return totals

    return by_gene


@frozen(eq=False)
class Reader:
    """How the values of some cells are read.

    Attributes
    ----------
    linear, totals
        As in :func:`gca_scanpy._ranking.gather.gather`.
    loop
        The compiled loop, or None.
    """

    linear: bool
    totals: Optional[Floats]
    loop: Optional[Add]

    @classmethod
    def of(cls, matrix: Any, *, linear: bool, totals: Optional[Floats]) -> Reader:
        """The reader of a matrix; only one that is large and read as it is pays for the compiled loop."""
        is_large = sparse.issparse(matrix) and not linear and pays(matrix.nnz)
        return cls(linear, totals, compiled(matrix) if is_large else None)

    def moments(self, matrix: Any, cells: Codes) -> Moments:
        """The moments of some cells, as of one cluster."""
        found = self._add(matrix, cells)
        measured = np.full(matrix.shape[1], float(len(cells))) - (0.0 if found.missing is None else found.missing)
        means = found.sums / np.maximum(measured, 1)
        with np.errstate(over="ignore", invalid="ignore"):
            deviations = found.squares - found.sums * means
            unsure = np.flatnonzero((deviations < LOST * found.squares) & (measured > 1))
        deviations[measured < 2] = 0.0
        if len(unsure):
            means[unsure], deviations[unsure] = self._block(matrix, cells).exact(unsure)
        moments = Moments(
            np.array([float(len(cells))]), means[np.newaxis], deviations[np.newaxis], found.expressing[np.newaxis]
        )
        moments.missing = None if found.missing is None else found.missing[np.newaxis]
        moments.lowest, moments.infinite = found.lowest, found.infinite
        return moments

    def _add(self, matrix: Any, cells: Codes) -> _Sums:
        n_genes = matrix.shape[1]
        if self.loop is not None:
            table = np.zeros((n_genes, 3))
            lowest = self.loop(matrix, cells, table)
            if np.isfinite(lowest) and np.isfinite(table[:, 1]).all():
                expressing, sums, squares = np.ascontiguousarray(table.T)
                return _Sums(expressing, sums, squares, lowest)
        found, n_values = _Sums.empty(n_genes), matrix.nnz if sparse.issparse(matrix) else matrix.size
        step = max(1, BLOCK * matrix.shape[0] // max(n_values, 1))
        for start in range(0, len(cells), step):
            found.add(self._block(matrix, cells[start : start + step]))
        return found

    def _block(self, matrix: Any, cells: Codes) -> _Block:
        block = matrix[cells]
        stored = block.data if sparse.issparse(block) else block
        values = stored.astype(np.float64)
        if self.linear:
            totals = cell_totals(block) if self.totals is None else self.totals[cells]
            factors = numbers.NUMBERS.counts_per_cell / np.where(totals == 0, 1.0, totals)
            values *= np.repeat(factors, np.diff(block.indptr)) if sparse.issparse(block) else factors[:, np.newaxis]
            with np.errstate(divide="ignore", invalid="ignore"):
                np.log1p(values, out=values)
        bad, infinite = None if all_finite(values) else ~np.isfinite(values), 0
        if bad is not None:
            infinite = int(np.isinf(stored[bad]).sum())
            values[bad] = np.nan
        if sparse.issparse(block):
            values = sparse.csr_matrix((values, block.indices, block.indptr), shape=block.shape)
        return _Block(values, bad, infinite)


def cell_totals(matrix: Any) -> Floats:
    """Sum of the finite values of each cell, shape (cells,)."""
    if not all_finite(matrix):
        matrix = matrix.copy()
        values = matrix.data if sparse.issparse(matrix) else matrix
        values[~np.isfinite(values)] = 0
    totals: Floats = np.asarray(matrix.sum(axis=1, dtype=np.float64)).ravel()
    return totals
