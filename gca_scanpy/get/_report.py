"""The report of a run, its clusters and its curation as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Union

from gca_scanpy._adata import read_report, report_of
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy._reporting import table
from gca_scanpy.model import DatasetReport

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData


def report(adata: AnnData, key: str = DEFAULT_KEY) -> DatasetReport:
    """Get the report that :func:`gca_scanpy.tl.annotate` left in ``adata.uns``.

    Parameters
    ----------
    adata
        An annotated object.
    key
        The ``key_added`` of the run.

    Returns
    -------
    DatasetReport
        Frozen; ``report.clusters`` has a :class:`~gca_scanpy.model.ClusterReport` for each cluster.

    Raises
    ------
    MissingKeyError
        Where there is no report under this key.
    ReportError
        Where what is there cannot be read.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> gca.tl.annotate(adata, groupby="louvain", tissue="blood")
    >>> gca.get.report(adata).summary.total_clusters
    11
    """
    return read_report(adata, key)


def clusters(data: Union[AnnData, DatasetReport], key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Get the clusters as a table, a row per cluster in the order of the data.

    Parameters
    ----------
    data
        An annotated object, or a report.
    key
        The ``key_added`` of the run; not used with a report.

    Returns
    -------
    pandas.DataFrame
        Index ``cluster``; columns ``n_cells``, ``label``, ``proposed_label``, ``broad_label``, ``ontology_id``,
        ``confidence``, ``confidence_score``, ``status``, ``flags``, ``supporting_markers``,
        ``contradictory_markers``, ``states`` (lists joined by commas).

    Raises
    ------
    MissingKeyError
        Where there is no report under this key.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> report = gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B", "BANK1"]}, tissue="blood")
    >>> gca.get.clusters(report).loc["0", "label"]
    'B cell'
    """
    report = report_of(data, key)
    rows = [table.row(cluster) for cluster in report.clusters]
    return table.as_frame([cluster.cluster_id for cluster in report.clusters], rows, table.MAIN_COLUMNS)


def curation(data: Union[AnnData, DatasetReport], key: str = DEFAULT_KEY) -> pd.DataFrame:
    """Get the audit trail: what curators decided, a row per decision, oldest first.

    Parameters
    ----------
    data
        An annotated object, or a report.
    key
        The ``key_added`` of the run; not used with a report.

    Returns
    -------
    pandas.DataFrame
        Index ``cluster``; columns ``kind``, ``from_label``, ``from_ontology_id``, ``to_label``, ``to_ontology_id``,
        ``who``, ``when`` (UTC), ``why``, and ``stands``: whether it is the decision that holds for its cluster.

    Raises
    ------
    MissingKeyError
        Where there is no report under this key.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> gca.tl.annotate(adata, groupby="louvain", tissue="blood")
    >>> gca.tl.curate(adata, {"5": "pDC"}, who="Ada Lovelace")
    >>> decisions = gca.get.curation(adata)
    >>> decisions[decisions["stands"]].loc["5", "to_label"]
    'plasmacytoid dendritic cell'
    """
    report = report_of(data, key)
    ids = [decision.cluster_id for decision in report.audit]
    return table.as_frame(ids, table.audit_rows(report), table.AUDIT_COLUMNS)
