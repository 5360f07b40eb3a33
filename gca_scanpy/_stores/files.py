"""Reads and writes files of cells (also loom), whole or lazily, and adds clusters from a table."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
import pandas as pd

from gca_scanpy import _packages, _tables
from gca_scanpy._adata import objects
from gca_scanpy._adata.objects import add_column, column_of, gene_tables
from gca_scanpy._files import whole
from gca_scanpy._packages import element_io, lazy_reader
from gca_scanpy.errors import InputError, MissingClusterWarning, warn

if TYPE_CHECKING:
    from anndata import AnnData

# Attributes in which loompy, AnnData and loomR store the names; the first existing one is used.
GENES = ("Gene", "var_names", "gene_names", "gene", "GeneName", "Accession")
CELLS = ("CellID", "obs_names", "cell_names", "cell_id", "barcode", "Barcode")
ENDINGS = (".h5ad", ".zarr")  # formats that can be written, or read lazily
DEFAULT_COLUMN = "cluster"
MAX_MISSING = 0.05  # share of barcodes without a cell, and of cells without a cluster, that need no warning
SINCE = "0.12"  # the first anndata version that reads lazily


def read(path: Path) -> AnnData:
    """The object in an h5ad, loom or 10x h5 file, or in a zarr folder.

    Raises
    ------
    InputError
        If the file has another format, or cannot be read.
    """
    ending = path.suffix.lower()
    if ending not in READERS:
        kinds = ", ".join(kind for kind, _ in READERS.values())
        msg = f"{path} has an unknown format; use {kinds}, or a csv or tsv table of marker genes"
        raise InputError(msg)
    kind, reader = READERS[ending]
    try:
        adata = reader(path)
    except InputError:
        raise
    except ImportError as error:
        msg = f"{path} cannot be read without another package: {error}"
        raise InputError(msg) from error
    except Exception as error:  # the readers raise nearly any exception for a damaged file
        msg = f"{path} cannot be read as {kind}: {error}"
        raise InputError(msg) from error
    if not objects.is_anndata(adata):  # for example, a file with a single table
        msg = f"{path} contains a {type(adata).__name__}, not an AnnData object"
        raise InputError(msg)
    return _writable(adata)


def _writable(adata: AnnData) -> AnnData:
    """The object with names and texts that each anndata can write: one with pandas 3 writes nullable strings."""
    frames = [adata.obs, *gene_tables(adata)]
    for frame in frames:
        if _is_nullable(frame.index.dtype):
            frame.index = frame.index.astype(object)
        for name in [name for name, dtype in frame.dtypes.items() if _is_nullable(dtype)]:
            frame[name] = frame[name].astype("category")  # which can have missing values
    return adata


def _is_nullable(dtype: Any) -> bool:
    return isinstance(dtype, pd.StringDtype) and dtype.na_value is pd.NA


def check_alone(path: Path, max_bytes: int) -> None:
    """Refuse an h5ad file that takes data from other files, or unpacks to too much; only its structure is read.

    Raises
    ------
    InputError
        It says which of the two, or that the file is damaged.
    """
    import h5py

    size, elsewhere = 0, False

    def look(_: str, item: Any) -> None:
        nonlocal size, elsewhere
        if isinstance(item, h5py.Dataset):
            size += item.size * item.dtype.itemsize if item.shape else 0
            elsewhere |= item.is_virtual or bool(item.external)
        else:
            links = (item.get(name, getlink=True) for name in item)
            elsewhere |= any(isinstance(link, h5py.ExternalLink) for link in links)

    try:
        with h5py.File(path, "r") as file:
            look("", file)
            file.visititems(look)
    except Exception as error:  # h5py raises nearly any exception for a damaged file
        msg = f"{path} cannot be read as h5ad: {error}"
        raise InputError(msg) from error
    if elsewhere:
        msg = f"{path} takes data from other files, so it is not read; write the object to a new file with write_h5ad"
        raise InputError(msg)
    if size > max_bytes:
        msg = f"{path} unpacks to {size:,} bytes, and at most {max_bytes:,} are read; run 'gca annotate' on it instead"
        raise InputError(msg)


def write(adata: AnnData, path: Path) -> None:
    """Write h5ad or zarr to a temporary path, then rename it, so that an earlier file stays whole until then.

    Raises
    ------
    InputError
        If the path has another ending, or the format cannot store the object.
    OSError
        If the file cannot be written.
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
        except Exception as error:  # the content is the user's, and the writers raise nearly any exception
            msg = f"{path} cannot be written: {error}"
            raise InputError(msg) from error


def add_clusters(adata: AnnData, path: Path, column: Optional[str] = None) -> str:
    """Add the clusters of a table to ``.obs``; cells that the table does not contain get no cluster.

    Parameters
    ----------
    path
        A csv or tsv file with barcodes in the first column. The clusters are in the column named ``column``, or in the
        second column if there is no such column.
    column
        Name of the new column in ``.obs``; None for ``"cluster"``.

    Returns
    -------
    str
        The name of the column in ``.obs``.

    Raises
    ------
    InputError
        If the file is not such a table, a barcode occurs twice, no barcode is a cell, or ``.obs`` has the column
        already.
    """
    name = column or DEFAULT_COLUMN
    if name in adata.obs.columns:
        msg = f".obs[{name!r}] already exists; leave out the table of clusters, or give its column another name"
        raise InputError(msg)
    table = _tables.read(path, InputError)
    if table.shape[1] < 2 or table.empty:
        msg = f"{path} has {table.shape[1]} columns and {len(table)} rows; it needs barcodes and clusters"
        raise InputError(msg)
    barcodes = table.iloc[:, 0].str.strip()
    values = table[name] if name in table.columns[1:] else table.iloc[:, 1]
    if barcodes.duplicated().any():
        msg = f"{path} has the barcode {barcodes[barcodes.duplicated()].iloc[0]!r} twice; keep one row per cell"
        raise InputError(msg)
    clusters = pd.Series(values.str.strip().to_numpy(), index=barcodes).reindex(adata.obs_names)
    clusters = clusters.where(clusters.ne(""))
    if clusters.isna().all():
        msg = (
            f"no barcode of {path} is the name of a cell: the table has names such as {barcodes.iloc[0]!r}, and the "
            f"data has names such as {adata.obs_names[0]!r}; write them in the same way"
        )
        raise InputError(msg)
    strangers = barcodes[~barcodes.isin(adata.obs_names)]
    # A table of more cells than the data is no mistake, if each cell of the data is in it.
    if len(strangers) > MAX_MISSING * len(barcodes) and clusters.isna().mean() > MAX_MISSING:
        message = (
            f"{len(strangers):,} of {len(barcodes):,} barcodes of {path} are not the name of a cell, such as "
            f"{strangers.iloc[0]!r}; the data has names such as {adata.obs_names[0]!r}. If they are the same cells, "
            "write the names in the same way"
        )
        warn(message, MissingClusterWarning)
    adata.obs[name] = pd.Categorical(clusters.to_numpy())
    return name


def _read_10x(path: Path) -> AnnData:
    import scanpy as sc

    return sc.read_10x_h5(path)


def _read_loom(path: Path) -> AnnData:
    """The main matrix of a loom file, with its layers and attributes.

    Raises
    ------
    InputError
        If loompy is not installed, or no attribute contains the names of the genes or of the cells.
    """
    with _packages.load("loom", InputError).connect(str(path), "r") as file:
        return objects.build(
            file.layers[""].sparse().T.tocsr(),
            obs=_frame(file.ca, CELLS, "column", path),
            var=_frame(file.ra, GENES, "row", path),
            layers={name: layer.sparse().T.tocsr() for name, layer in file.layers.items() if name},
        )


def annotate_loom(source: Path, target: Path, adata: AnnData, columns: Collection[str]) -> None:
    """Copy a loom file, and add these columns of ``.obs`` to the copy.

    A missing label becomes an empty string, because the loom format has no missing values.

    Raises
    ------
    InputError
        If loompy is not installed.
    OSError
        If the copy cannot be written.
    """
    loompy = _packages.load("loom", InputError, "writing loom files")
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


def read_lazily(path: Path) -> AnnData:
    """The object in an h5ad file or zarr folder; matrices are Dask arrays, and table columns are read on demand.

    Raises
    ------
    InputError
        If the store has another format or cannot be read, anndata is too old, or Dask or xarray is not installed.
    """
    if path.suffix.lower() not in ENDINGS:
        msg = f"{path} cannot be read lazily; convert it to h5ad or zarr, or leave out --lazy"
        raise InputError(msg)
    _packages.load("dask", InputError, modules=["dask.array", "xarray"])
    read_lazy = lazy_reader()
    if read_lazy is None:
        installed = version("anndata")
        msg = (
            f"lazy reading needs anndata {SINCE} or later, but {installed} is installed: "
            f"python -m pip install 'anndata>={SINCE}'"
        )
        raise InputError(msg)
    try:
        with _packages.faster_zarr():
            # Dask's workers may run in another folder, in which zarr would read zeros for the chunks that it misses.
            adata: AnnData = read_lazy(path.absolute())
    except Exception as error:  # the reader raises nearly any exception for a damaged store
        msg = f"{path} cannot be read lazily: {error}"
        raise InputError(msg) from error
    return adata


def annotate_lazily(
    source: Path, target: Path, adata: AnnData, columns: Collection[str], entries: Collection[str]
) -> None:
    """Copy a store on disk, and add these columns of ``.obs`` and entries of ``.uns`` to the copy.

    Raises
    ------
    InputError
        If the store has an ``.obs`` in the format from before anndata 0.7.
    OSError
        If the copy cannot be written.
    """
    _, write = element_io()
    with whole(target) as part:
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, part)
        with _open_for_writing(part) as root:
            if "column-order" not in root["obs"].attrs:
                msg = f"{source} has an old format; read it with anndata and write it again, or leave out --lazy"
                raise InputError(msg)
            for name in columns:
                add_column(root["obs"], name, column_of(adata.obs, name))
            if "uns" not in root:
                write(root, "uns", {})
            for name in entries:
                write(root["uns"], name, adata.uns[name])


@contextmanager
def _open_for_writing(path: Path) -> Iterator[Any]:
    """The root group of a store, open for writing."""
    if path.is_file():
        import h5py

        with closing(h5py.File(path, "r+")) as file:
            yield file
        return
    import zarr

    # The consolidated metadata does not list the columns that are added here, so it is ignored and then updated.
    yield zarr.open_group(str(path), mode="r+", use_consolidated=False)
    if _is_consolidated(path):
        zarr.consolidate_metadata(str(path))


def _is_consolidated(path: Path) -> bool:
    root = path / "zarr.json"
    if not root.is_file():
        return (path / ".zmetadata").is_file()
    return bool(json.loads(root.read_text(encoding="utf-8")).get("consolidated_metadata"))


READERS: Mapping[str, tuple[str, Callable[[Path], AnnData]]] = {
    ".h5ad": ("h5ad", objects.read_h5ad),
    ".zarr": ("zarr", objects.read_zarr),
    ".loom": ("loom", _read_loom),
    ".h5": ("10x h5", _read_10x),
}
