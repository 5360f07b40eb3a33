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

USUAL = ("X_umap", "X_tsne", "X_draw_graph_fa", "X_phate", "X_pca")  # the first one in .obsm is the default


@define(eq=False)
class Embedding:
    """The cells in two dimensions.

    Attributes
    ----------
    name
        Name of the embedding in ``.obsm``, such as ``X_umap``.
    places
        Coordinates without a unit, shape (n_obs, 2); NaN if a cell has no coordinates.
    codes
        For each cell the position of its cluster in the report, or -1 if the report does not contain it; shape
        (n_obs,).
    """

    name: str
    places: npt.NDArray[np.float64]
    codes: npt.NDArray[np.intp]


def read_embedding(adata: AnnData, report: DatasetReport, key: str, basis: Optional[str] = None) -> Optional[Embedding]:
    """The embedding ``X_basis`` or ``basis``; if ``basis`` is None, the default embedding, or None if there is none.

    Raises
    ------
    MissingKeyError
        If there is no such embedding, or the clusters or the labels were removed.
    InputError
        If the embedding has fewer than two dimensions, or the labels of the cells are not those of the report.
    """
    name = _embedding_name(adata, basis)
    if name is None:
        return None
    coordinates = _first_two(adata.obsm[name], name)
    clustering = clusters_of(adata, report, key)
    return Embedding(name, coordinates, rows_of(report.clusters, clustering))


def _embedding_name(adata: AnnData, basis: Optional[str]) -> Optional[str]:
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
        msg = f".obsm[{name!r}] has the shape {dense.shape}, but a plot needs two columns; choose another embedding"
        raise InputError(msg)
    return np.asarray(dense[:, :2], dtype=np.float64)
