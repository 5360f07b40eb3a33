"""A table of the clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Union

from gca_scanpy._adata import report_of
from gca_scanpy._core import table
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy.model import DatasetReport

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData


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
