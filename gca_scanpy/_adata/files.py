"""Files of cells, read and written whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gca_scanpy._adata import loom
from gca_scanpy._errors import InputError
from gca_scanpy._files import whole

if TYPE_CHECKING:
    from anndata import AnnData

ENDINGS = (".h5ad", ".zarr")  # that are written


def _h5ad(path: Path) -> AnnData:
    import anndata

    return anndata.read_h5ad(path)


def _zarr(path: Path) -> AnnData:
    import anndata

    return anndata.read_zarr(path)


def _10x(path: Path) -> AnnData:
    import scanpy as sc

    return sc.read_10x_h5(path)


READERS: Mapping[str, tuple[str, Callable[[Path], AnnData]]] = {
    ".h5ad": ("h5ad", _h5ad),
    ".zarr": ("zarr", _zarr),
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
    import anndata

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
