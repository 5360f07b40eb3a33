"""scripts/measure_assistant.py: which labels it gives, and what it counts."""

from __future__ import annotations

import random

import pandas as pd
import pytest


@pytest.fixture
def measure(script):
    """The script as a module."""
    return script("measure_assistant")


def test_how_a_label_is_wrong(measure, tables):
    """A relative of the expert's term is not wrong; wrong types are counted by whether their lineage is the same."""
    rule = measure.rule_of(tables[1])
    row = next(row for row in measure.read(tables[0]).itertuples() if row.cluster == "t")
    kinds = {
        term: measure.kind_of(term, row, rule) for term in ("CL:0000084", "CL:0000624", "CL:0000182", "CL:0000236")
    }
    assert kinds["CL:0000084"] is kinds["CL:0000624"] is None
    assert kinds["CL:0000182"] == "other lineage"
    assert kinds["CL:0000236"] != "other lineage" or measure._bundled.lineages().disjoint("CL:0000236", "CL:0000084")


def test_three_of_ten_labels_are_wrong(measure, tables):
    """Equal seeds give equal labels; each that is wrong is so in the way that it is counted as."""
    rule, table = measure.rule_of(tables[1]), pd.concat([measure.read(tables[0])] * 5, ignore_index=True)
    given = list(measure.labels(table, rule, random.Random(1)))
    assert [(kind, term) for _, kind, term in given] == [
        (kind, term) for _, kind, term in measure.labels(table, rule, random.Random(1))
    ]
    wrong = [(row, kind, term) for row, kind, term in given if kind != "right"]
    assert 0 < len(wrong) <= 0.3 * len(given)
    assert all(measure.kind_of(term, row, rule) == kind for row, kind, term in wrong)
    assert all(term == row.terms[0] for row, kind, term in given if kind == "right")


def test_what_is_counted(measure, tables):
    """A verdict for each label, by the tool; a label is stopped unless it is supported."""
    found = measure.checked(measure.read(tables[0]), measure.rule_of(tables[1]), 10, 1)
    right = found[found["kind"] == "right"].set_index("study")["verdict"]
    assert set(right[right.index != "six"]) == {"supported"}  # that study has a cluster of noise
    assert set(found.loc[found["kind"] == "other lineage", "verdict"]) <= {"contradicted", "not_supported"}
    text = measure.shares(pd.DataFrame({"kind": ["right"] * 4, "verdict": ["supported", "contradicted"] * 2}))
    assert text.startswith("right 0.500 of 4 (0.500 contradicted), other lineage nan of 0")
