"""The moments of a Dask array, each chunk of which is read once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Optional

import numpy as np
from attrs import evolve
from scipy import sparse

from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._ranking.gather import gather
from gca_scanpy._ranking.moments import Codes, Floats, Moments, merge_cells, merge_genes
from gca_scanpy._ranking.sums import cell_totals

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
