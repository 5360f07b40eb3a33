"""What a run would send to language models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Optional

from gca_scanpy import _pipeline
from gca_scanpy._arguments import checked
from gca_scanpy._llm.asking import ModelLike
from gca_scanpy._llm.question import Plan
from gca_scanpy._places import Tissue
from gca_scanpy.tl._request import Cells, with_model

if TYPE_CHECKING:
    from anndata import AnnData


@checked()
def plan(
    adata: AnnData,
    groupby: str,
    *,
    model: ModelLike = None,
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
) -> Plan:
    """Show what :func:`gca_scanpy.tl.annotate` would send to language models; nothing is sent or written.

    Parameters
    ----------
    adata
        Annotated data, log-normalized, shape (n_obs, n_vars).
    groupby
        Column of ``adata.obs`` with the clusters.
    model
        The models, as in :func:`gca_scanpy.tl.annotate`. Without one the plan is empty, because every cluster is
        answered offline.
    species, tissue, marker_db, n_markers, groups, rank_key, method, use_raw, layer, gene_symbols
        As in :func:`gca_scanpy.tl.annotate`.

    Returns
    -------
    Plan
        The exact messages, about how many tokens they have, and which clusters are answered offline.

    Raises
    ------
    MissingKeyError
        If ``groupby``, ``layer``, ``rank_key`` or ``gene_symbols`` does not exist.
    InputError
        If an argument cannot be used.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> model = gca.LanguageModel("my-model", base_url="http://127.0.0.1:8080")
    >>> gca.tl.plan(adata, "louvain", model=gca.Asking(model, cache=False)).n_requests
    1
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
    request = cells.request(species=species, tissue=tissue, marker_db=marker_db, groups=groups)
    request = with_model(request, model)
    return _pipeline.plan(cells.markers().clusters, request)
