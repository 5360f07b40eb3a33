"""Tables of barcodes and clusters, such as Cell Ranger writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Optional

import pandas as pd

from gca_scanpy._errors import InputError
from gca_scanpy._files import read_table

if TYPE_CHECKING:
    from anndata import AnnData

DEFAULT_COLUMN = "cluster"


def add_clusters(adata: AnnData, path: Path, column: Optional[str] = None) -> str:
    """Add the clusters of a table to ``.obs``; cells that the table lacks have none.

    Parameters
    ----------
    path
        A csv or tsv file: barcodes in the first column, clusters in the one named ``column``, else in the second.
    column
        What the clusters are called in ``.obs``; ``"cluster"`` where None.

    Returns
    -------
    str
        The name of the column in ``.obs``.

    Raises
    ------
    InputError
        Where the file is no such table, a barcode is in it twice, none is a cell, or the column is there already.
    """
    name = column or DEFAULT_COLUMN
    if name in adata.obs.columns:
        msg = f".obs[{name!r}] is there already; leave out the table of clusters, or give its column another name"
        raise InputError(msg)
    table = read_table(path)
    if table.shape[1] < 2 or table.empty:
        msg = f"{path} has {table.shape[1]} columns and {len(table)} rows; barcodes and clusters are needed"
        raise InputError(msg)
    barcodes = table.iloc[:, 0].str.strip()
    clusters = table[name] if name in table.columns[1:] else table.iloc[:, 1]
    if barcodes.duplicated().any():
        msg = f"{path} has the barcode {barcodes[barcodes.duplicated()].iloc[0]!r} twice"
        raise InputError(msg)
    found = pd.Series(clusters.str.strip().to_numpy(), index=barcodes).reindex(adata.obs_names)
    found = found.where(found.ne(""))
    if found.isna().all():
        msg = f"no barcode of {path} is a cell: it has {barcodes.iloc[0]!r}, the cells are {adata.obs_names[0]!r}"
        raise InputError(msg)
    adata.obs[name] = pd.Categorical(found.to_numpy())
    return name
