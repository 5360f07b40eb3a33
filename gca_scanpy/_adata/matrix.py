"""The expression matrix that the genes are ranked from, selected as Scanpy does, and what kind of values it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Optional

import numpy as np
import numpy.typing as npt
import pandas as pd
from attrs import define, frozen
from scipy import sparse

from gca_scanpy._adata.objects import gene_tables, raw_of, to_frame
from gca_scanpy._packages import layer_names
from gca_scanpy._scoring import numbers
from gca_scanpy.errors import InputError, MissingKeyError

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


@frozen(eq=False)
class OnDisk:
    """A CSR matrix or an array in a file, from which a few cells are read at a time.

    Attributes
    ----------
    values
        The matrix, as AnnData or h5py gives it.
    columns
        The genes that are read; None for all.
    """

    values: Any
    columns: Optional[npt.NDArray[np.intp]] = None

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of cells and genes."""
        return self.values.shape[0], self.values.shape[1] if self.columns is None else len(self.columns)

    def __getitem__(self, cells: Any) -> Any:
        """Some cells, in memory."""
        rows = as_numbers(self.values[cells, :])
        return rows if self.columns is None else rows[:, self.columns]

    def to_memory(self) -> Any:
        """All cells."""
        return self[slice(None)]

    def slices(self, n_values: int) -> list[slice]:
        """Slices of consecutive cells that have about so many values; an array is divided as its file is."""
        sample = _rows(OnDisk(self.values))  # all genes are read, and some of them are kept
        each = (sample.nnz if sparse.issparse(sample) else sample.size) / max(sample.shape[0], 1)
        step = max(1, int(n_values / max(each, 1.0)))
        stored = (getattr(self.values, "chunks", None) or (1,))[0]
        step -= step % stored if step > stored else 0
        return [slice(start, min(start + step, self.shape[0])) for start in range(0, self.shape[0], step)]


@define(eq=False)
class Source:
    """A matrix as Scanpy selects it, with the tables of its genes.

    Attributes
    ----------
    matrix, var
        The matrix and the table of its genes.
    other
        The table of the other genes: ``.var`` next to ``.raw.var`` and the other way round; None without ``.raw``.
    use_raw
        Whether the matrix is that of ``.raw``.
    """

    matrix: Any
    var: pd.DataFrame
    other: Optional[pd.DataFrame]
    use_raw: bool

    @property
    def tables(self) -> list[pd.DataFrame]:
        """The tables that there are."""
        return [table for table in (self.var, self.other) if table is not None]

    @property
    def place(self) -> str:
        """The table of the genes, for messages."""
        return ".raw.var" if self.use_raw else ".var"

    @property
    def other_place(self) -> str:
        """The other table, for messages."""
        return ".var" if self.use_raw else ".raw.var"


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
        if values is None or _is_on_disk(values) or not genes.names:
            return None
        if getattr(getattr(values, "dtype", None), "kind", "f") not in NUMERIC:
            return None
        return cls._of(as_numbers(values), genes)

    @classmethod
    def _of(cls, values: Any, genes: Genes) -> Matrix:
        columns = np.flatnonzero(genes.are_genes)
        are_all = len(columns) == len(genes.names)
        if _has_rows_on_disk(values):
            values = OnDisk(values, None if are_all else columns)
        elif not are_all:
            indexable = not sparse.issparse(values) or values.format in ("csr", "csc")
            values = (values if indexable else values.tocsr())[:, columns]
        return cls(values, [genes.names[column] for column in columns], kind_of(values))


def select_matrix(adata: AnnData, use_raw: Optional[bool], layer: Optional[str]) -> Source:
    """The matrix to rank and its table of genes, by Scanpy's rule: the layer, else ``.raw`` if it is set, else ``X``.

    Raises
    ------
    MissingKeyError
        If there is no such layer.
    InputError
        If ``use_raw`` is True, and a layer is given or ``.raw`` is not set.
    """
    var = to_frame(adata.var)
    raw = raw_of(adata)
    raw_var = None if raw is None else to_frame(raw.var)
    if layer is not None:
        if use_raw:
            msg = f"use_raw=True and layer={layer!r} exclude each other; pass only one of them"
            raise InputError(msg)
        if layer not in adata.layers:
            layers = ", ".join(map(repr, layer_names(adata.layers))) or "none"
            msg = f"there is no layer {layer!r}; layers: {layers}"
            raise MissingKeyError(msg)
        return Source(adata.layers[layer], var, raw_var, use_raw=False)
    if use_raw and raw is None:
        msg = "use_raw=True, but .raw is None; set .raw, or leave out use_raw"
        raise InputError(msg)
    if use_raw is not False and raw_var is not None:
        return Source(raw.X, raw_var, var, use_raw=True)
    return Source(adata.X, var, raw_var, use_raw=False)


def as_in_the_run(adata: AnnData, parameters: Mapping[str, str]) -> tuple[Optional[bool], Optional[str], Optional[str]]:
    """``use_raw``, ``layer`` and ``gene_symbols`` of a run, by its parameters, as far as the object still has them."""
    use_raw = {"True": True, "False": False}.get(parameters.get("use_raw", ""))
    layer, symbols = parameters.get("layer"), parameters.get("gene_symbols")
    tables = gene_tables(adata)
    return (
        use_raw and (raw_of(adata) is not None or None),
        layer if layer in adata.layers else None,
        symbols if any(symbols in table.columns for table in tables) else None,
    )


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
    if not _is_on_disk(matrix):
        return matrix
    return matrix.to_memory() if hasattr(matrix, "to_memory") else matrix[()]


def _is_on_disk(matrix: Any) -> bool:
    return hasattr(matrix, "to_memory") or type(matrix).__module__.startswith(("h5py", "zarr"))


def _has_rows_on_disk(matrix: Any) -> bool:
    """Whether a matrix is on disk, with the values of a cell side by side."""
    if not _is_on_disk(matrix) or getattr(getattr(matrix, "dtype", None), "kind", "") not in NUMERIC:
        return False
    # Arrays of h5py and zarr have no format; AnnData before 0.10 had another name for it.
    return (
        getattr(matrix, "format", None) == "csr"
        or getattr(matrix, "format_str", None) == "csr"
        or (type(matrix).__module__.startswith(("h5py", "zarr")) and len(matrix.shape) == 2)
    )
