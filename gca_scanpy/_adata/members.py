"""An annotated object after its run: the cells of each cluster, if they still match the report, and what changes them.

Decisions of curators go to ``.obs`` and to the audit trail in ``.uns``, and later runs keep them. The parts of mixed
clusters become a new column.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
import numpy.typing as npt
import pandas as pd
from attrs import define, frozen
from scipy import sparse

from gca_scanpy import _codec
from gca_scanpy._adata.clusters import MAX_LISTED, Clustering, clusters_apart, read_clustering, rows_of
from gca_scanpy._adata.matrix import NUMERIC, TO_CPU
from gca_scanpy._adata.objects import column_of
from gca_scanpy._adata.write import curated_colors, curated_columns, read_report, store
from gca_scanpy._judging.mixture import BOTH, FIRST, NEITHER, SECOND
from gca_scanpy._keys import EMBEDDINGS, UNS_REPORT, UNS_SCHEMA_VERSION, ObsKeys
from gca_scanpy._packages import NAMES
from gca_scanpy._reporting.colors import Palette
from gca_scanpy._reporting.curation import carry_over, standing
from gca_scanpy.errors import CurationWarning, GcaError, InputError, MissingKeyError, ReportError, warn
from gca_scanpy.model import SCHEMA_VERSION, DatasetReport

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
    """The embedding ``X_basis`` or ``basis``; if ``basis`` is None, the first usual one, or else one of two columns.

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
    flat = (name for name in adata.obsm if np.shape(adata.obsm[name])[1:] == (2,))
    return next((name for name in EMBEDDINGS if name in adata.obsm), next(flat, None))


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


def cells_to_draw(embedding: Embedding, names: Sequence[str], column: str) -> AnnData:
    """The cells without their expression: their places, and in a column of ``.obs`` the name of their cluster."""
    from anndata import AnnData

    clusters = pd.Categorical.from_codes(embedding.codes, categories=list(names))
    obs = pd.DataFrame({column: clusters}, index=np.arange(len(clusters)).astype(str))
    return AnnData(obs=obs, obsm={embedding.name: embedding.places})


def first_two(values: Any, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The first two columns of an entry of ``.obsm``.

    Places in a tissue are turned upside down, because those of an image count from its top.

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
    two = np.asarray(dense[:, :2], dtype=np.float64)
    return two * (1, -1) if name.removeprefix("X_") == "spatial" else two


def read_for_curation(adata: AnnData, key: str) -> DatasetReport:
    """The report, if this version of the package can write all of it again.

    Raises
    ------
    MissingKeyError, ReportError
        As :func:`gca_scanpy._adata.write.read_report`, or if a later version wrote fields that this one does not know.
    """
    report = read_report(adata, key)
    if _minor(report.schema_version) > _minor(SCHEMA_VERSION):
        msg = (
            f"the report has schema version {report.schema_version}, but this package writes version {SCHEMA_VERSION} "
            "and would drop the new fields; install a later gca-scanpy"
        )
        raise ReportError(msg)
    return report


@frozen
class Curation:
    """What decisions change: columns of ``.obs``, entries of ``.uns[key]``, and colors in ``.uns``."""

    columns: dict[str, pd.Series]
    entries: dict[str, str]
    colors: dict[str, list[str]]


def curation_of(adata: AnnData, report: DatasetReport, key: str, palette: Palette) -> Curation:
    """What is written when a curator has decided.

    Raises
    ------
    MissingKeyError, InputError
        If the clusters are no longer those of the report.
    """
    columns = curated_columns(report, clusters_of(adata, report, key), key, adata.obs_names)
    entries = {UNS_REPORT: _codec.to_json(report), UNS_SCHEMA_VERSION: report.schema_version}
    return Curation(columns, entries, curated_colors(report, columns, key, palette.of_report(report)))


def write_curation(adata: AnnData, report: DatasetReport, key: str, palette: Palette) -> None:
    """Write the decisions, all or none of them; the results of the run stay as they are."""
    made = curation_of(adata, report, key, palette)
    store(adata, made.columns, {key: {**adata.uns[key], **made.entries}, **made.colors})


def keep_decisions(adata: AnnData, report: DatasetReport, clustering: Clustering, key: str) -> DatasetReport:
    """The report of a new run, with the decisions on the run that it replaces.

    The audit trail continues. A decision stays valid if its cluster has exactly the same cells. Otherwise, the cluster
    is open again, and a warning names it.
    """
    stored = adata.uns.get(key)
    text = stored.get(UNS_REPORT) if isinstance(stored, Mapping) else None
    if not isinstance(text, str) or not _codec.has_decisions(text):  # a quick check that avoids parsing the report
        return report
    try:
        earlier = read_report(adata, key)
    except GcaError:  # the earlier report is damaged
        return report
    report, reopened = carry_over(earlier, report, _unchanged(adata, earlier, clustering, key))
    if reopened:
        names = ", ".join(repr(name) for name in reopened[:MAX_LISTED])
        message = (
            f"curators had decided on the clusters {names}, whose cells are not the same in this run; these clusters "
            f"are open again, and gca_scanpy.get.curation(adata, {key!r}) lists the earlier decisions"
        )
        warn(message, CurationWarning)
    return report


def _unchanged(adata: AnnData, earlier: DatasetReport, clustering: Clustering, key: str) -> set[str]:
    """The requested clusters whose cells are the same as those that a curator decided on.

    Such a cluster has the same number of cells as before, and all of them carry the curated label.
    """
    column = ObsKeys(key).curated_label
    if column not in adata.obs.columns or clustering.groupby != earlier.parameters.get("groupby"):
        return set()
    labels = column_of(adata.obs, column).astype(object).to_numpy()
    sizes = clustering.sizes
    return {
        name
        for name, decision in standing(earlier).items()
        if name in clustering.ids
        and sizes[name] == earlier.cluster(name).n_cells
        and (labels[clustering.codes == clustering.all_ids.index(name)] == decision.to_label).all()
    }


def _minor(version: str) -> int:
    minor = version.partition(".")[2]
    return int(minor) if minor.isdigit() else 0


def check_column(adata: AnnData, column: str, groupby: str) -> None:
    """Refuse a column that would replace the clusters, or a result.

    Raises
    ------
    InputError
        It names the column.
    """
    results = {
        name
        for key, entry in adata.uns.items()
        if isinstance(entry, Mapping) and UNS_REPORT in entry
        for name in (*ObsKeys(str(key)).all(), ObsKeys(str(key)).curated_label, ObsKeys(str(key)).curated_ontology_id)
    }
    if column == groupby or column in results:
        what = "the clusters" if column == groupby else "a result"
        msg = f"key_added={column!r} would replace .obs[{column!r}], {what}; choose another key_added"
        raise InputError(msg)


def write_split(
    adata: AnnData, clustering: Clustering, states: Mapping[str, npt.NDArray[np.intp]], column: str
) -> None:
    """Write the clusters with their parts to ``.obs[column]``; if it fails, ``adata`` is left unchanged.

    Parameters
    ----------
    states
        For each cluster to be replaced the state of each of its cells, in the order of the cells.
    """
    names: list[str] = []
    codes = np.full(len(clustering.codes), -1, dtype=np.intp)
    for code, cluster in enumerate(clustering.all_ids):
        cells = np.flatnonzero(clustering.codes == code)
        told = states.get(cluster, np.full(len(cells), NEITHER, dtype=np.intp))
        for state, name in _parts(cluster, {*clustering.all_ids, *names}).items():
            if (told == state).any():
                codes[cells[told == state]] = len(names)
                names.append(name)
    categories = pd.Index(names, dtype=NAMES)
    store(
        adata, {column: pd.Series(pd.Categorical.from_codes(codes, categories=categories), index=adata.obs_names)}, {}
    )


def _parts(cluster: str, taken: Container[str]) -> dict[int, str]:
    """The name of each state's part, in the order of the categories; a name that is taken is not used again."""
    free = (f"{cluster},{number}" for number in count() if f"{cluster},{number}" not in taken)
    doublets = f"{cluster},doublets"
    while doublets in taken:
        doublets += "'"
    return {FIRST: next(free), SECOND: next(free), BOTH: doublets, NEITHER: cluster}
