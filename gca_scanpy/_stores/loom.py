"""Loom files: loompy reads them, and annotates a copy, so that nothing else in the file changes."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gca_scanpy import _extras
from gca_scanpy._adata import objects
from gca_scanpy._files import whole
from gca_scanpy.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData

# Attributes in which loompy, AnnData and loomR store the names; the first existing one is used.
GENES = ("Gene", "var_names", "gene_names", "gene", "GeneName", "Accession")
CELLS = ("CellID", "obs_names", "cell_names", "cell_id", "barcode", "Barcode")


def read(path: Path) -> AnnData:
    """The main matrix of a loom file, with its layers and attributes.

    Raises
    ------
    InputError
        If loompy is not installed, or no attribute contains the names of the genes or of the cells.
    """
    with _extras.load("loom", InputError).connect(str(path), "r") as file:
        return objects.build(
            file.layers[""].sparse().T.tocsr(),
            obs=_frame(file.ca, CELLS, "column", path),
            var=_frame(file.ra, GENES, "row", path),
            layers={name: layer.sparse().T.tocsr() for name, layer in file.layers.items() if name},
        )


def annotate(source: Path, target: Path, adata: AnnData, columns: Collection[str]) -> None:
    """Copy a loom file, and add these columns of ``.obs`` to the copy.

    A missing label becomes an empty string, because the loom format has no missing values.

    Raises
    ------
    InputError
        If loompy is not installed.
    OSError
        If the copy cannot be written.
    """
    loompy = _extras.load("loom", InputError, "writing loom files")
    with whole(target) as part:
        shutil.copyfile(source, part)
        with loompy.connect(str(part), "r+") as file:
            for column in columns:
                file.ca[column] = _to_array(adata.obs[column])


def _to_array(column: pd.Series) -> Any:
    if pd.api.types.is_float_dtype(column):
        return column.to_numpy()
    return np.array(["" if pd.isna(value) else str(value) for value in column], dtype=object)


def _frame(attributes: Any, names: tuple[str, ...], what: str, path: Path) -> pd.DataFrame:
    """The attributes of the genes or of the cells as a table, without attributes that have several values each."""
    existing = list(attributes.keys())
    index = next((name for name in names if name in existing), None)
    if index is None:
        msg = f"{path} has the {what} attributes {', '.join(existing) or 'none'}; one of {', '.join(names)} is needed"
        raise InputError(msg)
    columns = {name: attributes[name] for name in existing if name != index and attributes[name].ndim == 1}
    return pd.DataFrame(columns, index=attributes[index].astype(str))
