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
        """Say what each cluster of cells is; as :func:`gca_scanpy.tl.annotate`, with all its options."""
        return gca_scanpy.tl.annotate(self._adata, groupby, **options)

    def curate(self, labels: Optional[Mapping[Any, str]] = None, **options: Any) -> Optional[Any]:
        """Record what a curator decided; as :func:`gca_scanpy.tl.curate`, with all its options."""
        return gca_scanpy.tl.curate(self._adata, labels, **options)

    def curation(self, key: str = DEFAULT_KEY) -> pd.DataFrame:
        """Get what curators decided; as :func:`gca_scanpy.get.curation`."""
        return gca_scanpy.get.curation(self._adata, key)

    def report(self, key: str = DEFAULT_KEY) -> DatasetReport:
        """Get the report of a run; as :func:`gca_scanpy.get.report`."""
        return gca_scanpy.get.report(self._adata, key)

    def clusters(self, key: str = DEFAULT_KEY) -> pd.DataFrame:
        """Get the clusters as a table; as :func:`gca_scanpy.get.clusters`."""
        return gca_scanpy.get.clusters(self._adata, key)


def register() -> None:
    """Give every AnnData its ``gca``, once; another package that was there first keeps the name."""
    if not hasattr(AnnData, NAME):
        anndata.register_anndata_namespace(NAME)(Accessor)
