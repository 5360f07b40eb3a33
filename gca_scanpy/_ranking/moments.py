"""Mean, variance and share of expressing cells by cluster and gene, computed in one pass over a matrix.

A NaN or infinite value is left out, as if the gene had not been measured in this cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Optional

import numpy as np
import numpy.typing as npt
from attrs import define
from scipy import sparse

from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._adata.matrix import all_finite
from gca_scanpy._scoring import numbers

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]
BLOCK = 500_000  # values processed at a time, so that no second matrix is needed


@define(eq=False)
class Moments:
    """Moments of all clusters; each array but ``cells`` has the shape (clusters, genes).

    Attributes
    ----------
    cells
        Number of cells by cluster, shape (clusters,).
    sums, squares
        Sums of the values and of their squares.
    expressing
        Number of cells with a non-zero value.
    lowest
        The lowest value, or 0 if all values are higher.
    missing
        Number of cells with a NaN or infinite value; None if all values are finite.
    infinite
        Number of infinite values.
    """

    cells: Floats
    sums: Floats
    squares: Floats
    expressing: Floats
    lowest: float = 0.0
    missing: Optional[Floats] = None
    infinite: int = 0

    @property
    def tables(self) -> tuple[Optional[Floats], ...]:
        """All arrays, in the order of the fields."""
        return self.cells, self.sums, self.squares, self.expressing, self.missing

    @property
    def measured(self) -> Floats:
        """Number of cells with a value, shape (clusters, genes), or (clusters, 1) if all values are finite."""
        cells = self.cells[:, np.newaxis]
        return cells if self.missing is None else cells - self.missing

    @property
    def means(self) -> Floats:
        """Mean values; NaN if all values are missing."""
        means = self.sums / np.maximum(self.measured, 1)
        return means if self.missing is None else np.where(self.measured > 0, means, np.nan)

    @property
    def fractions(self) -> Floats:
        """Shares of expressing cells, 0 to 1."""
        return self.expressing / np.maximum(self.measured, 1)

    @property
    def total(self) -> Moments:
        """The moments of all cells together."""
        return self.added(np.zeros(len(self.cells), dtype=np.intp), 1)

    def of_genes(self, columns: Codes) -> Moments:
        """The moments of some genes."""
        sums, squares, expressing = (table[:, columns] for table in (self.sums, self.squares, self.expressing))
        missing = None if self.missing is None else self.missing[:, columns]
        return Moments(self.cells, sums, squares, expressing, self.lowest, missing, self.infinite)

    def added(self, rows: Codes, n_rows: int) -> Moments:
        """The moments of ``n_rows`` larger groups of cells.

        Parameters
        ----------
        rows
            For each row of these moments the row of its larger group, or -1 if it belongs to none.
        """
        return merge_cells([(rows, self)], n_rows)


def gather(matrix: Any, clustering: Clustering, *, linear: bool = False, totals: Optional[Floats] = None) -> Moments:
    """The moments of all clusters; cells without a cluster are ignored.

    Parameters
    ----------
    matrix
        Cells by genes, sparse or dense; it is only read.
    linear
        Whether the values have no logarithm, as counts and CPM; they are log-normalized (1e4 per cell) while they are
        read.
    totals
        Sum of the values of each cell, shape (cells,); needed if the matrix has only some of the genes.
    """
    if sparse.issparse(matrix) and matrix.format not in ("csr", "csc"):
        matrix = matrix.tocsr()
    clustered = np.flatnonzero(clustering.codes >= 0)
    if 2 * len(clustered) < len(clustering.codes):  # extracting a small sample first is faster than skipping cells
        matrix, clustering = matrix[clustered], clustering.select_cells(clustered)
        totals = None if totals is None else totals[clustered]
    shape = len(clustering.all_ids), matrix.shape[1]
    sizes = np.bincount(clustering.codes[clustering.codes >= 0], minlength=shape[0])
    moments = Moments(sizes.astype(np.float64), np.zeros(shape), np.zeros(shape), np.zeros(shape))
    if not sparse.issparse(matrix):
        matrix = np.asarray(matrix)
    if not all_finite(matrix):
        moments.missing = np.zeros(shape)
    factors = _size_factors(matrix, totals) if linear else None
    add_values = _add_sparse if sparse.issparse(matrix) else _add_dense
    add_values(moments, matrix, clustering.codes, factors)
    return moments


def merge_cells(parts: Sequence[tuple[Codes, Moments]], n_rows: int) -> Moments:
    """The moments of groups of cells, from those of disjoint smaller groups in the same genes.

    Parameters
    ----------
    parts
        Moments, with the row of the result that each of their rows belongs to, or -1 if it belongs to none.
    """
    shape = n_rows, parts[0][1].sums.shape[1]
    missing = np.zeros(shape) if any(part.missing is not None for _, part in parts) else None
    merged = Moments(np.zeros(n_rows), np.zeros(shape), np.zeros(shape), np.zeros(shape), missing=missing)
    for rows, part in parts:
        for target, source in zip(merged.tables, part.tables):
            for number, row in enumerate(rows):
                if row >= 0 and target is not None and source is not None:
                    target[row] += source[number]
    merged.lowest, merged.infinite = _lowest_and_infinite([part for _, part in parts])
    return merged


def merge_genes(parts: Sequence[Moments]) -> Moments:
    """The moments of all genes, from those of consecutive groups of genes in the same cells."""
    sums, squares, expressing = (
        np.concatenate(arrays, axis=1)
        for arrays in zip(*((part.sums, part.squares, part.expressing) for part in parts))
    )
    missing = None
    if any(part.missing is not None for part in parts):
        missing = np.concatenate(
            [np.zeros_like(part.sums) if part.missing is None else part.missing for part in parts], axis=1
        )
    lowest, infinite = _lowest_and_infinite(parts)
    return Moments(parts[0].cells, sums, squares, expressing, lowest, missing, infinite)


def _lowest_and_infinite(parts: Sequence[Moments]) -> tuple[float, int]:
    return min(part.lowest for part in parts), sum(part.infinite for part in parts)


def cell_totals(matrix: Any) -> Floats:
    """Sum of the finite values of each cell, shape (cells,)."""
    if not all_finite(matrix):
        matrix = matrix.copy()
        values = matrix.data if sparse.issparse(matrix) else matrix
        values[~np.isfinite(values)] = 0
    totals: Floats = np.asarray(matrix.sum(axis=1, dtype=np.float64)).ravel()
    return totals


def _size_factors(matrix: Any, totals: Optional[Floats]) -> Floats:
    """The factor that scales the values of each cell to ``numbers.NUMBERS.counts_per_cell``, shape (cells,)."""
    totals = cell_totals(matrix) if totals is None else totals
    return numbers.NUMBERS.counts_per_cell / np.where(totals == 0, 1.0, totals)


def _add_sparse(moments: Moments, matrix: Any, codes: Codes, factors: Optional[Floats]) -> None:
    """Add the values of a CSR or CSC matrix to the moments."""
    if matrix.format == "csr":
        # Cell by cell in the order of the clusters, so that a block of values belongs to few of many clusters.
        order = _by_cluster(codes)
        ends = np.concatenate([[0], np.cumsum(np.diff(matrix.indptr)[order])])
        for lines, _ in _blocks(ends):
            cells = order[lines]
            block, first, last = matrix[cells], int(codes[cells[0]]), int(codes[cells[-1]])
            lengths, place = np.diff(block.indptr), (slice(first, last + 1), slice(None))
            factor = None if factors is None else np.repeat(factors[cells], lengths)
            rows = np.repeat(codes[cells] - first, lengths)
            _add_values(moments, place, rows, block.indices, block.data.astype(np.float64), factor)
        return
    for genes, values in _blocks(matrix.indptr):
        data, cells = matrix.data[values].astype(np.float64), matrix.indices[values]
        columns = np.repeat(np.arange(genes.stop - genes.start), np.diff(matrix.indptr[genes.start : genes.stop + 1]))
        clustered = codes[cells] >= 0
        if not clustered.all():
            data, cells, columns = data[clustered], cells[clustered], columns[clustered]
        factor = None if factors is None else factors[cells]
        _add_values(moments, (slice(None), genes), codes[cells], columns, data, factor)


def _by_cluster(codes: Codes) -> Codes:
    """The cells that have a cluster, cluster by cluster."""
    order = np.argsort(codes, kind="stable")
    return order[codes[order] >= 0]


def _add_values(
    moments: Moments,
    place: tuple[slice, slice],
    rows: Codes,
    columns: Codes,
    data: Floats,
    factors: Optional[Floats],
) -> None:
    """Add values to a part of the moments; they are changed.

    Parameters
    ----------
    place
        The clusters and genes of the part.
    rows, columns, factors
        For each value its cluster and gene, counted from the start of the part, and the size factor of its cell.
    """
    n_rows, n_columns = moments.sums[place].shape
    flat, size = rows * n_columns + columns, n_rows * n_columns
    if moments.missing is not None:
        absent = ~np.isfinite(data)
        moments.missing[place] += np.bincount(flat[absent], minlength=size).reshape(n_rows, n_columns)
        moments.infinite += int(np.isinf(data).sum())
        data[absent] = 0  # as good as a stored zero, which is skipped
    if factors is not None:
        data *= factors
        np.log1p(data, out=data)
    moments.lowest = min(moments.lowest, float(np.min(data, initial=0.0)))
    kept = data != 0  # a stored zero is not expression
    if not kept.all():
        data, flat = data[kept], flat[kept]
    for target, power in ((moments.expressing, 0), (moments.sums, 1), (moments.squares, 2)):
        if power == 2:
            data *= data
        target[place] += np.bincount(flat, data if power else None, minlength=size).reshape(n_rows, n_columns)


def _blocks(indptr: Any) -> Iterator[tuple[slice, slice]]:
    """Slices of consecutive lines with about ``BLOCK`` values together, at least one line, and slices of the values."""
    start, n_lines = 0, len(indptr) - 1
    while start < n_lines:
        stop = int(np.searchsorted(indptr, indptr[start] + BLOCK, side="right")) - 1
        stop = min(max(stop, start + 1), n_lines)
        yield slice(start, stop), slice(int(indptr[start]), int(indptr[stop]))
        start = stop


def _add_dense(moments: Moments, matrix: npt.NDArray[Any], codes: Codes, factors: Optional[Floats]) -> None:
    """Add the values of a dense matrix to the moments."""
    step, order = max(1, BLOCK // max(matrix.shape[1], 1)), _by_cluster(codes)
    for start in range(0, len(order), step):
        cells = order[start : start + step]
        data = matrix[cells].astype(np.float64)
        absent = None
        if moments.missing is not None:
            absent = ~np.isfinite(data)
            moments.infinite += int(np.isinf(data).sum())
            data[absent] = 0
        if factors is not None:
            data = np.log1p(data * factors[cells][:, np.newaxis])
        moments.lowest = min(moments.lowest, float(np.min(data, initial=0.0)))
        for code in np.unique(codes[cells]):
            values = data[codes[cells] == code]
            moments.sums[code] += values.sum(axis=0)
            moments.squares[code] += (values * values).sum(axis=0)
            moments.expressing[code] += (values != 0).sum(axis=0)
            if moments.missing is not None and absent is not None:
                moments.missing[code] += absent[codes[cells] == code].sum(axis=0)
