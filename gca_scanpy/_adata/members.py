"""The cells of each cluster of a report, after a check that the object still matches the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
import numpy.typing as npt
from attrs import define
from scipy import sparse

from gca_scanpy._adata.clusters import Clustering, clusters_apart, read_clustering
from gca_scanpy._adata.matrix import NUMERIC, TO_CPU
from gca_scanpy._adata.objects import column_of
from gca_scanpy._keys import EMBEDDINGS, ObsKeys
from gca_scanpy.errors import InputError, MissingKeyError
from gca_scanpy.model import ClusterReport, DatasetReport

if TYPE_CHECKING:
    from anndata import AnnData


def cells_of(adata: AnnData, report: DatasetReport, key: str) -> dict[str, list[str]]:
    """Names of the cells by cluster, without clusters that have no cell here.

    ``adata`` may be a subset of the annotated object.

    Raises
    ------
    MissingKeyError
        If the clusters or the labels were removed.
    InputError
        If two cells have the same name, or the labels of the cells are not those of the report.
    """
    if not adata.obs_names.is_unique:
        twice = adata.obs_names[adata.obs_names.duplicated()][0]
        msg = f"cell names must be unique, but {twice!r} occurs twice; call adata.obs_names_make_unique() first"
        raise InputError(msg)
    clustering = clusters_of(adata, report, key)
    names = adata.obs_names.to_numpy(dtype=object)
    members = {cluster: names[clustering.codes == code] for code, cluster in enumerate(clustering.all_ids)}
    ids = (cluster.cluster_id for cluster in report.clusters)
    return {cluster: [str(name) for name in members[cluster]] for cluster in ids if cluster in members}


def clusters_of(adata: AnnData, report: DatasetReport, key: str) -> Clustering:
    """The clusters of the report; ``adata`` may be a subset of the annotated object.

    Raises
    ------
    MissingKeyError
        If the clusters or the labels were removed.
    InputError
        If the labels of the cells are not those of the report.
    """
    column = ObsKeys(key).label
    if column not in adata.obs.columns:
        msg = f"there is no .obs[{column!r}]; run gca_scanpy.tl.annotate(adata, groupby=..., key_added={key!r}) first"
        raise MissingKeyError(msg)
    clustering = reported_clustering(adata, report)
    reported = {cluster.cluster_id: cluster.annotation.primary_label for cluster in report.clusters}
    # A cell without a cluster has the code -1, which selects the last element.
    expected = np.array([*(reported.get(cluster) for cluster in clustering.all_ids), None], dtype=object)
    labels = column_of(adata.obs, column).astype(object)
    labels = labels.where(labels.notna(), None).to_numpy(dtype=object)
    changed = np.flatnonzero(labels != expected[clustering.codes])
    if len(changed):
        msg = (
            f".obs[{column!r}] differs from the report for {len(changed)} cells, such as "
            f"{adata.obs_names[changed[0]]!r}: it or .obs[{clustering.groupby!r}] was changed since; annotate again"
        )
        raise InputError(msg)
    return clustering


def reported_clustering(adata: AnnData, report: DatasetReport) -> Clustering:
    """The clusters in the column that the report names; whether they are still those of the report is not checked.

    Raises
    ------
    InputError
        If the report names no column, or the column cannot be read.
    MissingKeyError
        If there is no such column.
    """
    groupby = report.parameters.get("groupby")
    if not groupby:
        msg = "the report does not name the column of its clusters (its parameter 'groupby'); annotate the cells again"
        raise InputError(msg)
    clustering, within = read_clustering(adata, groupby), report.parameters.get("within")
    return clusters_apart(clustering, read_clustering(adata, within, what="sample")) if within else clustering


def rows_of(clusters: Sequence[ClusterReport], clustering: Clustering) -> npt.NDArray[np.intp]:
    """For each cell the position of its cluster among ``clusters``, or -1 if it is not among them."""
    position = {cluster.cluster_id: i for i, cluster in enumerate(clusters)}
    # A cell without a cluster has the code -1, which selects the last element.
    by_code = np.array([*(position.get(key, -1) for key in clustering.all_ids), -1], dtype=np.intp)
    return by_code[clustering.codes]


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
    """The embedding ``X_basis`` or ``basis``, or the default embedding if ``basis`` is None.

    The result is None if ``basis`` is None and the object has no embedding.

    Raises
    ------
    MissingKeyError
        If there is no such embedding, or the clusters or the labels were removed.
    InputError
        If the embedding has fewer than two dimensions, or the labels of the cells are not those of the report.
    """
    name = _default_embedding(adata) if basis is None else embedding_name(adata, basis)
    if name is None:
        return None
    coordinates = first_two(adata.obsm[name], name)
    clustering = clusters_of(adata, report, key)
    return Embedding(name, coordinates, rows_of(report.clusters, clustering))


def _default_embedding(adata: AnnData) -> Optional[str]:
    return next((name for name in EMBEDDINGS if name in adata.obsm), None)


def embedding_name(adata: AnnData, basis: str) -> str:
    """The name in ``.obsm`` of an embedding that Scanpy calls ``basis``.

    Raises
    ------
    MissingKeyError
        If there is no such embedding.
    """
    for name in (f"X_{basis}", basis):
        if name in adata.obsm:
            return name
    msg = f"there is no embedding {basis!r}; .obsm has: {', '.join(adata.obsm) or 'none'}"
    raise MissingKeyError(msg)


def first_two(values: Any, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The first two columns of an entry of ``.obsm``.

    Raises
    ------
    InputError
        If it has fewer than two columns of numbers, or is on a GPU.
    """
    try:
        dense = values.toarray() if sparse.issparse(values) else np.asarray(values)
    except Exception as error:  # arrays of GPU libraries refuse
        msg = f".obsm[{name!r}] is a {type(values).__name__}, which NumPy cannot read ({error}); {TO_CPU}"
        raise InputError(msg) from error
    if dense.ndim != 2 or dense.shape[1] < 2 or dense.dtype.kind not in NUMERIC:
        msg = (
            f".obsm[{name!r}] has the shape {dense.shape} and the type {dense.dtype}, but a plot needs two columns of "
            "numbers; choose another embedding"
        )
        raise InputError(msg)
    return np.asarray(dense[:, :2], dtype=np.float64)
