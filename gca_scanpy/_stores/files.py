"""Files of cells, read and written whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import pandas as pd

from gca_scanpy import _tables
from gca_scanpy._adata import objects
from gca_scanpy._files import whole
from gca_scanpy._stores import loom
from gca_scanpy.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData

ENDINGS = (".h5ad", ".zarr")  # that are written


def _10x(path: Path) -> AnnData:
    import scanpy as sc

    return sc.read_10x_h5(path)


READERS: Mapping[str, tuple[str, Callable[[Path], AnnData]]] = {
    ".h5ad": ("h5ad", objects.read_h5ad),
    ".zarr": ("zarr", objects.read_zarr),
    ".loom": ("loom", loom.read),
    ".h5": ("10x h5", _10x),
}


def read(path: Path) -> AnnData:
    """The object in an h5ad, loom or 10x h5 file, or in a zarr folder.

    Raises
    ------
    InputError
        Where the file is of another kind, or cannot be read.
    """
    ending = path.suffix.lower()
    if ending not in READERS:
        kinds = ", ".join(kind for kind, _ in READERS.values())
        msg = f"{path} is not of a kind that can be read: {kinds}, or a csv or tsv table of marker genes"
        raise InputError(msg)
    kind, reader = READERS[ending]
    try:
        adata = reader(path)
    except InputError:
        raise
    except ImportError as error:
        msg = f"{path} cannot be read without another package: {error}"
        raise InputError(msg) from error
    except Exception as error:  # a foreign or damaged file makes the readers raise nearly anything
        msg = f"{path} cannot be read as {kind}: {error}"
        raise InputError(msg) from error
    if not objects.is_anndata(adata):  # such as a table that was stored alone
        msg = f"{path} holds a {type(adata).__name__}, not an AnnData object"
        raise InputError(msg)
    return adata


def write(adata: AnnData, path: Path) -> None:
    """Write h5ad or zarr beside its place, then rename it, so that an old file is whole until the new one is.

    Raises
    ------
    InputError
        Where the ending is another, or the object holds what the format cannot.
    OSError
        Where the file cannot be written.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        msg = f"{path.name} must end in .h5ad or .zarr"
        raise InputError(msg)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as part:
        try:
            if ending == ".h5ad":
                adata.write_h5ad(part)
            else:
                adata.write_zarr(part)
        except OSError:
            raise
        except Exception as error:  # what an object holds is the user's; its writers raise nearly anything
            msg = f"{path} cannot be written: {error}"
            raise InputError(msg) from error


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
    table = _tables.read(path, InputError)
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
