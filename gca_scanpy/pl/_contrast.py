"""The genes that separate two types, in the clusters of both, as Scanpy's dot plot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from gca_scanpy import get
from gca_scanpy._adata import genes_of, read_report, reported_clustering
from gca_scanpy._adata.matrix import as_in_the_run
from gca_scanpy._arguments import TYPE, checked, optional
from gca_scanpy._judging.contrast import Contrast
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError
from gca_scanpy.model import ClusterReport
from gca_scanpy.pl._evidence import LONGEST_HEADING, ROWS, draw_dots, rows_in_order
from gca_scanpy.pl._figure import Save, distinct, documented, fitted

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.axes import Axes


@checked(first=optional(TYPE), second=optional(TYPE))
@documented
def contrast(
    adata: AnnData,
    cluster: str,
    first: Optional[str] = None,
    second: Optional[str] = None,
    *,
    key: str = DEFAULT_KEY,
    n_genes: int = 6,
    marker_db: Any = None,
    ax: Optional[Axes] = None,
    show: Optional[bool] = None,
    save: Save = None,
    return_fig: bool = False,
    **options: Any,
) -> Any:
    """Draw the genes that separate two types, by :func:`scanpy.pl.dotplot`.

    There is a group of genes for each of the two types, from :func:`gca_scanpy.get.contrast`, the most telling first.
    The rows are the cluster, and the clusters whose label is one of the types, an ancestor or a subtype of one.

    Parameters
    ----------
    adata
        An annotated object.
    cluster, first, second, marker_db
        As in :func:`gca_scanpy.get.contrast`.
    key
        The ``key_added`` of the run.
    n_genes
        Number of genes of each type.
    %(ax)s
    show, save
        As in Scanpy's plots. ``save`` may also be a path.
    return_fig
        Return Scanpy's plot, so that it can be changed before it is drawn.
    **options
        Other options of :func:`scanpy.pl.dotplot`, such as ``standard_scale="var"``.

    Returns
    -------
    dict of matplotlib.axes.Axes, scanpy.pl.DotPlot or None
        As Scanpy: the axes; None if they are shown; the plot if ``return_fig`` is set.

    Raises
    ------
    InputError
        If the contrast cannot be made, or the object has none of its genes.
    MissingKeyError
        If there is no report under this key, or no such cluster.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> gca.tl.annotate(adata, groupby="louvain", tissue="blood")
    >>> axes = gca.pl.contrast(adata, "0", "T cell", "NK cell", show=False)
    """
    report = read_report(adata, key)
    found = get.contrast(adata, cluster, first, second, key=key, marker_db=marker_db)
    groups = _groups(found, n_genes)
    if not groups:
        msg = f"nothing to show: the object has none of the genes that separate {found.first} from {found.second}"
        raise InputError(msg)
    use_raw, layer, symbols = as_in_the_run(adata, report.parameters)
    genes = [gene for names in groups.values() for gene in names]
    known = _bundled.gene_names()
    shown = genes_of(adata, genes, use_raw=use_raw, layer=layer, gene_symbols=symbols, known=known)
    chosen = [one for one in report.clusters if one.cluster_id == cluster or _is_of(one, found)]
    shown.obs[ROWS] = rows_in_order(chosen, reported_clustering(adata, report))
    shown = shown[shown.obs[ROWS].notna().to_numpy()].copy()
    headings = distinct(fitted(list(groups), LONGEST_HEADING))
    named = dict(zip(headings, groups.values()))
    return draw_dots(shown, named, "contrast", ax=ax, show=show, save=save, return_fig=return_fig, options=options)


def _groups(found: Contrast, n_genes: int) -> dict[str, list[str]]:
    """The measured markers of each type, the most telling first."""
    groups = {
        label: [gene.gene for gene in found.for_type(label) if gene.is_measured and gene.kind == "marker"][:n_genes]
        for label in (found.first, found.second)
    }
    return {label: genes for label, genes in groups.items() if genes}


def _is_of(cluster: ClusterReport, found: Contrast) -> bool:
    """Whether the label of a cluster is one of the two types or a relative of one."""
    label, term = cluster.judged
    related = _bundled.ontology().related
    ids = [one for one in (found.first_id, found.second_id) if one is not None]
    return label in (found.first, found.second) or (term is not None and any(related(term, one) for one in ids))
