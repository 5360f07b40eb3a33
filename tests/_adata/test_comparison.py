"""Two labelings compared."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from gca_scanpy._adata.comparison import compare
from gca_scanpy.db import _bundled

LINEAGES = _bundled.lineages()
RESOLVE = _bundled.ontology().resolve


def _terms(*labels):
    return {label: RESOLVE(label) for label in labels}


def test_counts_by_relation():
    """Exact and kin count as what they are; a label without a term agrees with its own text only."""
    firsts = _terms("Unknown or Novel", "my cell", "naive B cell", "T cell")
    seconds = _terms("T cell", "B cell", "my cell")
    counts = np.array([[1, 0, 0], [0, 2, 3], [1, 4, 0], [10, 0, 0]])
    found = compare(firsts, seconds, counts, LINEAGES)
    assert found.firsts == ("T cell", "naive B cell", "my cell", "Unknown or Novel")
    assert found.seconds == ("T cell", "B cell", "my cell")
    seen = {(p.first, p.second): (p.cells, p.relation) for p in found.pairs}
    assert seen == {
        ("T cell", "T cell"): (10, "exact"),
        ("naive B cell", "T cell"): (1, "unrelated"),
        ("naive B cell", "B cell"): (4, "kin"),
        ("my cell", "B cell"): (2, "no term"),
        ("my cell", "my cell"): (3, "exact"),
        ("Unknown or Novel", "T cell"): (1, "no term"),
    }
    assert (found.cells, found.exact, found.compatible) == (21, 13 / 21, 17 / 21)
    assert {p.share for p in found.pairs if p.first == "naive B cell"} == {0.2, 0.8}
    assert next(p.steps for p in found.pairs if p.relation == "kin") > 0


def test_ids_are_ordered_by_their_numbers():
    """Labels without a term follow each other by the numbers in them: 10 comes after 2."""
    ids = ("10", "2", "c10", "1", "c9", "x", "1,1")
    found = compare(dict.fromkeys(ids), _terms("T cell"), np.ones((len(ids), 1), dtype=np.int64), LINEAGES)
    assert found.firsts == ("1", "1,1", "2", "10", "c9", "c10", "x")


def _adjusted_rand(table):
    both, rows, columns, total = (
        float((n * (n - 1) / 2).sum()) for n in (table, table.sum(axis=1), table.sum(axis=0), table.sum())
    )
    expected, largest = rows * columns / total if total else 0.0, (rows + columns) / 2
    return (both - expected) / (largest - expected) if largest != expected else 1.0


tables = npst.arrays(np.int64, npst.array_shapes(min_dims=2, max_dims=2, max_side=5), elements=st.integers(0, 6))


@given(tables.filter(lambda table: table.sum() > 0))
def test_the_adjusted_rand_index_is_that_of_hubert_and_arabie(table):
    """The index of any table is the formula of Hubert and Arabie (1985) on its counts; shares of a row sum to 1."""
    found = compare(
        {f"a{i}": None for i in range(table.shape[0])}, {f"b{i}": None for i in range(table.shape[1])}, table, LINEAGES
    )
    assert found.adjusted_rand == pytest.approx(_adjusted_rand(table), abs=1e-12)
    rows: dict[str, float] = {}
    for pair in found.pairs:
        rows[pair.first] = rows.get(pair.first, 0) + pair.share
    assert list(rows.values()) == pytest.approx([1] * len(rows))
    assert found.exact == found.compatible == 0
