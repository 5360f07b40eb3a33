"""What the cells of a mixed cluster are, on cells that are drawn from the model and on cells that are not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._judging import mixture
from gca_scanpy._judging.mixture import BOTH, FIRST, NEITHER, SECOND
from gca_scanpy._scoring import numbers

N_GENES = 8  # of each lineage
IS_FIRST = np.arange(2 * N_GENES) < N_GENES


def _cells(rng, n_first, n_second, n_both=0, n_neither=0, *, on=0.7, off=0.05):
    """Values of cells in known states, in this order: a gene is detected with one rate or the other."""
    states = np.repeat([FIRST, SECOND, BOTH, NEITHER], [n_first, n_second, n_both, n_neither])
    has_first, has_second = np.isin(states, (FIRST, BOTH)), np.isin(states, (SECOND, BOTH))
    rates = np.where(np.where(IS_FIRST, has_first[:, None], has_second[:, None]), on, off)
    detected = rng.random(rates.shape) < rates
    return detected * (1 + rng.random(rates.shape)), states


def _data(rng, mixed, *, others=((60, 0), (0, 60), (0, 0))):
    """A mixed cluster, and others of one lineage or of none."""
    clusters = [mixed, *(_cells(rng, first, second, n_neither=60 - first - second)[0] for first, second in others)]
    return np.concatenate(clusters), np.repeat(range(len(clusters)), list(map(len, clusters)))


def _find(values, clusters, **options):
    return mixture.find(values, clusters, 0, IS_FIRST, logged=True, **options)


@given(share=st.floats(0.1, 0.9), n_cells=st.integers(60, 300), seed=st.integers(0, 2**32 - 1))
def test_two_populations_have_the_shares_that_were_drawn(share, n_cells, seed):
    """From a tenth of 60 cells on, both populations are found, with shares that are off by a few cells at most."""
    rng, n_first = np.random.default_rng(seed), round(share * n_cells)
    mixed, states = _cells(rng, n_first, n_cells - n_first)
    values, clusters = _data(rng, mixed)
    found = _find(values, clusters)
    assert found.kind == "two_populations"
    assert found.model.shares[[FIRST, SECOND]] == pytest.approx([n_first / n_cells, 1 - n_first / n_cells], abs=0.08)
    assert (found.model.probabilities(mixed).argmax(axis=1) == states).mean() > 0.9


@given(n_cells=st.integers(40, 300), share=st.floats(0.25, 1), seed=st.integers(0, 2**32 - 1))
def test_doublets_express_both(n_cells, share, seed):
    """Doublets are found, alone or among cells of one of the two types, and are not taken for two populations."""
    rng, n_both = np.random.default_rng(seed), round(share * n_cells)
    values, clusters = _data(rng, _cells(rng, n_cells - n_both, 0, n_both)[0])
    found = _find(values, clusters)
    assert found.kind == "doublets"
    assert found.model.shares[BOTH] == pytest.approx(share, abs=0.15)


@given(rate=st.floats(0, 0.2), n_cells=st.integers(40, 300), seed=st.integers(0, 2**32 - 1))
def test_ambient_rna_is_no_second_lineage(rate, n_cells, seed):
    """If all cells have a little of the genes that other clusters express, no cell is of the second lineage."""
    rng = np.random.default_rng(seed)
    mixed, _ = _cells(rng, n_cells, 0)
    mixed[:, ~IS_FIRST] = rng.random((n_cells, N_GENES)) < rate
    found = _find(*_data(rng, mixed))
    assert found.kind == "ambient"
    assert found.model.shares[FIRST] > 0.9


def test_a_faint_value_is_not_expression():
    """Ambient RNA in every cell, at a tenth of the level of the cells that express a gene, makes no doublets."""
    rng = np.random.default_rng(1)
    mixed, _ = _cells(rng, 80, 0)
    mixed[:, ~IS_FIRST] = np.log1p(0.1 * np.expm1(1.5))
    assert _find(*_data(rng, mixed)).kind == "ambient"


@pytest.mark.parametrize("logged", [True, False])
@given(seed=st.integers(0, 2**32 - 1))
def test_neither_order_nor_scale_matters(logged, seed):
    """Other orders of cells and genes, and counts of another depth, give the same shares; swapped lineages swap."""
    rng = np.random.default_rng(seed)
    values, clusters = _data(rng, _cells(rng, 60, 30, 6, 4)[0])
    first = mixture.find(values, clusters, 0, IS_FIRST, logged=logged)
    cells, genes = rng.permutation(len(values)), rng.permutation(2 * N_GENES)
    scale = 1 if logged else 7
    second = mixture.find(scale * values[np.ix_(cells, genes)], clusters[cells], 0, ~IS_FIRST[genes], logged=logged)
    assert second.kind == first.kind
    assert second.model.shares[[NEITHER, SECOND, FIRST, BOTH]] == pytest.approx(first.model.shares, abs=1e-3)
    again = mixture.find(values, clusters, 0, IS_FIRST, logged=logged)
    assert again.model.shares.tolist() == first.model.shares.tolist()


def test_scaled_values_are_read_too():
    """If the zeros of each gene became its lowest value, the shares are the same."""
    rng = np.random.default_rng(2)
    values, clusters = _data(rng, _cells(rng, 60, 40)[0])
    scaled = (values - values.mean(axis=0)) / values.std(axis=0)
    assert _find(scaled, clusters).model.shares == pytest.approx(_find(values, clusters).model.shares, abs=0.02)


def test_genes_that_both_types_express_do_not_make_doublets():
    """A third of the genes of the first type are those of the second too, which the database does not know."""
    rng = np.random.default_rng(3)
    mixed, states = _cells(rng, 60, 60)
    mixed[:, :3] = rng.random((120, 3)) < 0.8
    found = _find(*_data(rng, mixed))
    assert found.kind == "two_populations"
    assert (found.model.probabilities(mixed).argmax(axis=1) == states).mean() > 0.9


@pytest.mark.parametrize(
    "others", [(), ((0, 0),), ((0, 60), (0, 0))], ids=["nothing else", "neither", "one of the two"]
)
def test_a_type_that_expresses_both_is_not_called_doublets(others):
    """Doublets need cells of each type elsewhere; without them, the same cells may be of one type."""
    rng = np.random.default_rng(4)
    found = _find(*_data(rng, _cells(rng, 0, 0, 80)[0], others=others))
    assert (found.kind, found.why) == ("undecided", mixture.NO_SOURCE)


def test_a_type_in_two_clusters_is_not_called_doublets():
    """Other clusters that express the genes of both lineages are no source of either."""
    rng = np.random.default_rng(11)
    clusters = [_cells(rng, 0, 0, 80)[0], _cells(rng, 0, 0, 80)[0], _cells(rng, 60, 0)[0], _cells(rng, 0, 0, 0, 60)[0]]
    values = np.concatenate(clusters)
    found = _find(values, np.repeat(range(4), list(map(len, clusters))))
    assert (found.kind, found.why) == ("undecided", mixture.NO_SOURCE)


@pytest.mark.parametrize("others", [(), ((0, 0),)], ids=["nothing else", "neither"])
def test_two_populations_need_no_other_clusters(others):
    """Cells that exclude each other show by themselves that there are two."""
    rng = np.random.default_rng(5)
    assert _find(*_data(rng, _cells(rng, 50, 30)[0], others=others)).kind == "two_populations"


def test_too_few_genes_are_undecided():
    """One gene of a lineage is not enough, nor are genes that no cluster has more of."""
    rng = np.random.default_rng(6)
    values, clusters = _data(rng, _cells(rng, 50, 50)[0])
    assert _find(values, clusters).kind == "two_populations"
    one = np.r_[0:N_GENES, N_GENES]
    assert mixture.find(values[:, one], clusters, 0, IS_FIRST[one], logged=True).why == mixture.TOO_FEW_GENES
    values[:, ~IS_FIRST] = 1
    assert _find(values, clusters).why == mixture.TOO_FEW_GENES
    none = np.zeros((0, 2 * N_GENES))
    assert _find(np.zeros((5, 2 * N_GENES)), np.zeros(5, dtype=int)).why == mixture.TOO_FEW_GENES
    assert mixture._rates(none.astype(bool), np.zeros(0, dtype=int)).shape == (0, 2 * N_GENES)


def test_cells_without_counts_are_undecided():
    """If most cells express neither, the few others decide nothing."""
    rng = np.random.default_rng(7)
    found = _find(*_data(rng, _cells(rng, 10, 10, n_neither=80)[0]))
    assert (found.kind, found.why) == ("undecided", mixture.TOO_FEW_COUNTS)


def test_independent_lineages_are_undecided():
    """If a cell has either lineage regardless of the other, they are no two populations, nor doublets."""
    rng = np.random.default_rng(8)
    found = _find(*_data(rng, _cells(rng, 30, 30, 30, 30)[0]))
    assert (found.kind, found.why) == ("undecided", mixture.INDEPENDENT)


def test_no_lineage_anywhere_is_undecided():
    """Genes that vary alone, here and elsewhere, show no lineage that could be missing here."""
    rng = np.random.default_rng(9)
    mixed, _ = _cells(rng, 80, 0)
    values, clusters = _data(rng, mixed, others=((60, 0), (0, 0)))
    values[:, ~IS_FIRST] = rng.random((len(values), N_GENES)) < np.where(
        clusters[:, None] == np.arange(N_GENES) % 3, 0.3, 0.05
    )
    assert _find(values, clusters).kind == "undecided"


def test_the_numbers_are_those_of_the_table():
    """A stricter limit for a part changes the answer, so the numbers are read at the time of the call."""
    rng = np.random.default_rng(10)
    values, clusters = _data(rng, _cells(rng, 90, 10)[0])
    assert _find(values, clusters).kind == "two_populations"
    with numbers.override(min_part=0.3):
        assert _find(values, clusters).kind != "two_populations"
