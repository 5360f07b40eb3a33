"""``.obs`` and ``.var`` as tables in memory; of a lazily read object, only the needed columns are read."""

from __future__ import annotations

from typing import Any, Optional

import pandas as pd

from gca_scanpy._compat import element_io
from gca_scanpy._names.gene_forms import ENSEMBL
from gca_scanpy.errors import MissingKeyError

# Names of the symbol column in 10x, CELLxGENE, Ensembl BioMart, monocle, Seurat converters and scvi-tools.
SYMBOL_COLUMNS = (
    "gene_symbols", "gene_symbol", "feature_name", "gene_name", "gene_names", "gene_short_name", "Symbol", "symbol",
    "SYMBOL", "hgnc_symbol", "external_gene_name", "GeneSymbol", "features", "gene", "name",
)  # fmt: skip


def to_frame(table: Any) -> pd.DataFrame:
    """The whole table, in memory."""
    return table if isinstance(table, pd.DataFrame) else table.to_memory()


def column_of(table: Any, name: str) -> pd.Series:
    """One column, in memory; the other columns of a table on disk are not read."""
    return table[name] if isinstance(table, pd.DataFrame) else table[[name]].to_memory()[name]


def add_column(obs: Any, name: str, values: pd.Series) -> None:
    """Write a column into the ``.obs`` group of a store that is open for writing."""
    _, write = element_io()
    write(obs, name, values.array if isinstance(values.dtype, pd.CategoricalDtype) else values.to_numpy())
    order = [str(column) for column in obs.attrs["column-order"]]
    obs.attrs["column-order"] = order if name in order else [*order, name]


def gene_labels(var: pd.DataFrame, gene_symbols: Optional[str]) -> list[str]:
    """The symbol of each gene: from the column ``gene_symbols``, otherwise from the index or a column of symbols.

    A column of symbols is searched for only if most of the index is Ensembl ids or numbers. If a symbol is missing, the
    index is used.

    Raises
    ------
    MissingKeyError
        If ``gene_symbols`` is given and is not a column of ``.var``.
    """
    index = to_strings(var.index)
    column = gene_symbols
    if gene_symbols is not None and gene_symbols not in var.columns:
        msg = f"there is no .var[{gene_symbols!r}]; columns: {', '.join(map(str, var.columns)) or 'none'}"
        raise MissingKeyError(msg)
    if column is None and _mostly_ids(index):
        present = [name for name in SYMBOL_COLUMNS if name in var.columns]
        column = next((name for name in present if not _mostly_ids([str(v) for v in var[name].dropna()])), None)
    if column is None:
        return index
    values = var[column].astype(object)
    return [str(value) if pd.notna(value) and str(value).strip() else name for name, value in zip(index, values)]


def to_strings(index: pd.Index) -> list[str]:
    """The index as strings, by way of an array, because iterating over the text type of pandas is slow."""
    return [str(name) for name in index.to_numpy(dtype=object)]


def _mostly_ids(names: list[str]) -> bool:
    ids = sum(1 for name in names if ENSEMBL.match(name) or name.isdigit())
    return not names or 2 * ids > len(names)
