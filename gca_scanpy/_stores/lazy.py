"""Stores that stay on disk: they are opened without their matrices, and annotated in a copy."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gca_scanpy import _extras
from gca_scanpy._adata.objects import add_column, column_of
from gca_scanpy._compat import element_io, lazy_reader
from gca_scanpy._files import whole
from gca_scanpy.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData

ENDINGS = (".h5ad", ".zarr")
SINCE = "0.12"  # the first anndata version that reads lazily


def read(path: Path) -> AnnData:
    """The object in an h5ad file or zarr folder; matrices are Dask arrays, and table columns are read on demand.

    Raises
    ------
    InputError
        If the store has another format or cannot be read, anndata is too old, or Dask or xarray is not installed.
    """
    if path.suffix.lower() not in ENDINGS:
        msg = f"{path} cannot be read lazily; convert it to h5ad or zarr, or leave out --lazy"
        raise InputError(msg)
    _extras.load("dask", InputError, modules=["dask.array", "xarray"])
    read_lazy = lazy_reader()
    if read_lazy is None:
        installed = version("anndata")
        msg = (
            f"lazy reading needs anndata {SINCE} or later, but {installed} is installed: "
            f"python -m pip install 'anndata>={SINCE}'"
        )
        raise InputError(msg)
    try:
        # Dask's workers may run in another folder, in which zarr would read zeros for the chunks that it misses.
        adata: AnnData = read_lazy(path.absolute())
    except Exception as error:  # the reader raises nearly any exception for a damaged store
        msg = f"{path} cannot be read lazily: {error}"
        raise InputError(msg) from error
    return adata


def annotate(source: Path, target: Path, adata: AnnData, columns: Collection[str], entries: Collection[str]) -> None:
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
