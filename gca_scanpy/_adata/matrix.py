"""The expression matrix that the genes are ranked from, selected as Scanpy does, and what kind of values it has."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Optional

import numpy as np
import numpy.typing as npt
from attrs import define, frozen
from scipy import sparse

from gca_scanpy._adata.objects import raw_of, select_matrix
from gca_scanpy._packages import faster_zarr, layer_names, left_on_disk
from gca_scanpy._scoring import numbers
from gca_scanpy.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData

    from gca_scanpy._adata.genes import Genes

Kind = Literal["counts", "linear", "other"]
Cell = npt.NDArray[np.float64]
NUMERIC = "biuf"  # kinds of NumPy's types: truth values, integers and floats
TO_CPU = (
    "if it is on a GPU, copy it to the CPU first: rapids_singlecell.get.anndata_to_CPU(adata), or "
    "adata.X = adata.X.get()"
)
SAMPLED_CELLS = 200
CELLS = 1_000  # of a matrix on disk that are in memory at a time
COPIED = 250  # cells of a matrix in memory that are copied at a time, if its rows are side by side
READ = 5_000_000  # values that one thread reads from disk at a time
MIN_VALUES = 5  # a cell with fewer values does not show whether they are multiples of the smallest
MIN_MULTIPLE = 3  # if all values are nearly the same, they are no multiples that could not be chance


def as_numbers(matrix: Any) -> Any:
    """The matrix as it is if it is sparse, chunked or an array of NumPy, otherwise as an array of NumPy.

    Raises
    ------
    InputError
        If it cannot be read by NumPy, as those of GPU libraries, or has no numbers.
    """
    is_known = isinstance(matrix, np.ndarray) or sparse.issparse(matrix) or is_chunked(matrix)
    kind = f"{type(matrix).__module__.split('.')[0]}.{type(matrix).__name__}"
    try:
        values = matrix if is_known else np.asarray(matrix)
    except Exception as error:  # the refusal of a GPU library is a TypeError, but not of each
        msg = f"the matrix is a {kind}, which NumPy cannot read ({error}); {TO_CPU}"
        raise InputError(msg) from error
    if values.ndim != 2:  # NumPy wraps what it does not know, such as sparse matrices of CuPy
        msg = f"the matrix is a {kind}, which NumPy cannot read; {TO_CPU}"
        raise InputError(msg)
    if values.dtype.kind not in NUMERIC:
        msg = f"the matrix has values of type {values.dtype}, not numbers; choose another matrix with layer="
        raise InputError(msg)
    return values


def is_chunked(matrix: Any) -> bool:
    """Whether a matrix is a Dask array."""
    return hasattr(matrix, "__dask_graph__")


def first_chunk(matrix: Any) -> Any:
    """The first chunk of a Dask array, in memory."""
    return as_numbers(matrix.blocks[0, 0].compute())


def all_finite(matrix: Any) -> bool:
    """Whether no value of a matrix in memory is NaN or infinite."""
    values = matrix.data if sparse.issparse(matrix) else np.asarray(matrix)
    if not np.issubdtype(values.dtype, np.inexact):
        return True
    # A finite sum proves that all values are finite, and needs no second array. It may overflow, so check again then.
    with np.errstate(all="ignore"):
        return bool(np.isfinite(values.sum(dtype=np.float64)) or np.isfinite(values).all())


def kind_of(matrix: Any) -> Kind:
    """The kind of the values, judged from some cells; of a Dask array, only the first chunk is read.

    ``counts`` are whole numbers, none negative. ``linear`` are values without a logarithm that are not whole numbers,
    such as CPM, TPM or counts divided by size factors. ``other`` are logarithms, scaled values, residuals and whatever
    else is ranked as it is.
    """
    rows = _rows(first_chunk(matrix) if is_chunked(matrix) else matrix)
    cells = _cells(rows) if rows.dtype.kind in "biuf" else []
    if not cells or min(map(np.min, cells)) < 0:
        return "other"
    if all(np.array_equal(cell, np.rint(cell)) for cell in cells):
        return "counts" if max(map(np.max, cells)) > 1 else "other"
    typical = float(np.median([np.max(cell) for cell in cells]))
    beyond_logs = typical > numbers.NUMBERS.max_logged and not _have_unit_variances(rows)
    return "linear" if beyond_logs or _are_multiples(cells) else "other"


def _rows(matrix: Any) -> Any:
    """Some evenly spaced cells, as a CSR or dense matrix."""
    n_cells = matrix.shape[0]
    chosen = np.unique(np.linspace(0, n_cells - 1, min(n_cells, SAMPLED_CELLS)).astype(np.intp))
    if isinstance(matrix, OnDisk):
        return matrix[chosen]
    if sparse.issparse(matrix):
        return (matrix if matrix.format in ("csr", "csc") else matrix.tocsr())[chosen].tocsr()
    return np.asarray(matrix)[chosen]


def _cells(rows: Any) -> list[Cell]:
    """The finite values of each cell other than zero; cells without any are left out."""
    values = np.split(rows.data, rows.indptr[1:-1]) if sparse.issparse(rows) else list(rows)
    finite = (cell[np.isfinite(cell) & (cell != 0)].astype(np.float64) for cell in values)
    return [cell for cell in finite if cell.size]


def _are_multiples(cells: list[Cell]) -> bool:
    """Whether the values of most cells are whole multiples of the smallest, as counts divided by a size factor are."""
    ratios = [cell / np.min(cell) for cell in cells if cell.size >= MIN_VALUES]
    ratios = [ratio for ratio in ratios if np.max(ratio) >= MIN_MULTIPLE]
    whole = [bool((np.abs(ratio - np.rint(ratio)) < numbers.NUMBERS.multiple_tolerance).all()) for ratio in ratios]
    return 2 * sum(whole) > len(whole)


def _have_unit_variances(rows: Any) -> bool:
    """Whether the genes were scaled to unit variance without centering them, which gives rare genes large values."""
    dense = np.asarray(rows.toarray() if sparse.issparse(rows) else rows, dtype=np.float64)
    frequent = dense[:, (dense != 0).mean(axis=0) > numbers.NUMBERS.detected_fraction]
    return bool(frequent.size and 1 / 2 < np.median(np.nanstd(frequent, axis=0)) < 2)


class Arrays(NamedTuple):
    """The arrays of a CSR matrix in a file."""

    data: Any
    indices: Any
    indptr: Any


@frozen(eq=False)
class OnDisk:
    """A CSR matrix or an array in a file, from which a few cells are read at a time.

    Attributes
    ----------
    values
        The matrix, as AnnData or h5py gives it.
    columns
        The genes that are read; None for all.
    arrays
        Its arrays, if it is a CSR matrix: consecutive cells are read from them, because AnnData would copy the cells
        once more.
    """

    values: Any
    columns: Optional[npt.NDArray[np.intp]] = None
    arrays: Optional[Arrays] = None

    @classmethod
    def of(cls, values: Any, columns: Optional[npt.NDArray[np.intp]] = None) -> OnDisk:
        """The matrix, with its arrays if it has any."""
        group = getattr(values, "group", None)
        return cls(values, columns, None if group is None else Arrays(*(group[name] for name in Arrays._fields)))

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of cells and genes."""
        return self.values.shape[0], self.values.shape[1] if self.columns is None else len(self.columns)

    def __getitem__(self, cells: Any) -> Any:
        """Some cells, in memory."""
        if self.arrays is not None and isinstance(cells, slice):
            rows = self._consecutive(self.arrays, *cells.indices(self.shape[0]))
        else:
            rows = as_numbers(self.values[cells, :])
        return rows if self.columns is None else rows[:, self.columns]

    def _consecutive(self, arrays: Arrays, start: int, stop: int, _: int) -> Any:
        ends = arrays.indptr[start : stop + 1]
        first, last = int(ends[0]), int(ends[-1])
        parts = arrays.data[first:last], arrays.indices[first:last], ends - ends[0]
        return sparse.csr_matrix(parts, shape=(stop - start, self.values.shape[1]))

    def to_memory(self) -> Any:
        """All cells."""
        return self[slice(None)]

    def slices(self, n_values: int) -> list[slice]:
        """Slices of consecutive cells that have about so many values; an array is divided as its file is."""
        n_cells, n_genes = self.values.shape
        each = n_genes if self.arrays is None else self.arrays.data.shape[0] / max(n_cells, 1)
        step = max(1, int(n_values / max(each, 1.0)))
        stored = (getattr(self.values, "chunks", None) or (1,))[0]
        step -= step % stored if step > stored else 0
        return [slice(start, min(start + step, n_cells)) for start in range(0, n_cells, step)]


def in_larger_parts(matrix: Any) -> Any:
    """A Dask array with chunks of about ``READ`` values, if AnnData makes it of a CSR matrix in a zarr folder.

    AnnData reads 1,000 cells at a time, and what is around that takes as long as decompression. Other matrices stay.
    """
    found = left_on_disk(matrix) if is_chunked(matrix) else None
    if found is None:
        return matrix
    import dask.array

    with faster_zarr():
        stored = OnDisk.of(found)
    sizes = tuple(part.stop - part.start for part in stored.slices(READ))
    if len(sizes) >= matrix.numblocks[0]:
        return matrix
    read, chunks = functools.partial(_read_part, stored), (sizes, matrix.chunks[1])
    return dask.array.map_blocks(read, chunks=chunks, dtype=matrix.dtype, meta=matrix._meta)


def _read_part(stored: OnDisk, block_info: Any = None) -> Any:
    return stored[slice(*block_info[None]["array-location"][0])]


@define(eq=False)
class Matrix:
    """An expression matrix, cells by genes.

    Attributes
    ----------
    data
        Sparse or dense values in memory or on disk, or a Dask array. They belong to the user, so they are only read.
    names
        Gene names, in the order of the columns.
    kind
        What kind of values they are.
    """

    data: Any
    names: list[str]
    kind: Kind

    @property
    def logged(self) -> bool:
        """Whether the values are ranked as they are; if not, they are log-normalized while they are read."""
        return self.kind == "other"

    @classmethod
    def read(cls, adata: AnnData, use_raw: Optional[bool], layer: Optional[str], genes: Genes) -> Matrix:
        """The matrix to rank, without features that are not genes; of a backed matrix, only CSC is read into memory.

        Raises
        ------
        InputError
            If there is no matrix, it is on a GPU, it has no numbers, or no genes.
        """
        values = select_matrix(adata, use_raw, layer).matrix
        matrix = cls._of(values if _has_rows_on_disk(values) else as_numbers(in_memory(values, adata)), genes)
        if not matrix.names:
            msg = "the matrix to rank has no genes; filter fewer genes, or choose another matrix with layer="
            raise InputError(msg)
        return matrix

    @classmethod
    def read_if_available(
        cls, adata: AnnData, use_raw: Optional[bool], layer: Optional[str], genes: Genes
    ) -> Optional[Matrix]:
        """The matrix of a stored ranking; None if it is on disk or not numeric: the ranking suffices."""
        if layer is not None and layer not in adata.layers:
            layer = None
        values = select_matrix(adata, use_raw if raw_of(adata) is not None else None, layer).matrix
        if values is None or is_on_disk(values) or not genes.names:
            return None
        if getattr(getattr(values, "dtype", None), "kind", "f") not in NUMERIC:
            return None
        return cls._of(as_numbers(values), genes)

    @classmethod
    def _of(cls, values: Any, genes: Genes) -> Matrix:
        columns = np.flatnonzero(genes.are_genes)
        chosen = columns if len(columns) < len(genes.names) else None
        names = [genes.names[column] for column in columns]
        if _has_rows_on_disk(values):
            values = OnDisk.of(values, chosen)
            return cls(values, names, kind_of(values))
        kind = kind_of(_columns(values, chosen))
        return cls(_columns(in_larger_parts(values), chosen), names, kind)


def _columns(matrix: Any, chosen: Optional[npt.NDArray[np.intp]]) -> Any:
    """The matrix with these genes; as it is if None."""
    if chosen is None:
        return matrix
    is_indexable = not sparse.issparse(matrix) or matrix.format in ("csr", "csc")
    return (matrix if is_indexable else matrix.tocsr())[:, chosen]


def in_memory(matrix: Any, adata: AnnData) -> Any:
    """The matrix, read into memory if its object is backed.

    Raises
    ------
    InputError
        If there is no matrix; the message lists the layers.
    """
    if matrix is None:
        names = layer_names(adata.layers)
        advice = f"name one of its layers, such as layer={names[0]!r}" if names else "set .X"
        msg = (
            "there is no expression matrix (.X is None) and no stored ranking for these clusters; "
            f"{advice}; layers: {', '.join(map(repr, names)) or 'none'}"
        )
        raise InputError(msg)
    if not is_on_disk(matrix):
        return matrix
    return matrix.to_memory() if hasattr(matrix, "to_memory") else matrix[()]


def is_on_disk(matrix: Any) -> bool:
    return hasattr(matrix, "to_memory") or type(matrix).__module__.startswith(("h5py", "zarr"))


def _has_rows_on_disk(matrix: Any) -> bool:
    """Whether a matrix is on disk, with the values of a cell side by side."""
    if not is_on_disk(matrix) or getattr(getattr(matrix, "dtype", None), "kind", "") not in NUMERIC:
        return False
    # Arrays of h5py and zarr have no format; AnnData before 0.10 had another name for it.
    return (
        getattr(matrix, "format", None) == "csr"
        or getattr(matrix, "format_str", None) == "csr"
        or (type(matrix).__module__.startswith(("h5py", "zarr")) and len(matrix.shape) == 2)
    )


def read_cells(matrix: Any, cells: npt.NDArray[np.intp]) -> Iterator[Any]:
    """Some cells; a part at a time, unless they come by Dask or have to be picked from columns."""
    is_in_rows = isinstance(matrix, np.ndarray) or getattr(matrix, "format", "") == "csr"
    step = CELLS if is_on_disk(matrix) else COPIED if is_in_rows else max(len(cells), 1)
    parts = in_larger_parts(matrix)
    for start in range(0, len(cells), step):
        yield as_numbers(_chosen(parts, cells[start : start + step]))


def _chosen(matrix: Any, cells: npt.NDArray[np.intp]) -> Any:
    if sparse.issparse(matrix) and matrix.format not in ("csr", "csc"):
        matrix = matrix.tocsr()
    try:
        return matrix[cells, :]  # AnnData before 0.10 takes no array alone
    except TypeError:  # and it cannot pick rows of a CSC matrix on disk
        return matrix.to_memory()[cells, :]
