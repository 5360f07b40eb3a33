"""What each gene tells, worked out when it is asked for."""

from __future__ import annotations

import threading
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._prepare import index_of
from gca_scanpy._scoring import index
from gca_scanpy.db import _bundled

BUNDLED = index_of(_bundled.database(), "human")


def test_it_is_a_mapping_of_the_positive_genes():
    """Its keys are the genes that mark a type; what marks none is not in it, and costs no error."""
    hits = BUNDLED.hits
    genes = {gene for kind in BUNDLED.types.values() for gene in kind.positive}
    assert set(hits) == genes
    assert len(hits) == len(genes)
    assert "CD3E" in hits
    assert "NOTHING" not in hits
    assert hits.get("NOTHING") is None
    assert hits.get("NOTHING", {}) == {}
    with pytest.raises(KeyError):
        hits["NOTHING"]


def test_every_owner_is_told_for():
    """Each type has its own genes with more than any heir of it has by inheritance."""
    for gene in ("CD3E", "ALB", "COL1A1", "SNAP25"):
        told = BUNDLED.hits[gene]
        owners = {key for key, kind in BUNDLED.types.items() if gene in kind.positive}
        assert owners <= set(told)
        assert max(told, key=told.get) in owners


def test_threads_that_ask_at_once_get_the_same():
    """An index is shared by all threads of a process."""
    fresh = index.build(_bundled.database(), "human", _bundled.lineages())
    genes = sorted(fresh.hits)[:2000]
    found = [None] * 4

    def work(number):
        found[number] = {gene: dict(fresh.hits[gene]) for gene in genes}

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [{gene: dict(BUNDLED.hits[gene]) for gene in genes}] * 4


@given(st.lists(st.sampled_from(sorted(BUNDLED.hits)), unique=True, max_size=12))
def test_sums_over_genes_are_those_of_each_gene(genes):
    """What genes tell together is the sum of what each tells, and a broad type has the best of its types."""
    hits, total, best = BUNDLED.hits, Counter(), {}
    for place, gene in enumerate(genes):
        for key, nats in hits[gene].items():
            total[key] += nats
            broad = BUNDLED.lineages.broad(BUNDLED.types[key].id)
            pair = place, broad.id if broad else key
            best[pair] = max(best.get(pair, 0.0), nats)
    assert [round(total[key], 9) for key in hits.most_marked(genes)] == sorted(
        (round(nats, 9) for nats in total.values()), reverse=True
    )
    names = hits.broad_types()[0]
    found = hits.best_by_broad(len(genes), *hits.of_genes(genes))
    assert {(row, names[number]): found[row, number] for row, number in zip(*np.nonzero(found))} == best
