"""The ranked marker genes of each cluster: the ranking in ``.uns`` if it fits these clusters, otherwise a new one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
from attrs import Factory, define, fields, frozen

from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._adata.genes import Genes, read_genes
from gca_scanpy._adata.matrix import Kind, Matrix, all_finite, is_chunked
from gca_scanpy._adata.objects import raw_of, select_matrix
from gca_scanpy._ranking.by_sample import SampleMoments, read_moments
from gca_scanpy._ranking.moments import Expressed, Moments, activity, expressed, higher_in_each
from gca_scanpy._ranking.scanpys import (
    MIN_RANKED_CELLS,
    Say,
    StoredRanking,
    by_scanpy,
    displaced,
    rankable,
    read_stored,
    say_stale,
)
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.programs import informative
from gca_scanpy._steps import ClusterMarkers, FindActivity, RankedGene, Ranking
from gca_scanpy.db import _bundled
from gca_scanpy.errors import GcaWarning, InputError, RankingWarning, RawCountsWarning, warn

if TYPE_CHECKING:
    from anndata import AnnData

MAX_LISTED = 5  # clusters in a message
LOGREG_OF_TWO = "logreg ranks only one of two clusters, so these genes were ranked by t-test"
NOT_LOGGED: Mapping[Kind, str] = {
    "counts": "look like raw counts",
    "linear": "look like CPM, TPM or normalized counts without a logarithm",
}


@frozen(eq=False)
class ReadMarkers:
    """The marker genes of each requested cluster, and how they were ranked.

    Attributes
    ----------
    used
        What was used, under the names of the options of :class:`gca_scanpy._steps.Ranking`; None if it was not.
    warnings
        Warnings about the matrix and the ranking; they were issued already.
    by_sample
        The moments of the clusters in each sample, if samples were given.
    """

    clusters: tuple[ClusterMarkers, ...]
    used: Mapping[str, Any]
    warnings: tuple[str, ...] = ()
    by_sample: Optional[SampleMoments] = None


@define(eq=False)
class _Ranking:
    """A ranking, and the moments of the cells.

    Attributes
    ----------
    genes
        Gene names by cluster, best first.
    features
        The features of the matrix that was ranked.
    used
        The method, the matrix, and the key of a stored ranking.
    tested
        Gene names by cluster from a t-test, best first, which are used in addition to ``genes``.
    matrix, moments
        The matrix and its moments by cluster; None if the matrix is not available.
    notes
        Warnings that apply to each cluster.
    by_sample
        The moments of the clusters in each sample, if samples were given.
    """

    genes: Mapping[str, Sequence[str]]
    features: Genes
    used: Mapping[str, Any]
    tested: Mapping[str, Sequence[str]] = Factory(dict)
    matrix: Optional[Matrix] = None
    moments: Optional[Moments] = None
    notes: tuple[str, ...] = ()
    by_sample: Optional[SampleMoments] = None


def read_markers(
    adata: AnnData, clustering: Clustering, options: Ranking, samples: Optional[Clustering] = None
) -> ReadMarkers:
    """The marker genes of each requested cluster, best first; ``adata`` is not changed.

    A cluster that cannot be ranked, because it has one cell or because there are no other cells, has no gene and a
    warning with the reason.

    Parameters
    ----------
    samples
        The sample of each cell. Their moments are read in the same pass over the matrix.
    """
    say, warnings = recorder()
    stored = read_stored(adata, clustering, options, say)
    ranking = _use_stored(adata, clustering, samples, stored, options, say) if stored is not None else None
    if ranking is None:
        ranking = rank_anew(adata, clustering, samples, options, say)
    expression = _expression(ranking, clustering)
    sizes, symbols, n_markers = clustering.sizes, ranking.features.by_name, options.n_markers
    shared: dict[str, RankedGene] = {}
    # Of a dict, because a set that grows one by one takes twice the memory.
    measured, find_activity = frozenset(dict.fromkeys(symbols.values())), _activity(ranking, clustering)
    clusters = tuple(
        ClusterMarkers(
            cluster_id=key,
            genes=_leading(ranking.genes.get(key, ()), symbols, n_markers, expression.get(key)),
            expressed=_leading(ranking.tested.get(key, ()), symbols, n_markers, expression.get(key)),
            present=_shared_genes(expression[key].present, symbols, shared) if key in expression else (),
            absent=_shared_genes(expression[key].absent, symbols, shared) if key in expression else (),
            measured=measured,
            find_activity=find_activity,
            n_cells=sizes[key],
            warnings=ranking.notes if ranking.genes.get(key) else (_reason(key, clustering),),
        )
        for key in clustering.ids
    )
    used = {"n_markers": n_markers, "gene_symbols": ranking.features.column, **ranking.used}
    return ReadMarkers(clusters, used, tuple(warnings), ranking.by_sample)


def recorder() -> tuple[Say, list[str]]:
    """What issues a warning and records it, and the list of those that it has issued."""
    warnings: list[str] = []

    def say(message: str, category: type[GcaWarning]) -> None:
        warn(message, category)
        warnings.append(message)

    return say, warnings


def _use_stored(
    adata: AnnData,
    clustering: Clustering,
    samples: Optional[Clustering],
    stored: StoredRanking,
    options: Ranking,
    say: Say,
) -> Optional[_Ranking]:
    """The stored ranking and the moments of the cells; None if it is too short, or the cells contradict it."""
    layer = stored.layer if stored.layer in adata.layers else None
    use_raw = stored.use_raw if raw_of(adata) is not None and layer is None else None
    features = read_genes(adata, use_raw, layer, options.gene_symbols, _bundled.gene_names())
    n_genes, length = _n_ranked(options), stored.length(features.names, features.excluded)
    genes = stored.genes(n_genes, features.excluded)
    matrix, moments, problem = Matrix.read_if_available(adata, use_raw, layer, features), None, ""
    is_short = length < min(options.n_markers, numbers.NUMBERS.min_stored_genes, len(features.by_name))
    by_sample = None
    if matrix is not None:
        moments, by_sample = read_moments(matrix, clustering, samples, features, options, few=True)
    # A matrix without any value can neither be ranked nor contradict a ranking.
    is_empty = moments is not None and moments.missing is None and not moments.expressing.any()
    if is_short and not is_empty and select_matrix(adata, use_raw, layer).matrix is not None:
        problem = f"it has only {length} genes per cluster"
    elif matrix is not None and moments is not None and not is_empty:
        problem = _contradiction(genes, matrix, moments, clustering)
    if problem:
        say_stale(options.rank_key, problem, say)
        return None
    _say_others(features, say)
    _say_doubts(stored, options, matrix, length if is_short else None, say)
    tested: Mapping[str, Sequence[str]] = {}
    if stored.method == "logreg" and matrix is not None and moments is not None:
        # Its coefficients separate the clusters jointly; the difference of a single gene says more about a cell type.
        sample = clustering.subsampled(numbers.NUMBERS.sampled_cells)
        tested = _rank_by_t_test(moments, matrix, sample, n_genes)
    if samples is not None and by_sample is None:  # the matrix of a backed object; the ranking of the clusters suffices
        if select_matrix(adata, use_raw, layer).matrix is None:
            msg = (
                f"sample_key={samples.groupby!r} needs an expression matrix, and there is none; set .X, or leave it out"
            )
            raise InputError(msg)
        values = Matrix.read(adata, use_raw, layer, features)
        _, by_sample = read_moments(values, clustering, samples, features, options)
    how = {"method": stored.method, "rank_key": options.rank_key, "use_raw": stored.use_raw, "layer": stored.layer}
    return _Ranking(genes, features, how, tested, matrix, moments, by_sample=by_sample)


def _contradiction(genes: Mapping[str, Sequence[str]], matrix: Matrix, moments: Moments, clustering: Clustering) -> str:
    """Why a stored ranking cannot be of these cells; empty if it can."""
    if moments.missing is not None or not (is_chunked(matrix.data) or all_finite(matrix.data)):
        return "the matrix has NaN or infinite values, for which Scanpy loses genes"
    contradicted = displaced(genes, moments, matrix.names, clustering)
    return f"its first genes are not higher in {', '.join(contradicted[:MAX_LISTED])}" if contradicted else ""


def _say_doubts(
    stored: StoredRanking, options: Ranking, matrix: Optional[Matrix], length: Optional[int], say: Say
) -> None:
    """Warn of what is doubtful about a stored ranking that is used; ``length`` is its length if it is short."""
    place = f".uns[{options.rank_key!r}]"
    if length is not None:
        say(
            f"{place} is unreliable, because it has only {length} genes per cluster, and there are no values to rank "
            f"them again; rank at least {numbers.NUMBERS.min_stored_genes}",
            RankingWarning,
        )
    if options.method not in (fields(Ranking).method.default, stored.method):
        say(
            f"method={options.method!r} is not used, because {place} has a ranking by {stored.method}; delete that to "
            "rank the genes again",
            RankingWarning,
        )
    # Counts often take the place of the values that were ranked, but not in a layer or in .raw.
    is_ranked = matrix is not None and matrix.kind == "counts" and (stored.layer is not None or stored.use_raw)
    if matrix is not None and (matrix.kind == "linear" or is_ranked):
        say(
            f"the values {NOT_LOGGED[matrix.kind]}; if {place} was computed from them, log-normalize them and rank the "
            "genes again",
            RawCountsWarning,
        )


def rank_anew(
    adata: AnnData, clustering: Clustering, samples: Optional[Clustering], options: Ranking, say: Say
) -> _Ranking:
    """A ranking of the matrix, whatever is stored."""
    method, layer, n_genes = options.method, options.layer, _n_ranked(options)
    features = read_genes(adata, options.use_raw, layer, options.gene_symbols, _bundled.gene_names())
    source = select_matrix(adata, options.use_raw, layer)
    matrix = Matrix.read(adata, options.use_raw, layer, features)
    notes: tuple[str, ...] = ()
    if method == "logreg" and len(rankable(clustering.all_ids, clustering)) == 2:
        method, notes = "t-test", (LOGREG_OF_TWO,)
    genes: Mapping[str, Sequence[str]]
    moments, by_sample = read_moments(matrix, clustering, samples, features, options, few=method != "t-test")
    if method == "t-test":
        genes = _rank_by_t_test(moments, matrix, clustering, n_genes)
    else:
        genes = by_scanpy(matrix, clustering, method, n_genes)
    _say_others(features, say)
    _say_missing(moments, say)
    if not matrix.logged:
        say(
            f"the values {NOT_LOGGED[matrix.kind]}; they were log-normalized (1e4 per cell) for the ranking only",
            RawCountsWarning,
        )
    how = {"method": method, "rank_key": None, "use_raw": source.use_raw, "layer": layer}
    return _Ranking(genes, features, how, {}, matrix, moments, notes, by_sample)


def _n_ranked(options: Ranking) -> int:
    """How many genes are ranked for each cluster."""
    return numbers.NUMBERS.ranked_per_marker * options.n_markers


def _say_others(features: Genes, say: Say) -> None:
    """Warn of features that are not genes."""
    if features.others:
        others = ", ".join(f"{count:,} {kind}" for kind, count in features.others.items())
        n_genes = int(features.are_genes.sum())
        say(f"only the {n_genes:,} genes of the matrix are ranked; it also has {others}, left out", RankingWarning)


def _say_missing(moments: Moments, say: Say) -> None:
    """Warn of NaN and infinite values; raise if there are many infinite ones."""
    if moments.missing is None or not moments.missing.any():
        return
    n_cells, n_genes, missing = int(moments.cells.sum()), moments.missing.shape[1], moments.missing.sum(axis=0)
    counts = (
        f"{int(missing.sum()):,} values of the matrix are NaN or infinite, in {int((missing > 0).sum()):,} of "
        f"{n_genes:,} genes and in up to {int(np.max(missing)):,} of {n_cells:,} cells of a gene"
    )
    if moments.infinite > numbers.NUMBERS.max_infinite * n_cells * n_genes:
        msg = f"{counts}; {moments.infinite:,} are infinite, as the log of zero is: use log1p, or another matrix"
        raise InputError(msg)
    never = int((missing == n_cells).sum())
    lost = f" {never:,} of these genes have no value at all, so they are not ranked." if never else ""
    say(
        f"{counts}. Such a gene counts as not measured in such a cell.{lost} If they should be zeros, replace them, "
        "for example with numpy.nan_to_num",
        RankingWarning,
    )


def _rank_by_t_test(moments: Moments, matrix: Matrix, clustering: Clustering, n_genes: int) -> dict[str, list[str]]:
    """Gene names by cluster, by Welch's t statistic, best first."""
    if len(clustering.all_ids) < 2:
        return {}
    rows, keys = {key: row for row, key in enumerate(clustering.all_ids)}, rankable(clustering.ids, clustering)
    ranked = higher_in_each(moments, [rows[key] for key in keys], n_genes)
    return {key: [matrix.names[gene] for gene in genes] for key, genes in zip(keys, ranked)}


def _expression(ranking: _Ranking, clustering: Clustering) -> dict[str, Expressed]:
    """The present and absent genes of each requested cluster; empty without a matrix."""
    if ranking.moments is None or ranking.matrix is None:
        return {}
    rows = {key: row for row, key in enumerate(clustering.all_ids)}
    return expressed(ranking.moments, ranking.matrix.names, {key: rows[key] for key in clustering.ids})


def _activity(ranking: _Ranking, clustering: Clustering) -> Optional[FindActivity]:
    """What finds which genes the clusters have on; None without a matrix."""
    if ranking.moments is None or ranking.matrix is None:
        return None
    symbols = ranking.features.by_name
    names = [symbols.get(name, name) for name in ranking.matrix.names]
    return partial(activity, ranking.moments, names, clustering.all_ids)


def _leading(
    names: Sequence[str], symbols: Mapping[str, str], n_markers: int, expression: Optional[Expressed]
) -> tuple[RankedGene, ...]:
    """The first informative genes."""
    levels = {symbols.get(name, name): expression.level(name) for name in names} if expression else {}
    leading = informative([symbols.get(name, name) for name in names], n_markers)
    return tuple(RankedGene(name, level=levels.get(name, 1.0)) for name in leading)


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
