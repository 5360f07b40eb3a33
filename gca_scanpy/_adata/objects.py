"""Creating AnnData objects: from parts, from files, and from another object.

anndata is imported only when it is needed, because lists of genes can be labeled without it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gca_scanpy.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData


def build(matrix: Any = None, **parts: Any) -> AnnData:
    """An object made of these parts (``obs``, ``var``, ``layers``, ``uns``, ``obsm``)."""
    import anndata

    return anndata.AnnData(matrix, **parts)


def is_anndata(value: Any) -> bool:
    """Whether a value is an AnnData object."""
    import anndata

    return isinstance(value, anndata.AnnData)


def read_h5ad(path: Path) -> AnnData:
    """The object in an h5ad file, in memory."""
    import anndata

    return anndata.read_h5ad(path)


def read_zarr(path: Path) -> AnnData:
    """The object in a zarr folder, in memory."""
    import anndata

    return anndata.read_zarr(path)


def check_writable(adata: AnnData) -> None:
    """Refuse a view of a backed object: to become an object of its own, it would need a file.

    Raises
    ------
    InputError
        It says how to get an object in memory.
    """
    if adata.is_view and adata.isbacked:
        msg = "adata is a view of a backed object, to which nothing can be added; pass adata.to_memory() instead"
        raise InputError(msg)


def view_to_actual(adata: AnnData) -> None:
    """Turn a view into an actual object, as Scanpy's tools do before they write."""
    check_writable(adata)
    if adata.is_view:
        adata._init_as_actual(adata.copy())


def duplicate(adata: AnnData) -> AnnData:
    """A copy; the copy of a backed object is in memory."""
    return adata.to_memory() if adata.isbacked else adata.copy()
