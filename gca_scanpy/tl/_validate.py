"""Check labels that the cells already have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Optional

from attrs import evolve

from gca_scanpy._adata import majority_labels
from gca_scanpy._arguments import COLUMN, checked
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy._places import Tissue
from gca_scanpy._propose import Given
from gca_scanpy.tl._request import Cells

if TYPE_CHECKING:
    from anndata import AnnData


@checked(labels=COLUMN)
def validate(
    adata: AnnData,
    groupby: str,
    labels: str,
    *,
    species: str = "human",
    tissue: Tissue = None,
    marker_db: Any = None,
    n_markers: int = 50,
    groups: Optional[Sequence[str]] = None,
    rank_key: str = "rank_genes_groups",
    method: str = "t-test",
    use_raw: Optional[bool] = None,
    layer: Optional[str] = None,
    gene_symbols: Optional[str] = None,
    key_added: str = DEFAULT_KEY,
    copy: bool = False,
) -> Optional[AnnData]:
    """Check the labels of cells against the evidence, and propose none.

    The most frequent label of each cluster is judged as a proposed label is in :func:`gca_scanpy.tl.annotate`: it is
    supported, or flagged with reasons. No language model is asked, whatever the settings say.

    Parameters
    ----------
    adata
        Annotated data, log-normalized, shape (n_obs, n_vars). Only the keys below are written.
    groupby
        Column of ``adata.obs`` with the clusters.
    labels
        Column of ``adata.obs`` with the labels. If some cells of a cluster have another one, the report says so.
    species, tissue, marker_db, n_markers, groups, rank_key, method, use_raw, layer, gene_symbols, key_added, copy
        As in :func:`gca_scanpy.tl.annotate`.

    Returns
    -------
    AnnData or None
        The copy if ``copy`` is true. The keys are those of :func:`gca_scanpy.tl.annotate`;
        ``.obs["gptca_proposed_label"]`` is the label that was checked.

    Raises
    ------
    MissingKeyError
        If ``groupby``, ``labels``, ``layer``, ``rank_key`` or ``gene_symbols`` does not exist.
    InputError
        If an argument cannot be used. ``adata`` is untouched whenever an error is raised.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> gca.tl.validate(adata, "louvain", "bulk_labels", tissue="blood")
    >>> gca.get.clusters(adata)["status"].value_counts().index[0]
    'supported'
    """
    cells = Cells.read(
        adata,
        groupby,
        groups,
        n_markers=n_markers,
        rank_key=rank_key,
        method=method,
        use_raw=use_raw,
        layer=layer,
        gene_symbols=gene_symbols,
    )
    given = Given(majority_labels(adata, cells.clustering, labels))
    request = cells.request(
        species=species, tissue=tissue, marker_db=marker_db, groups=groups, labels=labels, key_added=key_added
    )
    return cells.label(evolve(request, proposer=given), key_added, copy=copy)
