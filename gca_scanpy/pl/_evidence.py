"""The supporting markers of each label, and the genes that separate two types, as Scanpy's dot plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional

import pandas as pd

from gca_scanpy import get
from gca_scanpy._adata import Clustering, genes_of, read_report, reported_clustering, rows_of
from gca_scanpy._adata.objects import as_in_the_run
from gca_scanpy._arguments import COUNT, LABEL_STYLE, TYPE, checked, optional
from gca_scanpy._judging.contrast import Contrast
from gca_scanpy._keys import DEFAULT_KEY, UNKNOWN_LABEL
from gca_scanpy._names.ontology import sort_key
from gca_scanpy._reporting.display import Labels
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError
from gca_scanpy.model import ClusterReport
from gca_scanpy.pl._figure import (
    CELL,
    Save,
    cell_size,
    chosen,
    distinct,
    drawn,
    finish,
    fitted,
    ink,
    report_to_draw,
    row_names,
    visible_blues,
)

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LONGEST_HEADING, LONGEST_ROW = 32, 40  # letters
HEADING_SIZE = 8  # points
MARGIN = 0.08  # inches
MOST_COLUMNS = 60
ROWS = "cluster"


@checked(labels=LABEL_STYLE, n_genes=optional(COUNT))
@drawn
def evidence(
    adata: AnnData,
    *,
    key: str = DEFAULT_KEY,
    n_genes: Optional[int] = None,
    clusters: Optional[Sequence[str]] = None,
    use_raw: Optional[bool] = None,
    layer: Optional[str] = None,
    gene_symbols: Optional[str] = None,
    labels: Labels = "full",
    ax: Optional[Axes] = None,
    show: Optional[bool] = None,
    save: Save = None,
    return_fig: bool = False,
    **options: Any,
) -> Any:
    """Draw the expression of each label's supporting markers in all clusters, by :func:`scanpy.pl.dotplot`.

    Clusters and labels are sorted by the ontology, so that correct labels make a diagonal. Clusters with the same label
    share its markers. Genes that the object no longer has are left out, and so are labels that have no genes left.

    Parameters
    ----------
    adata
        An annotated object.
    key
        The ``key_added`` of the run.
    n_genes
        Number of markers of each label; the strongest come first. If None, it is 3, or fewer if the picture would have
        more than 60 columns.
    clusters
        The clusters whose labels are shown; all if None. The rows always show all clusters.
    use_raw, layer, gene_symbols
        The expression values and the names of the genes to use, as in :func:`gca_scanpy.tl.annotate`. If all are None,
        those of the run.
    %(labels)s
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
        If there is nothing to show, or if the report lacks a named cluster.
    MissingKeyError
        If there is no report under this key, or if the column of the clusters is missing.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> gca.tl.annotate(adata, groupby="louvain", tissue="blood")
    >>> axes = gca.pl.evidence(adata, show=False)
    """
    report = report_to_draw(adata, key, labels)
    if use_raw is None and layer is None and gene_symbols is None:
        use_raw, layer, gene_symbols = as_in_the_run(adata, report.parameters)
    ordered = sorted(report.clusters, key=lambda c: (sort_key(_term(c), _bundled.lineages()), _label(c)))
    wanted = {c.cluster_id for c in chosen(report, clusters)}
    genes = [gene for c in ordered if c.cluster_id in wanted for gene in c.validation.supporting_markers]
    names = _bundled.gene_names()
    shown = genes_of(adata, genes, use_raw=use_raw, layer=layer, gene_symbols=gene_symbols, known=names)
    groups = _markers([c for c in ordered if c.cluster_id in wanted], set(shown.var_names), n_genes)
    if not groups:
        msg = "nothing to show: no label of these clusters has a supporting marker among the genes of the object"
        raise InputError(msg)
    shown.obs[ROWS] = rows_in_order(ordered, reported_clustering(adata, report))
    shown = shown[shown.obs[ROWS].notna().to_numpy()].copy()
    headings = distinct(fitted(list(groups), LONGEST_HEADING))
    named = dict(zip(headings, groups.values()))
    return draw_dots(shown, named, "evidence", ax=ax, show=show, save=save, return_fig=return_fig, options=options)


def draw_dots(
    shown: AnnData,
    groups: Mapping[str, Sequence[str]],
    name: str,
    *,
    ax: Optional[Axes],
    show: Optional[bool],
    save: Save,
    return_fig: bool,
    options: Mapping[str, Any],
) -> Any:
    """Scanpy's dot plot of these groups of genes, with a row for each value of the column ``ROWS``.

    Raises
    ------
    InputError
        If Scanpy cannot draw with the options.
    """
    import scanpy as sc

    try:
        plot = sc.pl.dotplot(
            shown, groups, ROWS, ax=ax, show=False, return_fig=True,
            **{"var_group_rotation": 90, "cmap": "Blues" if ink(ax) == "black" else visible_blues(ax), **options},
        )  # fmt: skip
        # Scanpy gives each field 0.37 inches, however many there are; about 0.7 of that is left for the dots.
        sizes = [1.4 * cell_size(n, 0.23) for n in (sum(map(len, groups.values())), shown.obs[ROWS].nunique())]
        if "figsize" not in options:
            plot.DEFAULT_CATEGORY_WIDTH, plot.DEFAULT_CATEGORY_HEIGHT = sizes
            plot.largest_dot = (0.53 * 72 * min(sizes)) ** 2  # style() of Scanpy 1.9 would reset the colors
        if return_fig:
            return plot
        plot.make_figure()
    except TypeError:  # an option that there is not
        raise
    except Exception as error:  # the options are Scanpy's, and so are the reasons
        msg = f"scanpy.pl.dotplot cannot draw with the options {', '.join(options) or 'of this plot'}: {error}"
        raise InputError(msg) from error
    axes = plot.get_axes()
    fig = axes["mainplot_ax"].figure.figure
    if min(sizes) < 1.4 * CELL:
        axes["mainplot_ax"].tick_params(labelsize=7)
    for text in axes["gene_group_ax"].texts if "gene_group_ax" in axes else ():
        text.set_fontsize(HEADING_SIZE)
    if ax is None:
        _fit(fig)
    return finish(fig, axes, name, given=ax is not None, show=show, save=save, return_fig=False)


def _label(cluster: ClusterReport) -> str:
    """The label whose evidence is shown: the judged one, to which the supporting markers belong."""
    return cluster.judged[0]


def _term(cluster: ClusterReport) -> Optional[str]:
    return None if _label(cluster) == UNKNOWN_LABEL else cluster.judged[1]


def _markers(clusters: Sequence[ClusterReport], available: set[str], n_genes: Optional[int]) -> dict[str, list[str]]:
    """The markers of each label, the strongest first; several clusters with one label contribute in turns."""
    ranked: dict[str, list[tuple[int, str]]] = {}
    for cluster in clusters:
        genes = [gene for gene in cluster.validation.supporting_markers if gene in available]
        ranked.setdefault(_label(cluster), []).extend(enumerate(genes))
    most = n_genes or max(1, min(3, MOST_COLUMNS // max(len(ranked), 1)))
    best = {label: list(dict.fromkeys(gene for _, gene in sorted(pairs)))[:most] for label, pairs in ranked.items()}
    return {label: genes for label, genes in best.items() if genes and label != UNKNOWN_LABEL}


def rows_in_order(ordered: Sequence[ClusterReport], clustering: Clustering) -> pd.Categorical:
    """The row of each cell: its cluster and label, in the order of these clusters."""
    labels = fitted([_label(cluster) for cluster in ordered], LONGEST_ROW)
    names = distinct(row_names(ordered, labels))
    return pd.Categorical.from_codes(rows_of(ordered, clustering), categories=names).remove_unused_categories()


def _fit(fig: Figure) -> None:
    """Make the figure as large as everything that is drawn, and leave the axes as they are.

    Scanpy sizes its plots by the number of rows and columns, without regard to their names.
    """
    fig.canvas.draw()
    box = fig.get_tightbbox().padded(MARGIN)
    width, height = fig.get_size_inches()
    margins = fig.subplotpars
    fig.set_size_inches(box.width, box.height)
    fig.subplots_adjust(
        left=(margins.left * width - box.x0) / box.width,
        right=(margins.right * width - box.x0) / box.width,
        bottom=(margins.bottom * height - box.y0) / box.height,
        top=(margins.top * height - box.y0) / box.height,
    )


@checked(first=optional(TYPE), second=optional(TYPE))
@drawn
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
