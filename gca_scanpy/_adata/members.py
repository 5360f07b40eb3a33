"""The cells of each cluster of a report, after a check that the object still matches the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gca_scanpy._adata.clusters import Clustering, read_clustering
from gca_scanpy._adata.tables import column_of
from gca_scanpy._keys import ObsKeys
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
    clustering = read_clustering(adata, report.parameters.get("groupby", ""))
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


def rows_of(clusters: Sequence[ClusterReport], clustering: Clustering) -> npt.NDArray[np.intp]:
    """For each cell the position of its cluster among ``clusters``, or -1 if its cluster is none of them."""
    position = {cluster.cluster_id: i for i, cluster in enumerate(clusters)}
    # A cell without a cluster has the code -1, which selects the last element.
    by_code = np.array([*(position.get(key, -1) for key in clustering.all_ids), -1], dtype=np.intp)
    return by_code[clustering.codes]
