"""Whether a ranking is of these cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._ranking.gather import gather
from gca_scanpy._ranking.scanpys import displaced
from gca_scanpy._scoring.numbers import NUMBERS

LARGE, FEWEST, LEADING = NUMBERS.min_cluster_cells, NUMBERS.min_checked_genes, NUMBERS.checked_genes
NAMES = [f"g{n}" for n in range(40)]


def _clustering(codes):
    ids = tuple(map(str, range(max(codes) + 1)))
    return Clustering("cluster", ids, np.array(codes, dtype=np.intp), ids)


def _ranked(matrix, clustering):
    """The genes of each cluster that are higher in it than elsewhere, by the difference of the means."""
    found = {}
    for code, key in enumerate(clustering.all_ids):
        own = clustering.codes == code
        difference = matrix[own].mean(axis=0) - matrix[~own].mean(axis=0)
        found[key] = [NAMES[gene] for gene in np.argsort(-difference) if difference[gene] > 1e-9]
    return found


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 60), min_size=2, max_size=6))
def test_a_ranking_of_these_cells_fits(seed, sizes):
    """Whatever the cells and the sizes of the clusters, also with negative values."""
    clustering = _clustering(np.repeat(range(len(sizes)), sizes))
    matrix = np.random.default_rng(seed).normal(size=(sum(sizes), len(NAMES)))
    assert displaced(_ranked(matrix, clustering), gather(matrix, clustering), NAMES, clustering) == []


@given(st.integers(0, 2**32 - 1), st.permutations(range(4)))
def test_of_other_cells(seed, order):
    """Where the ids went to other cells, exactly those that did are named."""
    dice = np.random.default_rng(seed)
    codes = np.repeat(range(4), (100, 40, 20, 12))
    matrix = dice.poisson(0.3, size=(len(codes), len(NAMES))).astype(float)
    for code in range(4):
        matrix[codes == code, code * 10 : code * 10 + 10] += 2
    own = {str(code): [f"g{code * 10 + n}" for n in range(10)] for code in range(4)}
    clustering = _clustering(codes)
    moved = {key: own[str(order[int(key)])] for key in own}
    expected = [str(code) for code in range(4) if order[code] != code]
    assert displaced(moved, gather(matrix, clustering), NAMES, clustering) == expected


@pytest.mark.parametrize(
    ("n_cells", "n_genes", "found"),
    [(LARGE, FEWEST, ["0"]), (LARGE - 1, FEWEST, []), (LARGE, FEWEST - 1, [])],
)
def test_a_few_say_nothing(n_cells, n_genes, found):
    """Nothing is said of few cells or few genes; genes that the matrix lacks do not count."""
    clustering = _clustering(np.repeat([0, 1], (n_cells, 50)))
    matrix = np.zeros((n_cells + 50, len(NAMES)))
    matrix[n_cells:] = 1.0
    ranking = {"0": ["absent", *NAMES[:n_genes], "gone"]}
    assert displaced(ranking, gather(matrix, clustering), NAMES, clustering) == found


def test_half_of_the_first_genes_are_enough():
    """A test that does not go by means may put some first that are lower; later genes are not looked at."""
    clustering = _clustering(np.repeat([0, 1], 50))
    matrix = np.zeros((100, len(NAMES)))
    matrix[:50, : LEADING // 2], matrix[50:, LEADING // 2 :] = 1.0, 1.0
    moments = gather(matrix, clustering)
    assert displaced({"0": NAMES}, moments, NAMES, clustering) == []
    assert displaced({"0": NAMES[1:]}, moments, NAMES, clustering) == ["0"]


def test_missing_values_and_a_single_cluster():
    """NaN contradicts nothing, and one cluster has nothing to be compared with."""
    clustering = _clustering(np.repeat([0, 1], 50))
    matrix = np.full((100, len(NAMES)), np.nan)
    assert displaced({"0": NAMES}, gather(matrix, clustering), NAMES, clustering) == []
    one = _clustering([0] * 50)
    assert displaced({"0": NAMES}, gather(matrix[:50], one), NAMES, one) == []
