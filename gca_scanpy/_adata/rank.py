"""The ranked marker genes of each cluster: those stored in ``.uns`` where they belong to these clusters, else anew."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Optional

import numpy as np
import pandas as pd
from scipy import sparse

from gca_scanpy._adata import welch
from gca_scanpy._adata.chunked import gather_chunked, is_chunked
from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._adata.expression import Expressed, expressed
from gca_scanpy._adata.matrix import NOT_FINITE, Matrix, source
from gca_scanpy._adata.moments import Moments, gather
from gca_scanpy._adata.stored import CHANCE, MIN_CELLS, positive, rankable, read_stored
from gca_scanpy._adata.symbols import gene_labels, texts
from gca_scanpy._adata.tables import frame
from gca_scanpy._core.states import informative
from gca_scanpy._errors import InputError, RawCountsWarning, warn
from gca_scanpy.model import ClusterMarkers, RankedGene

if TYPE_CHECKING:
    from anndata import AnnData

OWN_KEY = "ranking"
SPARE = 4  # times as many genes are ranked as are used, because many may be ribosomal
SAMPLED_CELLS = 200  # of each cluster, for what is looked up beside a ranking
LOGREG_OF_TWO = "logreg ranks only one of two clusters, so these genes were ranked by t-test"


def read_markers(
    adata: AnnData,
    clustering: Clustering,
    *,
    n_markers: int,
    rank_key: str,
    method: str,
    use_raw: Optional[bool],
    layer: Optional[str],
    gene_symbols: Optional[str],
) -> tuple[ClusterMarkers, ...]:
    """The marker genes of each asked cluster, best first, without touching ``adata``.

    A cluster that cannot be ranked (one cell, or no other cluster to compare it with) has no gene and a
    warning that says why.
    """
    labels = _labels(adata, source(adata, use_raw, layer)[1], gene_symbols)
    n_genes = SPARE * n_markers
    notes: tuple[str, ...] = ()
    tested: Mapping[str, Sequence[str]] = {}
    stored = read_stored(adata, clustering, rank_key, use_raw, layer, labels, n_genes)
    if stored is not None:
        ranking: Mapping[str, Sequence[str]] = stored.genes
        matrix = Matrix.read_beside(adata, stored.use_raw, stored.layer)
        thinned = clustering.thinned(SAMPLED_CELLS)
        moments = _moments(matrix, thinned) if matrix is not None else None
        if matrix is not None and moments is not None and stored.is_logreg:
            # Its coefficients tell clusters apart jointly; a gene's own difference says more about what a cell is.
            tested = _by_moments(moments, matrix, thinned, n_genes)
    else:
        matrix = Matrix.read(adata, use_raw, layer)
        if method == "logreg" and len(rankable(clustering.all_ids, clustering)) == 2:
            method, notes = "t-test", (LOGREG_OF_TWO,)
        if method == "t-test":
            moments = _moments(matrix, clustering)
            ranking = _by_moments(moments, matrix, clustering, n_genes)
        else:
            moments = _moments(matrix, clustering.thinned(SAMPLED_CELLS))
            ranking = _by_scanpy(matrix, clustering, method, n_genes)
        if matrix.counts:
            message = "the values look like raw counts; they were log-normalised (1e4 per cell) for the ranking only"
            warn(message, RawCountsWarning)
    beside = _beside(moments, matrix, clustering)
    sizes = clustering.sizes
    made: dict[str, RankedGene] = {}
    return tuple(
        ClusterMarkers(
            cluster_id=key,
            genes=_leading(ranking.get(key, ()), labels, n_markers),
            expressed=_leading(tested.get(key, ()), labels, n_markers),
            present=_named(beside[key].present, labels, made) if key in beside else (),
            absent=_named(beside[key].absent, labels, made) if key in beside else (),
            n_cells=sizes[key],
            warnings=notes if ranking.get(key) else (_reason(key, clustering),),
        )
        for key in clustering.ids
    )


def _leading(names: Sequence[str], labels: Mapping[str, str], n_markers: int) -> tuple[RankedGene, ...]:
    return tuple(RankedGene(name) for name in informative([labels.get(name, name) for name in names], n_markers))


def _named(names: Sequence[str], labels: Mapping[str, str], made: dict[str, RankedGene]) -> tuple[RankedGene, ...]:
    """Objects for thousands of genes, one for each that several clusters have."""
    for name in names:
        if name not in made:
            made[name] = RankedGene(labels.get(name, name))
    return tuple(made[name] for name in names)


def _reason(key: str, clustering: Clustering) -> str:
    if clustering.sizes[key] < MIN_CELLS:
        return "the cluster has one cell, so no marker genes can be computed for it"
    if len(clustering.all_ids) < 2:
        return "there is only one cluster, so there is nothing to compare it with"
    if sum(clustering.sizes.values()) - clustering.sizes[key] < MIN_CELLS:
        return "there is only one cell outside the cluster, so no marker genes can be computed for it"
    return "no gene is higher in this cluster than in the others beyond chance"


def _labels(adata: AnnData, var: pd.DataFrame, gene_symbols: Optional[str]) -> dict[str, str]:
    """Gene symbols by gene name, of the matrix to rank; what it does not tell, ``.var`` and ``.raw.var`` do."""
    others = [frame(adata.var), *([frame(adata.raw.var)] if adata.raw is not None else [])]
    tables = [var, *(table for table in others if table is not var)]
    if gene_symbols is not None:
        tables = [table for table in tables if gene_symbols in table.columns] or [var]  # or: the error that lists them
    labels: dict[str, str] = {}
    for table in tables:
        for name, label in zip(texts(table.index), gene_labels(table, gene_symbols)):
            if labels.get(name, name) == name:
                labels[name] = label
    return labels


def _moments(matrix: Matrix, clustering: Clustering) -> Moments:
    if not is_chunked(matrix.data):
        return gather(matrix.data, clustering, counts=matrix.counts)
    found = gather_chunked(matrix.data, clustering, counts=matrix.counts)
    if matrix.counts and not np.isfinite(found.sums).all():
        raise InputError(NOT_FINITE)
    return found


def _by_moments(moments: Moments, matrix: Matrix, clustering: Clustering, n_genes: int) -> dict[str, list[str]]:
    """Genes that are higher in a cluster than in the other cells beyond chance, by Welch's t statistic."""
    if len(clustering.all_ids) < 2:
        return {}
    rows = {key: row for row, key in enumerate(clustering.all_ids)}
    found = {}
    for key in rankable(clustering.ids, clustering):
        test = welch.compare(moments, rows[key])
        leading = np.argsort(-test.scores, kind="stable")[:n_genes]
        # NaN passes: scaled data has no fold changes; then the score decides. In a panel of few genes the list would
        # end in those that are higher by chance.
        higher = (test.scores[leading] > 0) & ~(test.fold_changes[leading] <= 0)
        kept = leading[higher & (test.p_values(leading) <= CHANCE)]
        found[key] = [matrix.names[gene] for gene in kept]
    return found


def _beside(moments: Optional[Moments], matrix: Optional[Matrix], clustering: Clustering) -> dict[str, Expressed]:
    if moments is None or matrix is None:
        return {}
    rows = {key: row for row, key in enumerate(clustering.all_ids)}
    return expressed(moments, matrix.names, {key: rows[key] for key in clustering.ids})


def _by_scanpy(matrix: Matrix, clustering: Clustering, method: str, n_genes: int) -> dict[str, list[str]]:
    """Rank the genes with Scanpy on an object of our own that shares the matrix with the user's."""
    import scanpy as sc
    from anndata import AnnData

    # logreg compares the groups with each other only, so it needs all of them.
    groups = rankable(clustering.all_ids if method == "logreg" else clustering.ids, clustering)
    if not groups or len(clustering.all_ids) < 2:
        return {}
    data = matrix.data
    if is_chunked(data):
        msg = (
            f"method={method!r} needs the matrix in memory, and it is in Dask's chunks; "
            "use method='t-test', or load it with adata.to_memory()"
        )
        raise InputError(msg)
    named = clustering.codes >= 0
    if not named.all():
        data = data[np.flatnonzero(named)]
    elif sparse.issparse(data) and not data.data.all():
        data = data.copy()  # Scanpy drops stored zeros in place; the user's stay
    # The position of a cluster stands for its id: no id can be one that Scanpy reads otherwise ("rest").
    numbers = {key: str(i) for i, key in enumerate(clustering.all_ids)}
    cells = pd.Categorical.from_codes(clustering.codes[named], categories=pd.Index(list(numbers.values())))
    with warnings.catch_warnings():
        # Scanpy and AnnData warn of things that we handle or that concern our own object only.
        warnings.simplefilter("ignore")
        own = AnnData(data, obs=pd.DataFrame({"cluster": cells}, index=[str(i) for i in range(len(cells))]))
        own.var_names = matrix.names
        if matrix.counts:
            own.X = own.X.astype(np.float32)  # a copy: the user's counts stay as they are
            sc.pp.normalize_total(own, target_sum=1e4)
            sc.pp.log1p(own)
        options = {"n_genes": min(own.n_vars, n_genes), "use_raw": False, "key_added": OWN_KEY}
        asked = "all" if len(groups) == len(numbers) else [numbers[key] for key in groups]
        sc.tl.rank_genes_groups(own, "cluster", groups=asked, method=method, **options)
    return {key: positive(own.uns[OWN_KEY], numbers[key], n_genes) for key in groups}
