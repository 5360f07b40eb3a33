"""What curators decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Union

from gca_scanpy._adata import report_of
from gca_scanpy._core import table
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy.model import DatasetReport

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData


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
