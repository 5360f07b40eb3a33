"""The cells of a cluster in one sample against the other cells of that sample."""

from __future__ import annotations

import numpy as np
import pytest

from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._ranking.by_sample import Groups, SampleMoments
from gca_scanpy._ranking.gather import gather
from gca_scanpy._ranking.moments import expressed, higher
from gca_scanpy._scoring import numbers
from gca_scanpy._steps import RankedGene

N_GENES, N_MARKERS = 60, 5


@pytest.mark.parametrize("n_missing", [0, 30])
def test_the_same_as_in_the_sample_alone(n_missing):
    """The genes are those of Welch's test on the cells of the sample, whether or not values are missing."""
    rng = np.random.default_rng(1)
    values = np.log1p(rng.poisson(rng.gamma(0.6, 2.0, N_GENES), (400, N_GENES))).astype(float)
    codes, samples = rng.integers(-1, 3, 400), rng.integers(-1, 2, 400)
    for code in range(3):
        values[codes == code, 10 * code : 10 * code + 8] += 1.0
    values[rng.integers(0, 400, n_missing), rng.integers(0, N_GENES, n_missing)] = np.nan
    clusters = Clustering("c", ("a", "b", "c"), codes, ("a", "b", "c"))
    of_samples = Clustering("s", ("x", "y"), samples, ("x", "y"))
    groups = Groups.of(clusters, of_samples, clusters.subsampled(20))
    labels = [f"G{number}" for number in range(N_GENES)]
    by_sample = SampleMoments(clusters, of_samples, groups, gather(values, groups.cells), labels, N_MARKERS)
    genes, n_genes = [RankedGene(label) for label in labels], N_MARKERS * numbers.NUMBERS.ranked_per_marker
    found = {
        (key, sample): markers for key, sample, markers in by_sample.rank(genes, np.arange(N_GENES), 2, absent=True)
    }
    assert len(found) == 6
    for place, sample in enumerate(of_samples.all_ids):
        alone = gather(values[samples == place], clusters.select_cells(samples == place))
        held = expressed(alone, labels, {key: row for row, key in enumerate(clusters.ids)})
        for row, key in enumerate(clusters.ids):
            markers = found[key, sample]
            best = [labels[gene] for gene in higher(alone, row, n_genes)][:N_MARKERS]
            assert best
            assert [gene.name for gene in markers.genes] == best
            assert [gene.level for gene in markers.genes] == pytest.approx([held[key].level(name) for name in best])
            assert tuple(gene.name for gene in markers.present) == held[key].present
            assert tuple(gene.name for gene in markers.absent) == held[key].absent
