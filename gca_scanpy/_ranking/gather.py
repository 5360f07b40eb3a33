"""One pass over a matrix in memory, sparse or dense, for the moments of its clusters.

The cells of a cluster are read together, in parts of about ``PART`` values, which are merged in order. So the moments
depend neither on the number of threads nor on the order of the clusters. The threads are Python's: NumPy, SciPy and the
compiled loop let others run beside them, Ctrl-C ends them, and each pass can have its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Optional

import numpy as np
from scipy import sparse

from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._ranking import kernel
from gca_scanpy._ranking.moments import Codes, Floats, Moments, merge_cells, merge_genes
from gca_scanpy._ranking.sums import Reader, cell_totals

PART = 2_000_000  # values of which one thread computes the moments
Job = Callable[[], Any]


def gather(
    matrix: Any,
    clustering: Clustering,
    *,
    linear: bool = False,
    totals: Optional[Floats] = None,
    threads: Optional[int] = None,
) -> Moments:
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
    threads
        Number of threads; as many as Numba has if None.
    """
    if not sparse.issparse(matrix):
        matrix = np.asarray(matrix)
    elif matrix.format not in ("csr", "csc"):
        matrix = matrix.tocsr()
    threads = threads or kernel.n_threads()
    codes, n_rows = clustering.codes, len(clustering.all_ids)
    if _has_rows(matrix):
        return _gather_rows(matrix, codes, n_rows, Reader.of(matrix, linear=linear, totals=totals), threads)
    clustered = np.flatnonzero(codes >= 0)
    if 2 * len(clustered) < len(codes):  # extracting a small sample first is faster than skipping cells
        matrix, codes = matrix[clustered], codes[clustered]
        totals = None if totals is None else totals[clustered]
    if linear and totals is None:  # a part does not contain all genes
        totals = cell_totals(matrix)
    reader = Reader.of(matrix, linear=linear, totals=totals)

    def job(genes: slice) -> Job:
        return lambda: _gather_rows(_with_rows(matrix[:, genes]), codes, n_rows, reader, threads=1)

    return merge_genes(list(_run([job(genes) for genes in _gene_slices(matrix)], threads)))


def _gather_rows(matrix: Any, codes: Codes, n_rows: int, reader: Reader, threads: int) -> Moments:
    """The moments of all clusters of a CSR or dense matrix."""

    def job(code: int, cells: Codes) -> Job:
        return lambda: ((code,), reader.moments(matrix, cells))

    return merge_cells(_run([job(*part) for part in _parts(matrix, codes)], threads), n_rows, matrix.shape[1])


def _parts(matrix: Any, codes: Codes) -> Iterator[tuple[int, Codes]]:
    """The code of a cluster and some of its cells, which have about ``PART`` values together."""
    order = np.argsort(codes, kind="stable")
    order = order[np.searchsorted(codes[order], 0) :]
    lengths = np.diff(matrix.indptr)[order] if sparse.issparse(matrix) else np.full(len(order), matrix.shape[1])
    ends = np.cumsum(lengths, dtype=np.int64)
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    for first, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(order)]):
        before, last = int(ends[first]) - int(lengths[first]), int(ends[stop - 1])
        n_parts = max(1, round((last - before) / PART))  # of equal size
        bounds = np.searchsorted(ends, np.linspace(before, last, n_parts + 1)[1:-1], side="right")
        for cells in np.split(order[first:stop], np.clip(bounds, first, stop) - first):
            if len(cells):
                yield int(codes[order[first]]), cells


def _has_rows(matrix: Any) -> bool:
    """Whether the values of a cell are side by side."""
    if sparse.issparse(matrix):
        return bool(matrix.format == "csr")
    return not matrix.flags.f_contiguous or matrix.flags.c_contiguous


def _with_rows(matrix: Any) -> Any:
    return matrix.tocsr() if sparse.issparse(matrix) else np.ascontiguousarray(matrix)


def _gene_slices(matrix: Any) -> list[slice]:
    """Slices of genes that have about ``PART`` values together, but at least one gene."""
    lengths = np.diff(matrix.indptr) if sparse.issparse(matrix) else np.full(matrix.shape[1], matrix.shape[0])
    ends, start, slices = np.cumsum(lengths, dtype=np.int64), 0, list[slice]()
    while start < len(ends) or not slices:
        before = int(ends[start - 1]) if start else 0
        end = max(int(np.searchsorted(ends, before + PART, side="right")), start + 1)
        slices.append(slice(start, end))
        start = end
    return slices


def _run(jobs: Sequence[Job], threads: int) -> Iterator[Any]:
    """The results of the jobs, in their order."""
    if min(threads, len(jobs)) < 2:
        yield from (job() for job in jobs)
        return
    pool = ThreadPoolExecutor(min(threads, len(jobs)))
    try:
        yield from pool.map(lambda job: job(), jobs)
    finally:  # after Ctrl-C, the parts that have not begun are not read
        pool.shutdown(cancel_futures=True)
