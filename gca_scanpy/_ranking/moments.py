"""Mean, variance and share of expressing cells, by cluster and gene, gathered in one pass over the matrix."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Optional

import numpy as np
import numpy.typing as npt
from attrs import define
from scipy import sparse

from gca_scanpy._adata.clusters import Clustering

Floats = npt.NDArray[np.float64]
CHUNK = 500_000  # values taken at a time, so that no second matrix is made
TARGET_SUM = 1e4  # counts of a cell after normalization


@define(eq=False)
class Moments:
    """Moments of every cluster; each array but ``cells`` has the shape (clusters, genes).

    Attributes
    ----------
    cells
        Cells by cluster, shape (clusters,).
    sums, squares
        Sums of the values and of their squares.
    expressing
        Cells with a value that is not zero.
    lowest
        The lowest value, or 0 where all are higher.
    """

    cells: Floats
    sums: Floats
    squares: Floats
    expressing: Floats
    lowest: float = 0.0

    @property
    def means(self) -> Floats:
        """Mean values."""
        return self.sums / np.maximum(self.cells, 1)[:, np.newaxis]

    @property
    def fractions(self) -> Floats:
        """Shares of expressing cells, 0 to 1."""
        return self.expressing / np.maximum(self.cells, 1)[:, np.newaxis]


def together(parts: Sequence[Moments]) -> Moments:
    """The moments of cells that were gathered in parts."""
    cells, sums, squares, expressing = (
        functools.reduce(np.add, arrays)
        for arrays in zip(*((part.cells, part.sums, part.squares, part.expressing) for part in parts))
    )
    return Moments(cells, sums, squares, expressing, min(part.lowest for part in parts))


def beside(parts: Sequence[Moments]) -> Moments:
    """The moments of genes that were gathered in parts, of the same cells."""
    sums, squares, expressing = (
        np.concatenate(arrays, axis=1)
        for arrays in zip(*((part.sums, part.squares, part.expressing) for part in parts))
    )
    return Moments(parts[0].cells, sums, squares, expressing, min(part.lowest for part in parts))


def gather(matrix: Any, clustering: Clustering, *, counts: bool = False, totals: Optional[Floats] = None) -> Moments:
    """The moments of all clusters; cells without a cluster do not count.

    Parameters
    ----------
    matrix
        Cells by genes, sparse or dense; it is only read.
    counts
        Whether the values are raw counts, to be log-normalized (1e4 per cell) as they are read.
    totals
        Counts of each cell, shape (cells,), where the matrix holds but a part of its genes.
    """
    if sparse.issparse(matrix) and matrix.format not in ("csr", "csc"):
        matrix = matrix.tocsr()
    named = np.flatnonzero(clustering.codes >= 0)
    if 2 * len(named) < len(clustering.codes):  # the cells of a small sample are taken out first
        matrix, clustering = matrix[named], clustering.select_cells(named)
        totals = None if totals is None else totals[named]
    shape = len(clustering.all_ids), matrix.shape[1]
    sizes = np.bincount(clustering.codes[clustering.codes >= 0], minlength=shape[0])
    found = Moments(sizes.astype(np.float64), np.zeros(shape), np.zeros(shape), np.zeros(shape))
    if sparse.issparse(matrix):
        _gather_sparse(found, matrix, clustering.codes, _divisors(matrix, totals) if counts else None)
    else:
        matrix = np.asarray(matrix)
        _gather_dense(found, matrix, clustering.codes, _divisors(matrix, totals) if counts else None)
    return found


def cell_totals(matrix: Any) -> Floats:
    """Counts of each cell, shape (cells,)."""
    totals: Floats = np.asarray(matrix.sum(axis=1, dtype=np.float64)).ravel()
    return totals


def _divisors(matrix: Any, totals: Optional[Floats]) -> Floats:
    totals = cell_totals(matrix) if totals is None else totals
    return np.where(totals == 0, 1.0, totals)


def _gather_sparse(found: Moments, matrix: Any, codes: npt.NDArray[np.intp], totals: Optional[Floats]) -> None:
    by_cell = matrix.format == "csr"
    n_genes = matrix.shape[1]
    factors = None if totals is None else TARGET_SUM / totals
    for lines, values in _chunks(matrix.indptr):
        lengths = np.diff(matrix.indptr[lines.start : lines.stop + 1])
        data = matrix.data[values].astype(np.float64)
        # One cluster and gene after another in a flat array; only the genes of this chunk where lines are genes.
        if by_cell:
            first, width, clusters = 0, n_genes, codes[lines]
            places = np.repeat(clusters * width, lengths)
            places += matrix.indices[values]
            outside = np.repeat(clusters < 0, lengths) if (clusters < 0).any() else None
        else:
            first, width = lines.start, lines.stop - lines.start
            clusters = codes[matrix.indices[values]]
            outside = clusters < 0
            places = clusters * width
            places += np.repeat(np.arange(width), lengths)
        if factors is not None:
            data *= np.repeat(factors[lines], lengths) if by_cell else factors[matrix.indices[values]]
            np.log1p(data, out=data)
        found.lowest = min(found.lowest, data.min(initial=0.0))
        # A stored zero is no expression; a cell without a cluster is not counted.
        kept = data != 0
        if outside is not None:
            kept &= ~outside
        if not kept.all():
            data, places = data[kept], places[kept]
        columns = slice(first, first + width)
        size = found.sums.shape[0] * width
        for into, power in ((found.expressing, 0), (found.sums, 1), (found.squares, 2)):
            if power == 2:
                data *= data
            weights = data if power else None
            into[:, columns] += np.bincount(places, weights, minlength=size).reshape(-1, width)


def _chunks(indptr: Any) -> Iterator[tuple[slice, slice]]:
    """Lines of a sparse matrix that hold about ``CHUNK`` values together, at least one, with the slice of these."""
    start, n_lines = 0, len(indptr) - 1
    while start < n_lines:
        stop = int(np.searchsorted(indptr, indptr[start] + CHUNK, side="right")) - 1
        stop = min(max(stop, start + 1), n_lines)
        yield slice(start, stop), slice(int(indptr[start]), int(indptr[stop]))
        start = stop


def _gather_dense(
    found: Moments, matrix: npt.NDArray[Any], codes: npt.NDArray[np.intp], totals: Optional[Floats]
) -> None:
    step = max(1, CHUNK // max(matrix.shape[1], 1))
    for start in range(0, matrix.shape[0], step):
        cells = np.flatnonzero(codes[start : start + step] >= 0) + start
        data = matrix[cells].astype(np.float64)
        if totals is not None:
            data = np.log1p(data * (TARGET_SUM / totals[cells])[:, np.newaxis])
        found.lowest = min(found.lowest, float(np.min(data, initial=0.0)))
        for code in np.unique(codes[cells]):
            own = data[codes[cells] == code]
            found.sums[code] += own.sum(axis=0)
            found.squares[code] += (own * own).sum(axis=0)
            found.expressing[code] += (own != 0).sum(axis=0)


FAN_IN = 4  # partial sums added at a time; an even tree, so that few are held and the order is always the same


def gather_chunked(matrix: Any, clustering: Clustering, *, counts: bool = False) -> Moments:
    """The moments of all clusters, as :func:`gather` has them of a matrix in memory.

    Each chunk is in memory once, and alone in its thread; cells and genes may both be divided.
    """
    import dask

    rows, columns = _parts(matrix.chunks[0]), _parts(matrix.chunks[1])
    chunks = matrix.to_delayed()
    totals: Sequence[Optional[Floats]] = [None] * len(rows)
    if counts and len(columns) > 1:  # a chunk does not know the other counts of its cells
        sums = dask.delayed(cell_totals, pure=False)
        totals = dask.compute(*(_tree([sums(chunk) for chunk in line], _added) for line in chunks))
    of_chunk = dask.delayed(gather, pure=False)
    found = []
    for line in chunks.T:
        parts = zip(line, rows, totals)
        own = [
            of_chunk(chunk, clustering.select_cells(row), counts=counts, totals=total) for chunk, row, total in parts
        ]
        found.append(_tree(own, together))
    return beside(dask.compute(*found))


def _parts(sizes: Sequence[int]) -> list[slice]:
    ends = np.cumsum(sizes)
    return [slice(int(end - size), int(end)) for size, end in zip(sizes, ends)]


def _tree(parts: Sequence[Any], add: Callable[[Sequence[Any]], Any]) -> Any:
    """Sums of sums, in Dask."""
    import dask

    add_later = dask.delayed(add, pure=False)
    while len(parts) > 1:
        parts = [add_later(list(parts[i : i + FAN_IN])) for i in range(0, len(parts), FAN_IN)]
    return parts[0]


def _added(parts: Sequence[Floats]) -> Floats:
    total: Floats = np.sum(parts, axis=0)
    return total
