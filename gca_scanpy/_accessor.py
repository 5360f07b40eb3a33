"""anndata's accessor: ``adata.gca.annotate(groupby="leiden")``. Imported only where anndata is, which it needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional

import anndata
from anndata import AnnData

import gca_scanpy

if TYPE_CHECKING:
    import pandas as pd

    from gca_scanpy.model import DatasetReport

NAME = "gca"
DEFAULT_KEY = "gptca"  # as in _keys, which needs attrs: whoever imports Scanpy is not to wait for what may not be used


class Accessor:
    """What this package does with an annotated object, as methods of it."""

    def __init__(self, adata: AnnData) -> None:  # anndata asks for this very name and type
        self._adata = adata

    def annotate(self, groupby: str, **options: Any) -> Optional[Any]:
        """Say what each cluster of cells is; as :func:`gca_scanpy.tl.annotate`.

        Parameters
        ----------
        groupby
            Column of ``adata.obs`` with the clusters.
        **options
            All options of that function.

        Returns
        -------
        AnnData or None
            As that function.

        Raises
        ------
        GcaError
            As that function.

        Examples
        --------
        >>> import scanpy as sc
        >>> import gca_scanpy as gca
        >>> adata = sc.datasets.pbmc68k_reduced()
        >>> adata.gca.annotate("louvain", tissue="blood")
        >>> adata.obs["gptca_label"].iloc[0] in set(adata.gca.clusters()["label"])
        True
        """
        return gca_scanpy.tl.annotate(self._adata, groupby, **options)

    def curate(self, labels: Optional[Mapping[Any, str]] = None, **options: Any) -> Optional[AnnData]:
        """Record what a curator decided; as :func:`gca_scanpy.tl.curate`.

        Parameters
        ----------
        labels
            New label by cluster.
        **options
            All options of that function.

        Returns
        -------
        AnnData or None
            As that function.

        Raises
        ------
        GcaError
            As that function.

        Examples
        --------
        >>> import scanpy as sc
        >>> import gca_scanpy as gca
        >>> adata = sc.datasets.pbmc68k_reduced()
        >>> gca.tl.annotate(adata, groupby="louvain", tissue="blood")
        >>> adata.gca.curate({"5": "classical monocyte"}, who="Ada Lovelace")
        >>> adata.gca.curation()["to_label"].tolist()
        ['classical monocyte']
        """
        return gca_scanpy.tl.curate(self._adata, labels, **options)

    def curation(self, key: str = DEFAULT_KEY) -> pd.DataFrame:
        """Get what curators decided; as :func:`gca_scanpy.get.curation`.

        Parameters
        ----------
        key
            The ``key_added`` of the run.

        Returns
        -------
        pandas.DataFrame
            A row per decision.

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
        >>> len(adata.gca.curation())
        0
        """
        return gca_scanpy.get.curation(self._adata, key)

    def report(self, key: str = DEFAULT_KEY) -> DatasetReport:
        """Get the report of a run; as :func:`gca_scanpy.get.report`.

        Parameters
        ----------
        key
            The ``key_added`` of the run.

        Returns
        -------
        DatasetReport
            Frozen.

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
        >>> adata.gca.report().summary.total_clusters
        11
        """
        return gca_scanpy.get.report(self._adata, key)

    def clusters(self, key: str = DEFAULT_KEY) -> pd.DataFrame:
        """Get the clusters as a table; as :func:`gca_scanpy.get.clusters`.

        Parameters
        ----------
        key
            The ``key_added`` of the run.

        Returns
        -------
        pandas.DataFrame
            A row per cluster.

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
        >>> len(adata.gca.clusters())
        11
        """
        return gca_scanpy.get.clusters(self._adata, key)


def register() -> None:
    """Give every AnnData its ``gca``, once; another package that was there first keeps the name."""
    if not hasattr(AnnData, NAME):
        anndata.register_anndata_namespace(NAME)(Accessor)
