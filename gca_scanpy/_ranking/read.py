"""The ranked marker genes of each cluster: the ranking in ``.uns`` if it fits these clusters, otherwise a new one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Optional

import numpy as np
import pandas as pd
from attrs import Factory, define

from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._adata.matrix import NOT_FINITE, Matrix, is_chunked, select_matrix
from gca_scanpy._adata.tables import gene_labels, to_frame, to_strings
from gca_scanpy._options import Ranking
from gca_scanpy._ranking import welch
from gca_scanpy._ranking.expression import Expressed, expressed
from gca_scanpy._ranking.moments import Moments, gather, gather_chunked
from gca_scanpy._ranking.scanpys import by_scanpy
from gca_scanpy._ranking.stored import MIN_RANKED_CELLS, StoredRanking, displaced, rankable, read_stored, warn_stale
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.states import informative
from gca_scanpy._steps import ClusterMarkers, RankedGene
from gca_scanpy.errors import InputError, RawCountsWarning, warn

if TYPE_CHECKING:
    from anndata import AnnData

MAX_LISTED = 5  # clusters in a message
LOGREG_OF_TWO = "logreg ranks only one of two clusters, so these genes were ranked by t-test"


@define(eq=False)
class _Ranking:
    """A ranking, and the moments of the cells.

    Attributes
    ----------
    genes
        Gene names by cluster, best first.
    tested
        Gene names by cluster from a t-test, best first, which are used in addition to ``genes``.
    matrix, moments
        The matrix and its moments by cluster; None if the matrix is not available.
    notes
        Warnings that apply to each cluster.
    """

    genes: Mapping[str, Sequence[str]]
    tested: Mapping[str, Sequence[str]] = Factory(dict)
    matrix: Optional[Matrix] = None
    moments: Optional[Moments] = None
    notes: tuple[str, ...] = ()


def read_markers(adata: AnnData, clustering: Clustering, options: Ranking) -> tuple[ClusterMarkers, ...]:
    """The marker genes of each requested cluster, best first; ``adata`` is not changed.

    A cluster that cannot be ranked, because it has one cell or because there are no other cells, has no gene and a
    warning with the reason.
    """
    n_markers, use_raw, layer = options.n_markers, options.use_raw, options.layer
    symbols = _symbols(adata, select_matrix(adata, use_raw, layer)[1], options.gene_symbols)
    n_genes = numbers.NUMBERS.ranked_per_marker * n_markers
    stored = read_stored(adata, clustering, options.rank_key, use_raw, layer, symbols, n_genes)
    ranking = _use_stored(adata, clustering, stored, options.rank_key, n_genes) if stored is not None else None
    if ranking is None:
        ranking = _rank(adata, clustering, options.method, use_raw, layer, n_genes)
    expression = _expression(ranking, clustering)
    sizes = clustering.sizes
    shared: dict[str, RankedGene] = {}
    measured = frozenset(symbols.values())
    return tuple(
        ClusterMarkers(
            cluster_id=key,
            genes=_leading(ranking.genes.get(key, ()), symbols, n_markers),
            expressed=_leading(ranking.tested.get(key, ()), symbols, n_markers),
            present=_shared_genes(expression[key].present, symbols, shared) if key in expression else (),
            absent=_shared_genes(expression[key].absent, symbols, shared) if key in expression else (),
            measured=measured,
            n_cells=sizes[key],
            warnings=ranking.notes if ranking.genes.get(key) else (_reason(key, clustering),),
        )
        for key in clustering.ids
    )


def _symbols(adata: AnnData, var: pd.DataFrame, gene_symbols: Optional[str]) -> dict[str, str]:
    """Symbols by gene name from the table of the matrix to rank; missing ones come from ``.var`` and ``.raw.var``."""
    others = [to_frame(adata.var), *([to_frame(adata.raw.var)] if adata.raw is not None else [])]
    tables = [var, *(table for table in others if table is not var)]
    if gene_symbols is not None:
        # If no table has the column, gene_labels raises an error for the first one that lists its columns.
        tables = [table for table in tables if gene_symbols in table.columns] or [var]
    symbols: dict[str, str] = {}
    for table in tables:
        for name, symbol in zip(to_strings(table.index), gene_labels(table, gene_symbols)):
            if symbols.get(name, name) == name:
                symbols[name] = symbol
    return symbols


def _use_stored(
    adata: AnnData, clustering: Clustering, stored: StoredRanking, rank_key: str, n_genes: int
) -> Optional[_Ranking]:
    """The stored ranking and the moments of the cells; None if the expression contradicts the ranking."""
    matrix = Matrix.read_if_available(adata, stored.use_raw, stored.layer)
    if matrix is None:
        return _Ranking(stored.genes)
    sample = clustering.subsampled(numbers.NUMBERS.sampled_cells)
    moments = _moments(matrix, sample)
    contradicted = displaced(stored.genes, moments, matrix.names, clustering)
    if contradicted:
        warn_stale(rank_key, f"its first genes are not higher in {', '.join(contradicted[:MAX_LISTED])}")
        return None
    # logreg coefficients separate the clusters jointly; the difference of a single gene says more about a cell type.
    tested = _rank_by_t_test(moments, matrix, sample, n_genes) if stored.is_logreg else {}
    return _Ranking(stored.genes, tested, matrix, moments)


def _rank(
    adata: AnnData, clustering: Clustering, method: str, use_raw: Optional[bool], layer: Optional[str], n_genes: int
) -> _Ranking:
    matrix = Matrix.read(adata, use_raw, layer)
    notes: tuple[str, ...] = ()
    if method == "logreg" and len(rankable(clustering.all_ids, clustering)) == 2:
        method, notes = "t-test", (LOGREG_OF_TWO,)
    genes: Mapping[str, Sequence[str]]
    if method == "t-test":
        moments = _moments(matrix, clustering)
        genes = _rank_by_t_test(moments, matrix, clustering, n_genes)
    else:
        moments = _moments(matrix, clustering.subsampled(numbers.NUMBERS.sampled_cells))
        genes = by_scanpy(matrix, clustering, method, n_genes)
    if matrix.counts:
        message = "the values look like raw counts; they were log-normalized (1e4 per cell) for the ranking only"
        warn(message, RawCountsWarning)
    return _Ranking(genes, {}, matrix, moments, notes)


def _moments(matrix: Matrix, clustering: Clustering) -> Moments:
    if not is_chunked(matrix.data):
        return gather(matrix.data, clustering, counts=matrix.counts)
    moments = gather_chunked(matrix.data, clustering, counts=matrix.counts)
    if matrix.counts and not np.isfinite(moments.sums).all():
        raise InputError(NOT_FINITE)
    return moments


def _rank_by_t_test(moments: Moments, matrix: Matrix, clustering: Clustering, n_genes: int) -> dict[str, list[str]]:
    """Gene names by cluster, by Welch's t statistic: genes that are higher in it than in other cells, beyond chance."""
    if len(clustering.all_ids) < 2:
        return {}
    rows = {key: row for row, key in enumerate(clustering.all_ids)}
    genes = {}
    for key in rankable(clustering.ids, clustering):
        test = welch.compare(moments, rows[key])
        leading = np.argsort(-test.scores, kind="stable")[:n_genes]
        # NaN passes: scaled data has no fold changes, so only the score decides. The p-value removes genes that are
        # higher by chance, which a panel of few genes would otherwise end with.
        higher = (test.scores[leading] > 0) & ~(test.fold_changes[leading] <= 0)
        kept = leading[higher & (test.p_values(leading) <= numbers.NUMBERS.max_p_value)]
        genes[key] = [matrix.names[gene] for gene in kept]
    return genes


def _expression(ranking: _Ranking, clustering: Clustering) -> dict[str, Expressed]:
    """The present and absent genes of each requested cluster; empty without a matrix."""
    if ranking.moments is None or ranking.matrix is None:
        return {}
    rows = {key: row for row, key in enumerate(clustering.all_ids)}
    return expressed(ranking.moments, ranking.matrix.names, {key: rows[key] for key in clustering.ids})


def _leading(names: Sequence[str], symbols: Mapping[str, str], n_markers: int) -> tuple[RankedGene, ...]:
    """The first informative genes."""
    return tuple(RankedGene(name) for name in informative([symbols.get(name, name) for name in names], n_markers))


def _shared_genes(
    names: Sequence[str], symbols: Mapping[str, str], shared: dict[str, RankedGene]
) -> tuple[RankedGene, ...]:
    """The genes, with one object per gene for all clusters, because a cluster may have thousands of them."""
    for name in names:
        if name not in shared:
            shared[name] = RankedGene(symbols.get(name, name))
    return tuple(shared[name] for name in names)


def _reason(key: str, clustering: Clustering) -> str:
    """Why a cluster has no marker genes."""
    if clustering.sizes[key] < MIN_RANKED_CELLS:
        return "the cluster has one cell, so no marker genes can be computed for it"
    if len(clustering.all_ids) < 2:
        return "there is only one cluster, so there is nothing to compare it with"
    if sum(clustering.sizes.values()) - clustering.sizes[key] < MIN_RANKED_CELLS:
        return "there is only one cell outside the cluster, so no marker genes can be computed for it"
    return "no gene is higher in this cluster than in the others beyond chance"
