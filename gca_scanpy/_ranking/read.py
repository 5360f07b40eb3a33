"""The ranked marker genes of each cluster: those stored in ``.uns`` where they belong to these clusters, else anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Optional

import numpy as np
import pandas as pd
from attrs import Factory, define

from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._adata.matrix import NOT_FINITE, Matrix, is_chunked, select_matrix
from gca_scanpy._adata.tables import gene_labels, to_frame, to_strings
from gca_scanpy._ranking import welch
from gca_scanpy._ranking.expression import Expressed, expressed
from gca_scanpy._ranking.moments import Moments, gather, gather_chunked
from gca_scanpy._ranking.scanpys import by_scanpy
from gca_scanpy._ranking.stored import CHANCE, MIN_CELLS, StoredRanking, displaced, rankable, read_stored, warn_stale
from gca_scanpy._scoring.states import informative
from gca_scanpy.errors import InputError, RawCountsWarning, warn
from gca_scanpy.model import ClusterMarkers, RankedGene

if TYPE_CHECKING:
    from anndata import AnnData

SPARE = 4  # times as many genes are ranked as are used, because many may be ribosomal
SAMPLED_CELLS = 200  # of each cluster, for what is looked up beside a ranking
LOGREG_OF_TWO = "logreg ranks only one of two clusters, so these genes were ranked by t-test"


@define(eq=False)
class _Ranked:
    """A ranking, and the cells beside it.

    Attributes
    ----------
    genes
        Gene names by cluster, best first.
    tested
        The same by another test, which is heard, too.
    notes
        What is to be said of each cluster.
    """

    genes: Mapping[str, Sequence[str]]
    tested: Mapping[str, Sequence[str]] = Factory(dict)
    matrix: Optional[Matrix] = None
    moments: Optional[Moments] = None
    notes: tuple[str, ...] = ()


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
    labels = _labels(adata, select_matrix(adata, use_raw, layer)[1], gene_symbols)
    n_genes = SPARE * n_markers
    stored = read_stored(adata, clustering, rank_key, use_raw, layer, labels, n_genes)
    ranked = _as_stored(adata, clustering, stored, rank_key, n_genes) if stored is not None else None
    if ranked is None:
        ranked = _anew(adata, clustering, method, use_raw, layer, n_genes)
    beside = _beside(ranked, clustering)
    sizes = clustering.sizes
    made: dict[str, RankedGene] = {}
    return tuple(
        ClusterMarkers(
            cluster_id=key,
            genes=_leading(ranked.genes.get(key, ()), labels, n_markers),
            expressed=_leading(ranked.tested.get(key, ()), labels, n_markers),
            present=_named(beside[key].present, labels, made) if key in beside else (),
            absent=_named(beside[key].absent, labels, made) if key in beside else (),
            n_cells=sizes[key],
            warnings=ranked.notes if ranked.genes.get(key) else (_reason(key, clustering),),
        )
        for key in clustering.ids
    )


def _as_stored(
    adata: AnnData, clustering: Clustering, stored: StoredRanking, rank_key: str, n_genes: int
) -> Optional[_Ranked]:
    """The stored ranking with the cells beside it; None where these contradict it."""
    matrix = Matrix.read_if_available(adata, stored.use_raw, stored.layer)
    if matrix is None:
        return _Ranked(stored.genes)
    thinned = clustering.subsampled(SAMPLED_CELLS)
    moments = _moments(matrix, thinned)
    moved = displaced(stored.genes, moments, matrix.names, clustering)
    if moved:
        warn_stale(rank_key, f"its first genes are not higher in {', '.join(moved[:5])}")
        return None
    # Coefficients tell clusters apart jointly; a gene's own difference says more about what a cell is.
    tested = _by_moments(moments, matrix, thinned, n_genes) if stored.is_logreg else {}
    return _Ranked(stored.genes, tested, matrix, moments)


def _anew(
    adata: AnnData, clustering: Clustering, method: str, use_raw: Optional[bool], layer: Optional[str], n_genes: int
) -> _Ranked:
    matrix = Matrix.read(adata, use_raw, layer)
    notes: tuple[str, ...] = ()
    if method == "logreg" and len(rankable(clustering.all_ids, clustering)) == 2:
        method, notes = "t-test", (LOGREG_OF_TWO,)
    genes: Mapping[str, Sequence[str]]
    if method == "t-test":
        moments = _moments(matrix, clustering)
        genes = _by_moments(moments, matrix, clustering, n_genes)
    else:
        moments = _moments(matrix, clustering.subsampled(SAMPLED_CELLS))
        genes = by_scanpy(matrix, clustering, method, n_genes)
    if matrix.counts:
        message = "the values look like raw counts; they were log-normalized (1e4 per cell) for the ranking only"
        warn(message, RawCountsWarning)
    return _Ranked(genes, {}, matrix, moments, notes)


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
    others = [to_frame(adata.var), *([to_frame(adata.raw.var)] if adata.raw is not None else [])]
    tables = [var, *(table for table in others if table is not var)]
    if gene_symbols is not None:
        tables = [table for table in tables if gene_symbols in table.columns] or [var]  # or: the error that lists them
    labels: dict[str, str] = {}
    for table in tables:
        for name, label in zip(to_strings(table.index), gene_labels(table, gene_symbols)):
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


def _beside(ranked: _Ranked, clustering: Clustering) -> dict[str, Expressed]:
    if ranked.moments is None or ranked.matrix is None:
        return {}
    rows = {key: row for row, key in enumerate(clustering.all_ids)}
    return expressed(ranked.moments, ranked.matrix.names, {key: rows[key] for key in clustering.ids})
