"""The report of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gca_scanpy._adata import read_report
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy.model import DatasetReport

if TYPE_CHECKING:
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
