"""The answers of several models: who wins, how far they agree, and that their order matters for ties only."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._llm.reply import vote
from gca_scanpy._names.labels import agrees
from gca_scanpy._names.ontology import Term
from gca_scanpy._steps import Verdict
from gca_scanpy.db import _bundled

KINDS = ["T cell", "CD4-positive, alpha-beta T cell", "B cell", "neuron", UNKNOWN_LABEL, "no such cell"]
answers = st.lists(
    st.tuples(st.sampled_from(KINDS), st.floats(0, 1).map(lambda x: round(x, 3))), min_size=1, max_size=6
)


def decided(given_answers, order=None):
    """The verdict over answers of (label, confidence)."""
    names = [f"m{i}" for i in range(len(given_answers))]
    found = {n: Verdict("1", label, None, sure, "model") for n, (label, sure) in zip(names, given_answers)}
    return vote([names[i] for i in order] if order else names, found, _bundled.ontology())


def test_a_neighbor_counts_half():
    """Two related answers outvote one that is sure of something else."""
    found = decided([("neuron", 0.99), ("T cell", 0.6), ("CD4-positive, alpha-beta T cell", 0.5)])
    assert found.label == "T cell"
    assert found.panel.agreement == 0.5


def test_nobody_answered():
    """Without any answer there is no verdict."""
    assert vote(["a", "b"], {}, _bundled.ontology()) is None


@given(answers)
def test_measures(given_answers):
    """Agreement and entropy are in their ranges; entropy is Shannon's, in bits; the winner is one of the answers."""
    found = decided(given_answers)
    labels = [label for label, _ in given_answers]
    _, counts = np.unique(labels, return_counts=True)
    shares = counts / counts.sum()
    assert found.label in labels
    assert 0 < found.panel.agreement <= 1
    assert found.panel.entropy == pytest.approx(-(shares * np.log2(shares)).sum(), abs=1e-4)
    if len(set(labels)) == 1:
        assert (found.panel.agreement, found.panel.entropy) == (1.0, 0.0)


@given(answers.filter(lambda a: len({sure for _, sure in a}) == len(a)), st.randoms())
def test_order_decides_ties_only(given_answers, random):
    """Where no two are equally sure, the order in which models are named changes nothing."""
    order = list(range(len(given_answers)))
    random.shuffle(order)
    first, second = decided(given_answers), decided(given_answers, order)
    assert (first.label, first.confidence_score, first.panel.agreement) == (
        second.label,
        second.confidence_score,
        second.panel.agreement,
    )


@pytest.mark.parametrize(
    ("label", "term", "same"),
    [
        ("CD14+ classical monocytes", "classical monocyte", True),
        ("Naive CD4 T cell", "naive thymus-derived CD4-positive, alpha-beta T cell", True),
        ("CD4- T cell", "CD4-positive, alpha-beta T cell", False),
        ("classical monocyte of the blood", "non-classical monocyte", False),
        ("neuron", "B cell", False),
        ("cell", "B cell", False),
    ],
)
def test_names_that_say_the_same(label, term, same):
    """A label agrees with a term whose words it holds; CD4- never with CD4-positive."""
    assert agrees(label, Term("CL:0000000", term)) is same
