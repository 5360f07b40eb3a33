"""Other ways to call the public functions: ``adata.gca``, an accessor of anndata, and a deprecated name.

This module is imported only after anndata, which it needs. docs/migration.md shows what takes the place of the name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

import anndata
from anndata import AnnData

import gca_scanpy
from gca_scanpy._arguments import checked
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy.errors import DeprecatedNameWarning, warn

if TYPE_CHECKING:
    import pandas as pd

    from gca_scanpy._judging.contrast import Contrast
    from gca_scanpy._llm.prompt import Plan
    from gca_scanpy.model import DatasetReport

NAME = "gca"


class Accessor:
    """The functions of ``tl`` and ``get`` as methods of an AnnData object.

    A method passes its arguments to the function of the same name, which documents them.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> adata.gca.annotate("louvain", tissue="blood")
    >>> adata.gca.curate({"5": "pDC"}, who="Ada Lovelace")
    >>> adata.gca.report().summary.total_clusters, len(adata.gca.clusters()), len(adata.gca.curation())
    (11, 11, 1)
    """

    def __init__(self, adata: AnnData) -> None:  # anndata requires this name and this type
        self._adata = adata

    def annotate(self, groupby: str, **options: Any) -> Optional[AnnData]:
        """Name each cluster of cells, see :func:`gca_scanpy.tl.annotate`."""
        return gca_scanpy.tl.annotate(self._adata, groupby, **options)

    def harmonize(self, groupby: str, sample_key: str, **options: Any) -> Optional[AnnData]:
        """Name the same kind of cell alike across samples, see :func:`gca_scanpy.tl.harmonize`."""
        return gca_scanpy.tl.harmonize(self._adata, groupby, sample_key, **options)

    def validate(self, groupby: str, labels: str, **options: Any) -> Optional[AnnData]:
        """Check the labels of cells, see :func:`gca_scanpy.tl.validate`."""
        return gca_scanpy.tl.validate(self._adata, groupby, labels, **options)

    def plan(self, groupby: str, **options: Any) -> Plan:
        """Show what would be sent to language models, see :func:`gca_scanpy.tl.plan`."""
        return gca_scanpy.tl.plan(self._adata, groupby, **options)

    def curate(self, labels: Optional[Mapping[Any, str]] = None, **options: Any) -> Optional[AnnData]:
        """Record the decisions of a curator, see :func:`gca_scanpy.tl.curate`."""
        return gca_scanpy.tl.curate(self._adata, labels, **options)

    def consensus(self, keys: Sequence[str], groupby: Optional[str] = None, **options: Any) -> Optional[AnnData]:
        """Join the labels of several tools, see :func:`gca_scanpy.tl.consensus`."""
        return gca_scanpy.tl.consensus(self._adata, keys, groupby, **options)

    def split(self, clusters: Optional[Union[str, Iterable[Any]]] = None, **options: Any) -> Optional[AnnData]:
        """Take mixed clusters apart, see :func:`gca_scanpy.tl.split`."""
        return gca_scanpy.tl.split(self._adata, clusters, **options)

    def to_cellxgene(self, key: str = DEFAULT_KEY, **options: Any) -> Optional[AnnData]:
        """Fill the cell type column of CELLxGENE, see :func:`gca_scanpy.tl.to_cellxgene`."""
        return gca_scanpy.tl.to_cellxgene(self._adata, key, **options)

    def report(self, key: str = DEFAULT_KEY) -> DatasetReport:
        """Get the report of a run, see :func:`gca_scanpy.get.report`."""
        return gca_scanpy.get.report(self._adata, key)

    def clusters(self, key: str = DEFAULT_KEY) -> pd.DataFrame:
        """Get the clusters as a table, see :func:`gca_scanpy.get.clusters`."""
        return gca_scanpy.get.clusters(self._adata, key)

    def contrast(
        self, cluster: str, first: Optional[str] = None, second: Optional[str] = None, **options: Any
    ) -> Contrast:
        """Get the genes that separate two types in a cluster, see :func:`gca_scanpy.get.contrast`."""
        return gca_scanpy.get.contrast(self._adata, cluster, first, second, **options)

    def curation(self, key: str = DEFAULT_KEY) -> pd.DataFrame:
        """Get the decisions of curators as a table, see :func:`gca_scanpy.get.curation`."""
        return gca_scanpy.get.curation(self._adata, key)

    def references(self, key: str = DEFAULT_KEY, **options: Any) -> str:
        """Get the references of the evidence, see :func:`gca_scanpy.get.references`."""
        return gca_scanpy.get.references(self._adata, key, **options)

    def methods(self, key: str = DEFAULT_KEY, **options: Any) -> str:
        """Get a methods paragraph, see :func:`gca_scanpy.get.methods`."""
        return gca_scanpy.get.methods(self._adata, key, **options)

    def agreement(self, first: str, second: str, **options: Any) -> pd.DataFrame:
        """Compare two columns of labels, see :func:`gca_scanpy.get.agreement`."""
        return gca_scanpy.get.agreement(self._adata, first, second, **options)


def register() -> None:
    """Give every AnnData object its ``gca``, once; if another package has taken the name, that package keeps it."""
    if not hasattr(AnnData, NAME):
        anndata.register_anndata_namespace(NAME)(Accessor)


@checked()
def annotate_anndata(
    adata: AnnData,
    cluster_key: str,
    *,
    species: str,
    tissue: Optional[str] = None,
    top_n_markers: int = 50,
    result_prefix: str = DEFAULT_KEY,
    marker_db: Any = None,
) -> DatasetReport:
    """Call :func:`gca_scanpy.tl.annotate` by an older name (deprecated), and get its report.

    Parameters
    ----------
    adata, species, tissue, marker_db
        As in :func:`gca_scanpy.tl.annotate`.
    cluster_key, top_n_markers, result_prefix
        Older names of ``groupby``, ``n_markers`` and ``key_added``.

    Returns
    -------
    DatasetReport
        The report, which is in ``adata.uns`` as well.

    Raises
    ------
    GcaError
        As :func:`gca_scanpy.tl.annotate` does.

    Examples
    --------
    >>> import warnings
    >>> import scanpy as sc
    >>> from gca_scanpy import annotate_anndata
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", DeprecationWarning)
    ...     report = annotate_anndata(adata, "louvain", species="human", tissue="blood")
    >>> report.summary.total_clusters
    11
    """
    msg = f"annotate_anndata is deprecated; call gca_scanpy.tl.annotate(adata, groupby={cluster_key!r})"
    warn(msg, DeprecatedNameWarning)
    options = {"species": species, "tissue": tissue, "marker_db": marker_db}
    gca_scanpy.tl.annotate(adata, cluster_key, n_markers=top_n_markers, key_added=result_prefix, **options)
    return gca_scanpy.get.report(adata, result_prefix)
