"""``annotate_anndata`` by its older name and arguments; docs/migration.md shows what takes their place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from gca_scanpy import get, tl
from gca_scanpy._arguments import checked
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy.errors import DeprecatedNameWarning, warn

if TYPE_CHECKING:
    from anndata import AnnData

    from gca_scanpy.model import DatasetReport


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
    tl.annotate(adata, cluster_key, n_markers=top_n_markers, key_added=result_prefix, **options)
    return get.report(adata, result_prefix)
