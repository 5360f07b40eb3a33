"""One pass over a matrix, sparse or dense, in memory or in Dask's chunks, for the moments of its clusters.

The cells of a cluster are read together, in parts of about ``PART`` values, which are merged in order. So the moments
depend neither on the number of threads nor on the order of the clusters. The threads are Python's: NumPy, SciPy and the
compiled loop let others run beside them, Ctrl-C ends them, and each pass can have its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Optional

import numpy as np
from attrs import evolve
from scipy import sparse

from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._ranking.moments import Codes, Floats, Moments, merge_cells, merge_genes
from gca_scanpy._ranking.sums import Reader, cell_totals, n_threads

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
    threads = threads or n_threads()
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


CELLS, MAX_BATCH = 40, 16  # cells for each cluster, and chunks, that are added up together
FAN_IN = 4  # partial results merged at a time: a balanced tree keeps few in memory, in an order that never changes


def gather_chunked(matrix: Any, clustering: Clustering, *, linear: bool = False) -> Moments:
    """The moments of all clusters from a Dask array, the same as those of :func:`gather` for a matrix in memory.

    Each thread holds one chunk in memory at a time, or a few if there are more clusters than a chunk has cells for. The
    array may be divided along cells and genes.
    """
    import dask

    rows, columns = _slices(matrix.chunks[0]), _slices(matrix.chunks[1])
    chunks = matrix.to_delayed()
    totals: Sequence[Optional[Floats]] = (None,) * len(rows)
    if linear and len(columns) > 1:  # a chunk does not contain all values of its cells
        sums = dask.delayed(cell_totals, pure=False)
        totals = dask.compute(*(_merge_tree([sums(chunk) for chunk in row], _add_arrays) for row in chunks))
    gather_later, batches = dask.delayed(_gather_present, pure=False), _batches(clustering, rows)
    by_genes = []
    for column in chunks.T:
        by_cells = [
            gather_later(
                list(column[batch]),
                clustering.select_cells(slice(rows[batch][0].start, rows[batch][-1].stop)),
                linear=linear,
                totals=totals[batch],
            )
            for batch in batches
        ]
        by_genes.append(_merge_tree(by_cells, _merge_present))
    found = [moments.added(present, len(clustering.all_ids)) for present, moments in dask.compute(*by_genes)]
    return merge_genes(found)


def _batches(clustering: Clustering, rows: Sequence[slice]) -> list[slice]:
    """Slices of consecutive chunks to add up together: one, or more if they have few cells of each of many clusters.

    A table of sums costs as much as ``CELLS`` cells for each of its clusters.
    """
    batches, start, present = [], 0, set[int]()
    for number, row in enumerate(rows, 1):
        present.update(np.unique(clustering.codes[row]).tolist())
        is_full = rows[number - 1].stop - rows[start].start >= CELLS * len(present) or number - start == MAX_BATCH
        if is_full or number == len(rows):
            batches.append(slice(start, number))
            start, present = number, set()
    return batches


def _gather_present(
    chunks: Sequence[Any], clustering: Clustering, *, linear: bool, totals: Sequence[Optional[Floats]]
) -> tuple[Codes, Moments]:
    """The codes of the clusters that have cells in some chunks, which are few of many, and their moments."""
    matrix, sums = chunks[0], totals[0]
    if len(chunks) > 1:
        matrix = sparse.vstack(chunks, format="csr") if sparse.issparse(matrix) else np.concatenate(chunks)
        sums = None if sums is None else np.concatenate([total for total in totals if total is not None])
    present = np.unique(clustering.codes[clustering.codes >= 0])
    places = np.full(len(clustering.all_ids) + 1, -1)  # the last is that of the code -1
    places[present] = np.arange(len(present))
    ids = tuple(clustering.all_ids[code] for code in present)
    there = evolve(clustering, codes=places[clustering.codes], all_ids=ids)
    # Dask has as many threads as it should have.
    return present, gather(matrix, there, linear=linear, totals=sums, threads=1)


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


def _add_arrays(parts: Sequence[Floats]) -> Floats:
    total: Floats = np.sum(parts, axis=0)
    return total
