"""scripts/fit_levels.py: logistic regressions by halves of the studies."""

from __future__ import annotations

import random
import re
import sys

import numpy as np
import pytest


@pytest.fixture
def fit_levels(script):
    """The script as a module."""
    return script("fit_levels")


def made(fit_levels, slopes, n=20_000, seed=0):
    """Rows of which each is right with the probability that the slopes give."""
    rng = np.random.default_rng(seed)
    features = np.column_stack([np.ones(n), rng.normal(size=(n, len(slopes) - 1))])
    right = rng.random(n) < fit_levels.probability(features, np.array(slopes))
    return fit_levels.Data(features, right, np.ones(n), rng.integers(2, size=n))


def test_the_slopes_come_back(fit_levels):
    """From made data with known slopes the fit finds them; a penalty makes them smaller, but not the intercept."""
    slopes = (-1.0, 2.0, -0.5)
    data = made(fit_levels, slopes)
    assert fit_levels.fit(data, 0.0) == pytest.approx(slopes, abs=0.1)
    shrunk = fit_levels.fit(data, 10.0)
    assert np.abs(shrunk[1:]).max() < 0.05
    rate = data.right.mean()
    assert shrunk[0] == pytest.approx(np.log(rate / (1 - rate)), abs=0.05)


def test_weights_are_used(fit_levels):
    """Balanced sides have a probability of one half where nothing tells them apart."""
    rows = [((1.0, 0.0), i < 10, 1.0, i % 2) for i in range(100)]
    even, as_is = fit_levels.Data.of(rows, balanced=True), fit_levels.Data.of(rows)
    assert fit_levels.fit(even, 1e-4)[0] == pytest.approx(0.0, abs=1e-3)
    assert fit_levels.fit(as_is, 1e-4)[0] == pytest.approx(np.log(10 / 90), abs=1e-2)


def test_the_intercept_lets_few_wrong_labels_pass(fit_levels):
    """One in a hundred of the wrong labels passes, whatever the slopes are."""
    wrong = np.column_stack([np.ones(1000), np.arange(1000.0)])
    slopes = fit_levels.strict(np.array([5.0, 0.01]), wrong)
    assert (wrong @ slopes >= 0).mean() == pytest.approx(0.01, abs=0.002)
    assert slopes[1] == 0.01


def test_a_study_is_in_one_half(fit_levels, script, tables):
    """All lists of a study are in the same half, each length is used once, and rows without a label are left out."""
    used = fit_levels.indexes()
    examples = fit_levels.labeled(script("measure_labels").read(tables[0]), used)
    halves = {}
    for example in examples:
        halves.setdefault(example.row.dataset, set()).add(example.half)
    assert all(len(found) == 1 for found in halves.values())
    assert {half for found in halves.values() for half in found} == {0, 1}
    assert [example.row.cluster for example in examples].count("b") == 2
    assert [example.row.cluster for example in examples].count("liver") == 1
    assert "unlabeled" not in {example.row.cluster for example in examples}


def test_what_is_right(fit_levels, script, tables):
    """The expert's term and its ancestors are right levels, lists of noise give none, and random lists are not real."""
    used, rule = fit_levels.indexes(), script("measure_labels").rule_of(tables[1])
    examples = fit_levels.labeled(script("measure_labels").read(tables[0]), used)
    (liver,) = [example for example in examples if example.row.cluster == "liver"]
    rows = list(fit_levels.levels_of([liver]))
    assert sum(weight for _, _, weight, _ in rows) == pytest.approx(1.0)
    assert any(right for _, right, _, _ in rows)
    noise = [example for example in examples if example.row.cluster == "noise"]
    assert list(fit_levels.levels_of(noise)) == []
    drawn = fit_levels.random_lists(used, 3, random.Random(0))
    assert len(drawn) == 3 * 2 * len(fit_levels.LENGTHS)
    assert not any(right for _, right, _, _ in fit_levels.chances_of(drawn, rule))
    assert all(right for _, right, _, _ in fit_levels.chances_of([liver], rule))


def test_the_numbers_are_printed(fit_levels, tables, monkeypatch, capsys):
    """From tables that are given twice, it prints the three fields as numbers.py has them, with their calibration."""
    clusters, rule = map(str, tables)
    monkeypatch.setattr(sys, "argv", ["fit_levels.py", clusters, clusters, "--agreement", rule, "--random-lists", "10"])
    fit_levels.main()
    printed = capsys.readouterr().out
    for name, n_slopes in {"level": 5, "chance": 4, "given": 4}.items():
        (found,) = re.findall(rf"^{name} = \((.*)\)$", printed, re.MULTILINE)
        assert len(found.split(", ")) == n_slopes
    assert printed.count("without half 0") == printed.count("calibration error") == 3
