"""Stores of cells that stay on disk: opened without their matrices, and annotated in a copy."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gca_scanpy._adata.tables import add_column, column_of
from gca_scanpy._compat import element_io, lazy_reader
from gca_scanpy._files import whole
from gca_scanpy.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData

ENDINGS = (".h5ad", ".zarr")
SINCE = "0.12"  # the first anndata that reads lazily


def read(path: Path) -> AnnData:
    """The object in an h5ad file or zarr folder; matrices are Dask arrays, tables are read by column when asked for.

    Raises
    ------
    InputError
        Where the store is of another kind or cannot be read, anndata is too old, or Dask or xarray is missing.
    """
    if path.suffix.lower() not in ENDINGS:
        msg = f"{path} cannot be read lazily; only h5ad and zarr can"
        raise InputError(msg)
    try:
        import dask.array  # noqa: F401
        import xarray  # noqa: F401
    except ImportError as error:
        msg = f"lazy reading needs other packages: python -m pip install 'gca-scanpy[dask]' ({error})"
        raise InputError(msg) from error
    read_lazy = lazy_reader()
    if read_lazy is None:
        here = version("anndata")
        msg = f"anndata reads lazily from {SINCE} on, and here is {here}: python -m pip install 'anndata>={SINCE}'"
        raise InputError(msg)
    try:
        # Dask's workers may be in another folder, where zarr would read zeros in place of the chunks that it misses.
        adata: AnnData = read_lazy(path.absolute())
    except Exception as error:  # a foreign or damaged store makes the reader raise nearly anything
        msg = f"{path} cannot be read lazily: {error}"
        raise InputError(msg) from error
    return adata


def annotate(source: Path, target: Path, adata: AnnData, columns: Collection[str], entries: Collection[str]) -> None:
    """Write a store with these columns of ``.obs`` and entries of ``.uns`` more; all else is copied as it is on disk.

    Raises
    ------
    InputError
        Where the store holds its ``.obs`` in a form of before anndata 0.7.
    OSError
        Where it cannot be written.
    """
    _, write = element_io()
    with whole(target) as part:
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, part)
        with _opened(part) as group:
            if "column-order" not in group["obs"].attrs:
                msg = f"{source} is in an old form; write it anew with anndata, or leave out --lazy"
                raise InputError(msg)
            for name in columns:
                add_column(group["obs"], name, column_of(adata.obs, name))
            if "uns" not in group:
                write(group, "uns", {})
            for name in entries:
                write(group["uns"], name, adata.uns[name])


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The root of a store, to be changed."""
    if path.is_file():
        import h5py

        with closing(h5py.File(path, "r+")) as file:
            yield file
        return
    import zarr

    # By what is there, not by the metadata that were brought together when the store was written: these are old now.
    yield zarr.open_group(str(path), mode="r+", use_consolidated=False)
    if _is_consolidated(path):
        zarr.consolidate_metadata(str(path))


def _is_consolidated(path: Path) -> bool:
    root = path / "zarr.json"
    if not root.is_file():
        return (path / ".zmetadata").is_file()
    return bool(json.loads(root.read_text(encoding="utf-8")).get("consolidated_metadata"))
