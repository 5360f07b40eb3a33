"""The cells in two dimensions, with their clusters in a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

import numpy as np
import numpy.typing as npt
from attrs import define

from gca_scanpy._adata.members import clusters_of, rows_of
from gca_scanpy._keys import EMBEDDINGS
from gca_scanpy.errors import InputError, MissingKeyError
from gca_scanpy.model import DatasetReport

if TYPE_CHECKING:
    from anndata import AnnData


@define(eq=False)
class Embedding:
    """The cells in two dimensions.

    Attributes
    ----------
    name
        Name of the embedding in ``.obsm``, such as ``X_umap``.
    places
        Coordinates, shape (n_obs, 2), in no unit; NaN where a cell has no place.
    codes
        For each cell the position of its cluster in the report, -1 where it has none there; shape (n_obs,).
    """

    name: str
    places: npt.NDArray[np.float64]
    codes: npt.NDArray[np.intp]


def read_embedding(adata: AnnData, report: DatasetReport, key: str, basis: Optional[str] = None) -> Optional[Embedding]:
    """The embedding named ``basis`` or ``X_basis``; where None is named, the usual one, or None where there is none.

    Raises
    ------
    MissingKeyError
        Where there is no such embedding, or the clusters or the labels are no longer there.
    InputError
        Where the embedding has fewer than two dimensions, or the labels of the cells are not those of the report.
    """
    name = _place(adata, basis)
    if name is None:
        return None
    places = _first_two(adata.obsm[name], name)
    clustering = clusters_of(adata, report, key)
    return Embedding(name, places, rows_of(report.clusters, clustering))


def _place(adata: AnnData, basis: Optional[str]) -> Optional[str]:
    if basis is None:
        return next((name for name in EMBEDDINGS if name in adata.obsm), None)
    for name in (f"X_{basis}", basis):
        if name in adata.obsm:
            return name
    msg = f"there is no embedding {basis!r}; .obsm has: {', '.join(adata.obsm) or 'none'}"
    raise MissingKeyError(msg)


def _first_two(values: Any, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    dense = values.toarray() if hasattr(values, "toarray") else np.asarray(values)
    if dense.ndim != 2 or dense.shape[1] < 2:
        msg = f".obsm[{name!r}] has the shape {dense.shape}; a picture needs two columns"
        raise InputError(msg)
    return np.asarray(dense[:, :2], dtype=np.float64)
