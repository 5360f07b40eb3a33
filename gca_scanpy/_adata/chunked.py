"""Moments of a matrix in Dask's chunks: gathered where the chunks are, and added up on the way.

Dask decides where: in threads, or on the workers of the ``dask.distributed`` client that is active.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Optional

import numpy as np

from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._adata.moments import Floats, Moments, beside, cell_totals, gather, together

FAN_IN = 4  # partial sums added at a time; an even tree, so that few are held and the order is always the same


def is_chunked(matrix: Any) -> bool:
    """Whether a matrix is a Dask array."""
    return hasattr(matrix, "__dask_graph__")


def first_chunk(matrix: Any) -> Any:
    """The first chunk, in memory."""
    return matrix.blocks[0, 0].compute()


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
        own = [of_chunk(chunk, clustering.of_cells(row), counts=counts, totals=total) for chunk, row, total in parts]
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
