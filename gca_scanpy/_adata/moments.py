"""Mean, variance and share of expressing cells, by cluster and gene, gathered in one pass over the matrix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Optional

import numpy as np
import numpy.typing as npt
from attrs import define
from scipy import sparse

from gca_scanpy._adata.clusters import Clustering

Floats = npt.NDArray[np.float64]
CHUNK = 4_000_000  # values taken at a time, so that no second matrix is made
TARGET_SUM = 1e4  # counts of a cell after normalisation


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


def gather(matrix: Any, clustering: Clustering, *, counts: bool = False) -> Moments:
    """The moments of all clusters; cells without a cluster do not count.

    Parameters
    ----------
    matrix
        Cells by genes, sparse or dense; it is only read.
    counts
        Whether the values are raw counts, to be log-normalised (1e4 per cell) as they are read.
    """
    shape = len(clustering.all_ids), matrix.shape[1]
    sizes = np.bincount(clustering.codes[clustering.codes >= 0], minlength=shape[0])
    found = Moments(sizes.astype(np.float64), np.zeros(shape), np.zeros(shape), np.zeros(shape))
    if sparse.issparse(matrix):
        matrix = matrix if matrix.format in ("csr", "csc") else matrix.tocsr()
        totals = _totals(matrix) if counts else None
        _gather_sparse(found, matrix, clustering.codes, totals)
    else:
        matrix = np.asarray(matrix)
        _gather_dense(found, matrix, clustering.codes, _totals(matrix) if counts else None)
    return found


def _totals(matrix: Any) -> Floats:
    totals: Floats = np.asarray(matrix.sum(axis=1, dtype=np.float64)).ravel()
    totals[totals == 0] = 1.0
    return totals


def _gather_sparse(found: Moments, matrix: Any, codes: npt.NDArray[np.intp], totals: Optional[Floats]) -> None:
    by_cell = matrix.format == "csr"
    n_genes = matrix.shape[1]
    for lines, values in _chunks(matrix.indptr):
        other = matrix.indices[values]
        own = np.repeat(np.arange(lines.start, lines.stop), np.diff(matrix.indptr[lines.start : lines.stop + 1]))
        cells, genes = (own, other) if by_cell else (other, own)
        data = matrix.data[values].astype(np.float64)
        if totals is not None:
            data = np.log1p(data * (TARGET_SUM / totals[cells]))
        found.lowest = min(found.lowest, data.min(initial=0.0))
        clusters = codes[cells]
        # A stored zero is no expression; a cell without a cluster is not counted.
        kept = (data != 0) & (clusters >= 0)
        if not kept.all():
            data, genes, clusters = data[kept], genes[kept], clusters[kept]
        # One cluster and gene after another in a flat array; only the genes of this chunk where lines are genes.
        first, width = (0, n_genes) if by_cell else (lines.start, lines.stop - lines.start)
        places = clusters * width + (genes - first)
        columns = slice(first, first + width)
        for into, weights in ((found.sums, data), (found.squares, data * data), (found.expressing, None)):
            into[:, columns] += np.bincount(places, weights, minlength=into.shape[0] * width).reshape(-1, width)


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
