"""AnnData files, read and written whole."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from gca_scanpy._errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData


def read(path: Path) -> AnnData:
    """The object in an h5ad file or a zarr folder.

    Raises
    ------
    InputError
        Where the file is of another kind, or cannot be read.
    """
    import anndata

    try:
        if path.suffix == ".h5ad":
            return anndata.read_h5ad(path)
        if path.suffix == ".zarr":
            return anndata.read_zarr(path)
    except (OSError, ValueError, KeyError) as error:
        msg = f"{path} cannot be read as {path.suffix[1:]}: {error}"
        raise InputError(msg) from error
    msg = f"{path} is not of a kind that can be read: h5ad, zarr, or a csv or tsv table of marker genes"
    raise InputError(msg)


def write(adata: AnnData, path: Path) -> None:
    """Write h5ad or zarr beside its place, then rename it, so that an old file is whole until the new one is.

    Raises
    ------
    InputError
        Where the ending is another.
    """
    if path.suffix not in (".h5ad", ".zarr"):
        msg = f"{path.name} must end in .h5ad or .zarr"
        raise InputError(msg)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        if path.suffix == ".h5ad":
            adata.write_h5ad(part)
        else:
            adata.write_zarr(part)
            if path.exists():
                shutil.rmtree(path)
        part.replace(path)
    finally:
        if part.is_dir():
            shutil.rmtree(part)
        part.unlink(missing_ok=True)
