"""The picture of the candidates."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from attrs import evolve

import gca_scanpy as gca
from gca_scanpy._reporting.display import STATUSES
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError


def _seen(ax):
    """Give the values of the heat map by row and column name."""
    values = np.ma.filled(np.ma.masked_invalid(ax.images[0].get_array()), np.nan)
    rows = [text.get_text() for text in ax.get_yticklabels()]
    columns = [text.get_text() for text in ax.get_xticklabels()]
    return {
        (r, c): values[i, j] for i, r in enumerate(rows) for j, c in enumerate(columns) if values[i, j] == values[i, j]
    }


@pytest.mark.parametrize("value", ["probability", "score"])
def test_each_cell_has_the_candidates_value(report_with, value):
    """Every shown candidate has its value in its cell, and no other cell has one."""
    report = report_with(2)
    seen = _seen(gca.pl.candidates(report, value=value, n_terms=2, show=False))
    expected = {(c.cluster_id, k.label): getattr(k, value) for c in report.clusters for k in c.candidates[:2]}
    assert {(row.split(" · ")[0], column): got for (row, column), got in seen.items()} == pytest.approx(expected)


def _marks(ax):
    """Give the marks by the cluster and the type of their fields."""
    rows, columns = ([t.get_text() for t in labels] for labels in (ax.get_yticklabels(), ax.get_xticklabels()))
    places = [(text.get_text(), *map(int, text.get_position())) for text in ax.texts]
    return {(rows[y].split(" · ")[0], columns[x]): mark for mark, x, y in places}


def test_the_label_is_marked(report_with):
    """The field of each label, shown or stopped, has the mark of the status, also if it is not among the best."""
    report = report_with(2)
    last = report.clusters[0].candidates[3]
    note = evolve(report.clusters[0].annotation, primary_label=last.label, ontology_id=last.ontology_id)
    report = evolve(report, clusters=(evolve(report.clusters[0], annotation=note, path=()), report.clusters[1]))
    assert _marks(gca.pl.candidates(report, n_terms=2, show=False)) == {
        ("0", last.label): STATUSES["supported"].mark,
        ("1", report.clusters[1].annotation.proposed_label): STATUSES["flagged"].mark,
    }


@pytest.mark.parametrize(("label", "marks"), [(1, {1: "✓", 3: "○"}), (0, {3: "✓"}), (3, {3: "✓"})])
def test_the_finest_guess_is_marked(report_with, with_path, label, marks):
    """A ring is on the finest guess; if the label is no candidate, the guess has the mark of the status instead."""
    report = report_with(1)
    cluster = with_path(report.clusters[0])
    levels, shown = cluster.path, cluster.path[label]
    first = cluster.candidates[0]
    named = tuple(evolve(first, label=level.label, ontology_id=level.ontology_id) for level in levels[1:])
    note = evolve(cluster.annotation, primary_label=shown.label, ontology_id=shown.ontology_id)
    report = evolve(report, clusters=(evolve(cluster, candidates=named, annotation=note),))
    expected = {("0", levels[place].label): mark for place, mark in marks.items()}
    assert _marks(gca.pl.candidates(report, n_terms=1, show=False)) == expected


def test_columns_have_the_colors_of_their_types(report_with):
    """A square in the color of the type stands under each name."""
    report = report_with(3)
    ax = gca.pl.candidates(report, show=False)
    columns = [text.get_text() for text in ax.get_xticklabels()]
    squares = {line.get_xdata()[0]: line.get_color() for line in ax.lines}
    color = _bundled.palette().of_report(report, [(name, None) for name in columns])
    assert squares == {i: color(name, None) for i, name in enumerate(columns)}
    assert len(set(squares.values())) == len(columns)


@pytest.mark.no_cover
@pytest.mark.parametrize("n", [1, 5, 60])
@pytest.mark.parametrize("long", [False, True])
def test_nothing_covers_anything(report_with, overlaps, long_names, n, long):
    """No text covers another or is cut off, with short and with long names."""
    label = "CD4-positive, CD25-positive, regulatory T" if long else None
    ax = gca.pl.candidates(report_with(n, long_names if long else str, label), show=False)
    assert overlaps(ax) == ([], [])


def test_chosen_clusters(report_with):
    """Only the clusters that are named are shown; another name is an error that lists those there are."""
    report = report_with(3)
    ax = gca.pl.candidates(report, clusters=["1"], show=False)
    assert [text.get_text().split(" · ")[0] for text in ax.get_yticklabels()] == ["1"]
    with pytest.raises(InputError, match="no cluster 'x'; the report has: '0', '1', '2'"):
        gca.pl.candidates(report, clusters=["x"])
    with pytest.raises(InputError, match="clusters is empty; the report has"):
        gca.pl.candidates(report, clusters=[])
    with pytest.raises(InputError, match="value='p' must be one of"):
        gca.pl.candidates(report, value="p")
    with pytest.raises(InputError, match="no cluster to show has a candidate"):
        gca.pl.candidates(report, clusters="2")


def test_save_and_return(report_with, tmp_path):
    """It saves, returns and draws into given axes as the other plots do."""
    assert isinstance(gca.pl.candidates(report_with(2), return_fig=True), mpl.figure.Figure)
    ax = plt.subplots()[1]
    assert gca.pl.candidates(report_with(2), ax=ax, save=tmp_path / "c.png") is ax
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
