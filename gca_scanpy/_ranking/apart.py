"""The marker genes of samples that were clustered apart: each cluster against the other cells of its sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import evolve

from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._keys import pair_id
from gca_scanpy._ranking.read import ReadMarkers, rank_anew, recorder
from gca_scanpy._ranking.scanpys import MIN_RANKED_CELLS
from gca_scanpy._steps import ClusterMarkers, RankedGene, Ranking

if TYPE_CHECKING:
    from anndata import AnnData

NOT_RANKED = "the cluster has one cell, or its sample has no two other cells, so no marker genes can be computed for it"
NOTHING_HIGHER = "no gene is higher in this cluster than in the others of its sample beyond chance"


def read_apart(
    adata: AnnData, clustering: Clustering, samples: Clustering, pairs: Clustering, options: Ranking
) -> ReadMarkers:
    """The marker genes of each cluster of each sample, by t-test, best first; ``adata`` is not changed.

    Parameters
    ----------
    pairs
        The clusters of the samples, with the ids of :func:`gca_scanpy._keys.pair_id`.
    """
    say, warnings = recorder()
    ranking = rank_anew(adata, clustering, samples, options, say)
    moments = ranking.by_sample
    assert moments is not None  # there are samples
    genes, measured = [RankedGene(label) for label in moments.labels], frozenset(moments.labels)
    found = {
        pair_id(sample, cluster): markers
        for cluster, sample, markers in moments.rank(genes, np.arange(len(genes)), MIN_RANKED_CELLS)
    }
    sizes = pairs.sizes
    clusters = [
        evolve(found[key], cluster_id=key, measured=measured, warnings=() if found[key].genes else (NOTHING_HIGHER,))
        if key in found
        else ClusterMarkers(key, (), measured=measured, n_cells=sizes[key], warnings=(NOT_RANKED,))
        for key in pairs.ids
    ]
    used = {"n_markers": options.n_markers, "gene_symbols": ranking.features.column, **ranking.used}
    return ReadMarkers(tuple(clusters), used, tuple(warnings))
