"""AnnData files, read and written whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gca_scanpy._errors import InputError
from gca_scanpy._files import whole

if TYPE_CHECKING:
    from anndata import AnnData

ENDINGS = (".h5ad", ".zarr")


def read(path: Path) -> AnnData:
    """The object in an h5ad file or a zarr folder.

    Raises
    ------
    InputError
        Where the file is of another kind, or cannot be read.
    """
    import anndata

    ending = path.suffix.lower()
    if ending not in ENDINGS:
        msg = f"{path} is not of a kind that can be read: h5ad, zarr, or a csv or tsv table of marker genes"
        raise InputError(msg)
    try:
        adata = anndata.read_h5ad(path) if ending == ".h5ad" else anndata.read_zarr(path)
    except ImportError as error:
        msg = f"{path} cannot be read without another package: {error}"
        raise InputError(msg) from error
    except Exception as error:  # a foreign or damaged file makes the readers raise nearly anything
        msg = f"{path} cannot be read as {ending[1:]}: {error}"
        raise InputError(msg) from error
    if not isinstance(adata, anndata.AnnData):  # such as a table that was stored alone
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
