"""scripts/measure_consensus.py: what it damages."""

from __future__ import annotations

import random

import pandas as pd
import pytest

from gca_scanpy.db import _bundled


@pytest.fixture
def measure(script):
    """The script as a module."""
    return script("measure_consensus")


def test_labels_are_damaged_as_it_says(measure):
    """A fifth is wrong and not related, three in ten are an ancestor, and a third has another name."""
    terms = [term for term in _bundled.short_names() if measure.coarser(term)][:200]
    truth = {str(i): [term] for i, term in enumerate(terms)}
    labels = measure.damage(truth, {}, random.Random(0))
    done = pd.Series([how for _, _, how in labels.values()]).value_counts(normalize=True)
    assert done["wrong"] == pytest.approx(0.2, abs=0.08)
    assert done["coarser"] == pytest.approx(0.3, abs=0.08)
    for key, (term, _, how) in labels.items():
        assert measure.is_relative(term, truth[key]) == (how != "wrong")
        assert (term == truth[key][0]) == (how == "right")
    own_names = [label == _bundled.ontology().label(term) for term, label, _ in labels.values()]
    assert sum(own_names) / len(own_names) == pytest.approx(2 / 3, abs=0.1)
