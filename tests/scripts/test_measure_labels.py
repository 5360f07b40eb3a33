"""scripts/measure_labels.py: what it counts."""

from __future__ import annotations

import random
import re
import sys

import pandas as pd
import pytest


@pytest.fixture
def measure(script):
    """The script as a module."""
    return script("measure_labels")


def test_the_table_is_read(measure, tables):
    """Genes and terms become lists, rows without a term are left out, and columns may be missing."""
    table = measure.read(tables[0])
    assert list(table["cluster"]) == ["b", "t", "mono", "liver", "endothelium", "noise"]
    assert table["terms"][0] == ["CL:0000236"]
    assert table["genes"][0][:2] == ["MS4A1", "CD79A"]
    assert table["broad"][0] == []


def test_what_a_probability_promises(measure):
    """A term is right for itself and for its subtypes, and not for its ancestors."""
    assert measure.covers("CL:0000084", ["CL:0000084"])
    assert measure.covers("CL:0000084", ["CL:0000236", "CL:0000624"])
    assert not measure.covers("CL:0000624", ["CL:0000084"])
    assert not measure.covers("", ["CL:0000084"])


def test_the_calibration_error(measure):
    """It is the distance of probability and share of right labels, weighted by the labels of each bin."""
    probability = pd.Series([0.95] * 10 + [0.35] * 10)
    right = pd.Series([True] * 9 + [False] + [True] * 5 + [False] * 5)
    assert measure.calibration_error(probability, right) == pytest.approx((0.05 + 0.15) / 2)
    assert measure.calibration_error(pd.Series([1.0, 0.0]), pd.Series([True, False])) == 0.0


def test_the_figures(measure):
    """Shares are of all clusters, but zero among High and the calibration error, which are of labels shown."""
    found = pd.DataFrame(
        [
            (1.0, 1.0, True, True, 0.9, True, True),
            (0.5, 0.5, True, True, 0.9, True, True),
            (0.5, 0.0, False, False, 0.3, False, False),
            (0.0, 0.0, True, True, 0.9, True, False),
        ],
        columns=["proposed", "shown", "supported", "high", "probability", "has_term", "covers"],
    )
    figures = measure.figures(found)
    assert (figures["proposed label, agreement"], figures["label shown, agreement"]) == (0.5, 0.375)
    assert (figures["same"], figures["zero"], figures["High"], figures["held back"]) == (0.25, 0.25, 0.75, 0.25)
    assert figures["zero among High"] == pytest.approx(1 / 3)
    assert figures["calibration error"] == pytest.approx(0.9 - 2 / 3)


def test_wrong_labels_have_no_relation(measure, tables):
    """The wrong label of a cluster is another cluster's, and unrelated to its own."""
    table, rule = measure.read(tables[0]), measure.rule_of(tables[1])
    wrong = measure.wrong_labels(table, rule, random.Random(0))
    assert all(rule.score([term], terms, []) == 0 for term, terms in zip(wrong, table["terms"]))


def test_it_prints_all_figures(measure, tables, monkeypatch, capsys):
    """A run on clear clusters and a list of noise prints what is right of them."""
    clusters, rule = map(str, tables)
    monkeypatch.setattr(sys, "argv", ["measure_labels.py", clusters, "--agreement", rule, "--genes", "10"])
    measure.main()
    printed = capsys.readouterr().out
    values = {name.strip(): float(value) for name, value in re.findall(r"^  (.*): ([\d.]+)$", printed, re.MULTILINE)}
    assert "10 genes, 6 clusters" in printed
    assert values["zero"] == pytest.approx(1 / 6, abs=1e-3)
    assert values["held back"] == 0
    assert values["experts' labels flagged"] == pytest.approx(1 / 6, abs=1e-3)
    assert values["wrong labels flagged"] == 1
    assert 0 <= values["calibration error"] <= 1
