"""The compiled loop that adds up a large sparse matrix by gene, with Numba, which Scanpy brings.

It takes 3 ns for each value and thread, and SciPy 8 ns. But Numba needs 0.35 s to start in a new process, so a small
matrix does not pay for it. The first time on a machine, it needs another 0.3 s to compile the loop for a type of
values. It keeps the result beside this file or, if that folder is read-only, in the user's cache folder. Without Numba,
SciPy gives the same sums but for their rounding.
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

LARGE = 30_000_000  # SciPy adds up fewer values in the time that Numba takes to start
IMPORT = 5  # times as many, if Numba must be imported first: the program has not used Scanpy
VALUES = ("float32", "float64")  # types of values that are read as they are; others are converted part by part
Floats = npt.NDArray[np.float64]
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
