"""``.obs`` and ``.var`` as tables in memory, column by column where the object was read lazily."""

from __future__ import annotations

from typing import Any, Optional

import pandas as pd

from gca_scanpy._compat import element_io
from gca_scanpy._names.genes import ENSEMBL
from gca_scanpy.errors import MissingKeyError


def frame(table: Any) -> pd.DataFrame:
    """The whole table."""
    return table if isinstance(table, pd.DataFrame) else table.to_memory()


def add_column(obs: Any, name: str, values: pd.Series) -> None:
    """Write a column into the ``.obs`` of a store that is open to be changed."""
    _, write = element_io()
    write(obs, name, values.array if isinstance(values.dtype, pd.CategoricalDtype) else values.to_numpy())
    order = [str(column) for column in obs.attrs["column-order"]]
    obs.attrs["column-order"] = order if name in order else [*order, name]


def column_of(table: Any, name: str) -> pd.Series:
    """One column; of a table that is on disk, the others are not read."""
    return table[name] if isinstance(table, pd.DataFrame) else table[[name]].to_memory()[name]


# As 10x, CELLxGENE, Ensembl BioMart, monocle, Seurat converters and scvi-tools name it.
SYMBOL_COLUMNS = (
    "gene_symbols", "gene_symbol", "feature_name", "gene_name", "gene_names", "gene_short_name", "Symbol", "symbol",
    "SYMBOL", "hgnc_symbol", "external_gene_name", "GeneSymbol", "features", "gene", "name",
)  # fmt: skip


def gene_labels(var: pd.DataFrame, gene_symbols: Optional[str]) -> list[str]:
    """A name for each gene: from the column ``gene_symbols``, else the index, else the column that holds symbols.

    The columns are searched only where most of the index is Ensembl ids or numbers. A missing symbol leaves
    the index.

    Raises
    ------
    MissingKeyError
        Where ``gene_symbols`` is given and is not a column of ``.var``.
    """
    index = texts(var.index)
    column = gene_symbols
    if gene_symbols is not None and gene_symbols not in var.columns:
        msg = f"there is no .var[{gene_symbols!r}]; columns: {', '.join(map(str, var.columns)) or 'none'}"
        raise MissingKeyError(msg)
    if column is None and _opaque(index):
        present = [name for name in SYMBOL_COLUMNS if name in var.columns]
        column = next((name for name in present if not _opaque([str(v) for v in var[name].dropna()])), None)
    if column is None:
        return index
    values = var[column].astype(object)
    return [str(value) if pd.notna(value) and str(value).strip() else name for name, value in zip(index, values)]


def texts(index: pd.Index) -> list[str]:
    """The names as text; by way of an array, because pandas' own text is slow to go over one by one."""
    return [str(name) for name in index.to_numpy(dtype=object)]


def _opaque(names: list[str]) -> bool:
    ids = sum(1 for name in names if ENSEMBL.match(name) or name.isdigit())
    return not names or 2 * ids > len(names)
