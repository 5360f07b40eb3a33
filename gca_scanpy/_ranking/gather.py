"""One pass over a matrix, sparse or dense, in memory or in Dask's chunks, for the moments of its clusters.

The cells of a cluster are read together, in parts of about ``PART`` values, which are merged in order. So the moments
depend neither on the number of threads nor on the order of the clusters. The threads are Python's: NumPy, SciPy and the
compiled loop let others run beside them, Ctrl-C ends them, and each pass can have its own.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Optional

import numpy as np
from attrs import evolve
from scipy import sparse

from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._adata.matrix import READ, OnDisk
from gca_scanpy._events import progress_bar
from gca_scanpy._ranking.moments import Codes, Floats, Moments, merge_cells, merge_genes
from gca_scanpy._ranking.sums import (
    NONE,
    SMALL,
    Piece,
    Reader,
    cell_totals,
    compile_loop,
    factors_of,
    moments_of,
    pays,
    read_only,
)

PART = 2_000_000  # values of which one thread computes the moments
KEPT = 3_900_000  # numbers in 31 MB; glibc learns from arrays of up to 32 MB
Job = Callable[[], Any]


def gather(
    matrix: Any,
    clustering: Clustering,
    *,
    linear: bool = False,
    totals: Optional[Floats] = None,
    threads: Optional[int] = None,
    is_large: Optional[bool] = None,
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
    is_large
        Whether the values pay for the compiled loop; None for what their number says.
    """
    if not sparse.issparse(matrix):
        matrix = np.asarray(matrix)
    elif matrix.format not in ("csr", "csc"):
        matrix = matrix.tocsr()
    threads = threads or n_threads()
    codes, n_rows = clustering.codes, len(clustering.all_ids)
    if is_large is None:
        is_large = sparse.issparse(matrix) and pays(matrix.nnz)
    if _has_rows(matrix):
        reader = Reader.of(matrix, linear=linear, is_large=is_large)
        return _gather_rows(matrix, totals, codes, n_rows, reader, threads)
    clustered = np.flatnonzero(codes >= 0)
    if 2 * len(clustered) < len(codes):  # extracting a small sample first is faster than skipping cells
        matrix, codes = matrix[clustered], codes[clustered]
        totals = None if totals is None else totals[clustered]
    if linear and totals is None:  # a part does not contain all genes
        jobs = [_totals_of(matrix, genes) for genes in _gene_slices(matrix)]
        totals = functools.reduce(np.add, _run(jobs, threads))
    return merge_genes(_gather_columns(matrix, totals if linear else None, codes, n_rows, threads, is_large=is_large))


def _gather_rows(
    matrix: Any, totals: Optional[Floats], codes: Codes, n_rows: int, reader: Reader, threads: int
) -> Moments:
    """The moments of all clusters of a CSR or dense matrix."""

    def job(code: int, cells: Codes) -> Job:
        return lambda: ((code,), reader.moments([Piece(matrix, cells, totals)]))

    return merge_cells(_run([job(*part) for part in _parts(matrix, codes)], threads), n_rows, matrix.shape[1])


def _gather_columns(
    matrix: Any, totals: Optional[Floats], codes: Codes, n_rows: int, threads: int, *, is_large: bool
) -> list[Moments]:
    """The moments of all clusters of a CSC matrix, or an array in Fortran order, for consecutive groups of genes."""
    is_compiled = is_large and sparse.issparse(matrix)
    factors = NONE if totals is None else factors_of(totals)
    logs = np.log1p(np.outer(factors, np.arange(SMALL // 2))) if is_compiled and len(factors) else None

    def by_rows(part: Any) -> Moments:
        rows = _with_rows(part)
        reader = Reader.of(rows, linear=totals is not None, is_large=is_large)
        return _gather_rows(rows, totals, codes, n_rows, reader, threads=1)

    def moments(genes: slice) -> Moments:
        part = matrix[:, genes]
        found = _column_moments(part, codes, n_rows, factors, logs) if is_compiled else None
        if found is None:
            return by_rows(part)
        merged, unsure = found
        if len(unsure):
            again = by_rows(part[:, unsure])
            merged.means[:, unsure], merged.deviations[:, unsure] = again.means, again.deviations
        return merged

    def job(genes: slice) -> Job:
        return lambda: moments(genes)

    return list(_run([job(genes) for genes in _gene_slices(matrix)], threads))


def _column_moments(
    matrix: Any, codes: Codes, n_rows: int, factors: Floats, logs: Optional[Floats]
) -> Optional[tuple[Moments, Codes]]:
    """The moments of all clusters in the genes of a CSC matrix, and the genes whose deviations lost too many digits.

    The result is None if a value is NaN or infinite, a row is beyond the matrix, or the loop cannot be compiled.
    """
    loop = compile_loop("columns", matrix.data.dtype.name, matrix.indices.dtype.name)
    if loop is None:
        return None
    data, indices = read_only(matrix.data), read_only(matrix.indices)
    ends = matrix.indptr.astype(np.int64)
    table = np.zeros((matrix.shape[1], n_rows, 3))
    lowest = float(loop(data, indices, ends, codes.astype(np.int64, copy=False), factors, logs, table))
    if not (np.isfinite(lowest) and np.isfinite(table[:, :, 1]).all()):
        return None
    expressing, sums, squares = np.ascontiguousarray(table.transpose(2, 1, 0))
    cells = np.bincount(codes[codes >= 0], minlength=n_rows).astype(np.float64)
    moments, unsure = moments_of(cells, expressing, sums, squares)
    moments.lowest = lowest
    return moments, np.flatnonzero(unsure.any(axis=0))


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


def _totals_of(matrix: Any, genes: slice) -> Job:
    return lambda: cell_totals(matrix[:, genes])


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


def n_threads() -> int:
    """The threads of Numba, which Scanpy's own functions use: ``NUMBA_NUM_THREADS``, else a thread for each core."""
    numba, asked = sys.modules.get("numba"), os.environ.get("NUMBA_NUM_THREADS", "")
    if numba is not None:
        return int(numba.config.NUMBA_NUM_THREADS)
    return int(asked) if asked.isdecimal() and int(asked) else os.cpu_count() or 1


def _run(jobs: Sequence[Job], threads: int, done: Callable[[], Any] = lambda: None) -> Iterator[Any]:
    """The results of the jobs, in their order; ``done`` is called after each."""
    pool = ThreadPoolExecutor(min(threads, len(jobs))) if min(threads, len(jobs)) > 1 else None
    try:
        for result in (job() for job in jobs) if pool is None else pool.map(lambda job: job(), jobs):
            yield result
            done()
    finally:  # after Ctrl-C, the parts that have not begun are not read
        if pool is not None:
            pool.shutdown(cancel_futures=True)


CELLS, MAX_CELLS, MAX_BATCH = 40, 16_000, 16  # cells for each cluster, all cells, and chunks, added up together
SPARSE = 4  # times as many cells, if the chunks are sparse: they have so much fewer values, and the table is as large
FAN_IN = 4  # partial results merged at a time: a balanced tree keeps few in memory, in an order that never changes


def gather_chunked(matrix: Any, clustering: Clustering, *, linear: bool = False) -> Moments:
    """The moments of all clusters from a Dask array, the same as those of :func:`gather` for a matrix in memory.

    Each thread holds a few chunks in memory at a time, which are added up together. The array may be divided along
    cells and genes. A progress bar counts the parts, unless Dask's workers are other processes.
    """
    import dask
    from dask.callbacks import Callback

    rows, columns = _slices(matrix.chunks[0]), _slices(matrix.chunks[1])
    chunks = matrix.to_delayed()
    totals: Sequence[Optional[Floats]] = (None,) * len(rows)
    if linear and len(columns) > 1:  # a chunk does not contain all values of its cells
        sums, add = dask.delayed(cell_totals, pure=False), functools.partial(np.sum, axis=0)
        totals = dask.compute(*(_merge_tree([sums(chunk) for chunk in row], add) for row in chunks))
    n_cells = CELLS * (SPARSE if sparse.issparse(getattr(matrix, "_meta", None)) else 1)
    batches, is_imported = _batches(clustering, rows, n_cells), "numba" in sys.modules
    gather_later = dask.delayed(_gather_present, pure=False)
    by_genes = []
    with progress_bar(len(batches) * len(columns), "cells", "part") as bar:
        for column in chunks.T:
            by_cells = [
                gather_later(
                    list(column[batch]),
                    clustering.select_cells(slice(rows[batch][0].start, rows[batch][-1].stop)),
                    linear=linear,
                    totals=totals[batch],
                    share=len(clustering.codes) * len(columns),
                    is_imported=is_imported,
                )
                for batch in batches
            ]
            by_genes.append(_merge_tree(by_cells, _merge_present))
        with Callback(posttask=lambda key, *_: bar.update(_gather_present.__name__ in str(key))):
            computed = dask.compute(*by_genes)
    return merge_genes([moments.added(present, len(clustering.all_ids)) for present, moments in computed])


def gather_on_disk(matrix: OnDisk, clustering: Clustering, *, linear: bool = False) -> Moments:
    """The moments of all clusters from a matrix on disk; each thread holds a part of its cells in memory."""
    parts = matrix.slices(READ)
    is_imported, n_cells = "numba" in sys.modules, len(clustering.codes)

    def job(rows: slice) -> Job:
        there = clustering.select_cells(rows)
        return lambda: _gather_present(
            [matrix[rows]], there, linear=linear, totals=[None], share=n_cells, is_imported=is_imported
        )

    with progress_bar(len(parts), "cells", "part") as bar:
        found = _run([job(rows) for rows in parts], n_threads(), bar.update)
        return merge_cells(found, len(clustering.all_ids), matrix.shape[1])


def _batches(clustering: Clustering, rows: Sequence[slice], n_cells: int) -> list[slice]:
    """Slices of consecutive chunks to add up together: one, or more if they have few cells of each of many clusters.

    A table of sums costs as much as ``n_cells`` cells for each of its clusters.
    """
    batches, start, present = [], 0, set[int]()
    for number, row in enumerate(rows, 1):
        present.update(np.unique(clustering.codes[row]).tolist())
        size = rows[number - 1].stop - rows[start].start
        is_full = size >= min(n_cells * len(present), MAX_CELLS) or number - start == MAX_BATCH
        if is_full or number == len(rows):
            batches.append(slice(start, number))
            start, present = number, set()
    return batches


def _gather_present(
    chunks: Sequence[Any],
    clustering: Clustering,
    *,
    linear: bool,
    totals: Sequence[Optional[Floats]],
    share: int,
    is_imported: bool,
) -> tuple[Codes, Moments]:
    """The codes of the clusters that have cells in some chunks, which are few of many, and their moments.

    ``share`` is the number of cells of the whole matrix, and ``is_imported`` says whether Numba is imported where the
    run began: so each worker decides alike whether the compiled loop pays.
    """
    np.empty(KEPT)  # once such an array is freed, glibc keeps the pages of a part for the next one
    present = np.unique(clustering.codes[clustering.codes >= 0])
    places = np.full(len(clustering.all_ids) + 1, -1)  # the last is that of the code -1
    places[present] = np.arange(len(present))
    codes = places[clustering.codes]
    n_values = sum(chunk.nnz for chunk in chunks if sparse.issparse(chunk))
    is_large = n_values > 0 and pays(n_values * share // len(codes), is_imported=is_imported)
    if len(chunks) == 1:
        there = evolve(clustering, codes=codes, all_ids=tuple(clustering.all_ids[code] for code in present))
        # Dask has as many threads as it should have.
        return present, gather(chunks[0], there, linear=linear, totals=totals[0], threads=1, is_large=is_large)
    matrices = [_with_rows(chunk) for chunk in chunks]
    reader = Reader.of(matrices[0], linear=linear, is_large=is_large)
    rows = np.split(codes, np.cumsum([matrix.shape[0] for matrix in matrices])[:-1])

    def moments(code: int) -> Moments:
        return reader.moments(
            [Piece(matrix, np.flatnonzero(row == code), total) for matrix, row, total in zip(matrices, rows, totals)]
        )

    found = (((code,), moments(code)) for code in range(len(present)))
    return present, merge_cells(found, len(present), matrices[0].shape[1])


def _merge_present(parts: Sequence[tuple[Codes, Moments]]) -> tuple[Codes, Moments]:
    """The codes of all clusters that are in any part, and their moments."""
    present = np.unique(np.concatenate([codes for codes, _ in parts]))
    placed = [(np.searchsorted(present, codes), part) for codes, part in parts]
    return present, merge_cells(placed, len(present), parts[0][1].means.shape[1])


def _slices(sizes: Sequence[int]) -> list[slice]:
    """Consecutive slices of these sizes."""
    ends = np.cumsum(sizes)
    return [slice(int(end - size), int(end)) for size, end in zip(sizes, ends)]


def _merge_tree(parts: Sequence[Any], merge: Callable[[Sequence[Any]], Any]) -> Any:
    """Merge delayed parts in a tree, ``FAN_IN`` at a time."""
    import dask

    merge_later = dask.delayed(merge, pure=False)
    while len(parts) > 1:
        parts = [merge_later(list(parts[i : i + FAN_IN])) for i in range(0, len(parts), FAN_IN)]
    return parts[0]
