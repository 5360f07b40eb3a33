"""What some cells of one cluster add up to: their moments, from a large matrix by the compiled loop, or else by SciPy.

Sums of squares are fast, but of large values that vary little they leave no digits of the variance. The moments of such
a gene are computed again from the deviations of its values.

The compiled loops add up a large sparse matrix by gene, with Numba, which Scanpy brings. They take 2 ns for each value
and thread, and SciPy 6 ns. But Numba needs 0.35 s to start, so a small matrix does not pay for it, and the first time
on a machine another 0.3 s for each type of values. It keeps the result beside this file or, if that folder is
read-only, in the user's cache folder. Without Numba, SciPy gives the same sums but for their rounding.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Optional

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
SMALL = 16  # a cell has few counts that are not smaller, so the logarithms of these are computed once for each cell
Add = Callable[["Piece", bool, Floats], float]
"""Adds the cells of a piece to a table: by column the number of non-zero values, their sum, and that of their squares.

It returns the lowest value, or 0 if all are higher; NaN if a column is beyond the table.
"""
_lock = threading.Lock()
NONE = np.zeros(0)


class Piece(NamedTuple):
    """Some rows of a CSR matrix or an array; ``totals`` are those of all its rows, if it has not all genes."""

    matrix: Any
    cells: Codes
    totals: Optional[Floats] = None


def compiled(matrix: Any) -> Optional[Add]:
    """The compiled loop for CSR matrices of the types of this one; None if it cannot be used."""
    loop = compile_loop("rows", matrix.data.dtype.name, matrix.indices.dtype.name)
    if loop is None:
        return None

    def add(piece: Piece, linear: bool, table: Floats) -> float:
        data, indices = read_only(piece.matrix.data), read_only(piece.matrix.indices)
        starts, stops = (piece.matrix.indptr[piece.cells + i].astype(np.int64) for i in (0, 1))
        totals = NONE if piece.totals is None else piece.totals[piece.cells]
        logs, scale = np.zeros(SMALL) if linear else None, float(numbers.NUMBERS.counts_per_cell)
        return float(loop(data, indices, (starts, stops), logs, scale, totals, table))

    return add


def pays(n_values: int, *, is_imported: Optional[bool] = None) -> bool:
    """Whether so many values are added up sooner by the compiled loop; Numba is imported here, or elsewhere, or not."""
    is_imported = "numba" in sys.modules if is_imported is None else is_imported
    return n_values >= LARGE * (1 if is_imported else IMPORT)


def read_only(array: Any) -> Any:
    """An array in one form: as Numba compiles again for arrays that may be written to, none may."""
    view = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("=")).view()
    view.flags.writeable = False
    return view


def compile_loop(what: str, values: str, indices: str) -> Optional[Callable[..., float]]:
    """One of ``LOOPS``, compiled for these types; None if it cannot be compiled."""
    with _lock:  # not by two threads at once
        return _loop(what, values, indices)


@functools.cache
def _loop(what: str, values: str, indices: str) -> Optional[Callable[..., float]]:
    data, places, ends = read_only(np.zeros(0, values)), read_only(np.zeros(0, indices)), np.zeros(0, np.int64)
    for cache in (True, False):  # the folder of the cache may be read-only, or full, or have broken files
        try:
            import numba

            if numba.config.DISABLE_JIT:
                return None
            loop: Callable[..., float] = numba.njit(nogil=True, cache=cache)(LOOPS[what])
            if what == "rows":
                loop(data, places, (ends, ends), None, 0.0, NONE, np.zeros((1, 3)))
            else:
                loop(data, places, np.zeros(1, np.int64), ends, NONE, None, np.zeros((0, 1, 3)))
        except Exception:  # a Numba that does not fit NumPy, Python or the machine fails in any way
            continue
        return loop
    return None


def add_rows(data: Any, indices: Any, ends: Any, logs: Any, scale: float, totals: Any, table: Any) -> float:
    """Add some cells of a CSR matrix to a table as described for ``Add``; Numba compiles this.

    With room for logarithms, each cell is log-normalized to the total ``scale``; ``totals`` is empty if the values show
    theirs. If ``logs`` is None, Numba leaves that out, and compiles in half the time.
    """
    (starts, stops), lowest, n_columns, factor = ends, 0.0, np.uint64(len(table)), 1.0
    for cell in range(len(starts)):
        if logs is not None:
            total = totals[cell] if len(totals) > 0 else 0.0
            if len(totals) == 0:
                for place in range(np.uint64(starts[cell]), np.uint64(stops[cell])):
                    total += np.float64(data[place])
            factor = scale / total if total != 0.0 else scale
            for count in range(len(logs)):
                logs[count] = np.log1p(count * factor)
        for place in range(np.uint64(starts[cell]), np.uint64(stops[cell])):  # unsigned: never counted from the end
            value, column = np.float64(data[place]), np.uint64(indices[place])
            if column >= n_columns:
                return np.nan
            if logs is not None:
                is_small = value >= 0.0 and value < len(logs) and value == np.int64(value)
                value = logs[np.int64(value)] if is_small else np.log1p(value * factor)
            if value != 0.0:
                table[column, 0] += 1.0
                table[column, 1] += value
                table[column, 2] += value * value
                if value < lowest:
                    lowest = value
    return lowest


def add_columns(data: Any, indices: Any, ends: Any, codes: Any, factors: Any, logs: Any, table: Any) -> float:
    """Add a CSC matrix to a table by column and cluster, as ``Add`` does; Numba compiles this.

    A cell that is log-normalized has a factor, and the logarithms of its small counts.
    """
    lowest, n_cells = 0.0, np.uint64(len(codes))
    for column in range(len(table)):
        for place in range(np.uint64(ends[column]), np.uint64(ends[column + 1])):
            value, cell = np.float64(data[place]), np.uint64(indices[place])
            if cell >= n_cells:
                return np.nan
            code = codes[cell]
            if code < 0:
                continue
            if logs is not None:
                is_small = value >= 0.0 and value < logs.shape[1] and value == np.int64(value)
                value = logs[cell, np.int64(value)] if is_small else np.log1p(value * factors[cell])
            if value != 0.0:
                table[column, code, 0] += 1.0
                table[column, code, 1] += value
                table[column, code, 2] += value * value
                if value < lowest:
                    lowest = value
    return lowest


LOOPS = {"rows": add_rows, "columns": add_columns}
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


def moments_of(
    cells: Floats, expressing: Floats, sums: Floats, squares: Floats, missing: Optional[Floats] = None
) -> tuple[Moments, npt.NDArray[np.bool_]]:
    """Moments of clusters from their sums, and which deviations have lost too many digits.

    The arrays have the shape (clusters, genes), but ``cells`` has (clusters,).
    """
    measured = cells[:, np.newaxis] - (0.0 if missing is None else missing)
    means = sums / np.maximum(measured, 1)
    with np.errstate(over="ignore", invalid="ignore"):
        deviations = squares - sums * means
        unsure = (deviations < LOST * squares) & (measured > 1)
    np.copyto(deviations, 0.0, where=measured < 2)
    moments = Moments(cells, means, deviations, expressing)
    moments.missing = missing
    return moments, unsure


@frozen(eq=False)
class Reader:
    """How values are read: whether they have no logarithm, as in ``gather``, and the compiled loop, if there is one."""

    linear: bool
    loop: Optional[Add]

    @classmethod
    def of(cls, matrix: Any, *, linear: bool, is_large: bool) -> Reader:
        """The reader of CSR matrices or arrays like this one; only many values pay for the compiled loop."""
        return cls(linear, compiled(matrix) if is_large and sparse.issparse(matrix) else None)

    def moments(self, pieces: Sequence[Piece]) -> Moments:
        """The moments of all cells of some pieces, as of one cluster."""
        found = self._add(pieces)
        n_cells = float(sum(len(piece.cells) for piece in pieces))
        arrays = (found.expressing, found.sums, found.squares, found.missing)
        rows = (None if array is None else array[np.newaxis] for array in arrays)
        moments, unsure = moments_of(np.array([n_cells]), *rows)  # type: ignore[arg-type]
        if unsure.any():
            genes = np.flatnonzero(unsure[0])
            moments.means[0, genes], moments.deviations[0, genes] = self._exact(pieces, genes)
        moments.lowest, moments.infinite = found.lowest, found.infinite
        return moments

    def _add(self, pieces: Sequence[Piece]) -> _Sums:
        n_genes = pieces[0].matrix.shape[1]
        if self.loop is not None:
            table = np.zeros((n_genes, 3))
            lowest = float(np.min([self.loop(piece, self.linear, table) for piece in pieces]))  # NaN stays
            if np.isfinite(lowest) and np.isfinite(table[:, 1]).all():
                expressing, sums, squares = np.ascontiguousarray(table.T)
                return _Sums(expressing, sums, squares, lowest)
        found = _Sums.empty(n_genes)
        np.empty(4 * BLOCK)  # until such an array is freed, glibc returns the pages of each block to the system
        for piece in pieces:
            matrix = piece.matrix
            n_values = matrix.nnz if sparse.issparse(matrix) else matrix.size
            step = max(1, BLOCK * matrix.shape[0] // max(n_values, 1))
            for start in range(0, len(piece.cells), step):
                found.add(self._block(piece, slice(start, start + step)))
        return found

    def _exact(self, pieces: Sequence[Piece], genes: Codes) -> tuple[Floats, Floats]:
        """Means and squared deviations of some genes, from the deviations themselves."""
        parts = [self._block(piece, slice(None)).values[:, genes] for piece in pieces]
        values = np.concatenate([part.toarray() if sparse.issparse(part) else part for part in parts])
        lowest = np.nanmin(values, axis=0)
        above = values - lowest
        means = np.nanmean(above, axis=0)
        return lowest + means, np.nansum((above - means) ** 2, axis=0)

    def _block(self, piece: Piece, part: slice) -> _Block:
        cells = piece.cells[part]
        block = piece.matrix[cells]
        stored = block.data if sparse.issparse(block) else block
        values = stored.astype(np.float64)
        if self.linear:
            totals = cell_totals(block) if piece.totals is None else piece.totals[cells]
            factors = factors_of(totals)
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


def factors_of(totals: Floats) -> Floats:
    """The factors that give cells with these totals the same total."""
    factors: Floats = numbers.NUMBERS.counts_per_cell / np.where(totals == 0, 1.0, totals)
    return factors


def cell_totals(matrix: Any) -> Floats:
    """Sum of the finite values of each cell, shape (cells,)."""
    if not all_finite(matrix):
        matrix = matrix.copy()
        values = matrix.data if sparse.issparse(matrix) else matrix
        values[~np.isfinite(values)] = 0
    totals: Floats = np.asarray(matrix.sum(axis=1, dtype=np.float64)).ravel()
    return totals
