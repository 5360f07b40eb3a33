"""The picture of the labels in their tree."""

from __future__ import annotations

import matplotlib as mpl
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.patches import Rectangle

import gca_scanpy as gca
from gca_scanpy._reporting.curation import Choice, decide
from gca_scanpy.db import _bundled
from gca_scanpy.pl._ontology import INDENT, ROOT, tree

LINEAGES, ONTOLOGY = _bundled.lineages(), _bundled.ontology()
RESOLVE = ONTOLOGY.resolve


@pytest.fixture
def labeled(report_with):
    """Make a report of clusters "0", "1", ... with these labels."""

    def make(*labels, n_cells=10):
        report = report_with(len(labels))
        clusters = [
            evolve(
                cluster,
                annotation=evolve(cluster.annotation, primary_label=label, ontology_id=RESOLVE(label)),
                n_cells=n_cells,
            )
            for cluster, label in zip(report.clusters, labels)
        ]
        return evolve(report, clusters=tuple(clusters))

    return make


def _rows(ax):
    """Give the texts of each row, from left to right, and where the first one stands."""
    rows: dict[int, list] = {}
    for text in ax.texts:
        x, y = text.get_position()
        if y >= 0 and text.get_text():
            rows.setdefault(int(y), []).append((x, text.get_text()))
    return [(sorted(rows[y])[0][0], [name for _, name in sorted(rows[y])]) for y in sorted(rows)]


def test_a_row_has_label_cells_and_clusters(labeled):
    """Clusters of one label share a row; what joins branches has a name only, and Unknown stands apart at the end."""
    report = labeled("regulatory T cell", "B cell", "B cell", "Unknown or Novel", "my own type")
    scores = [f"{cluster.confidence_score:.2f}" for cluster in report.clusters]
    assert scores[2] < scores[1]
    rows = [texts for _, texts in _rows(gca.pl.ontology(report, show=False))]
    assert rows == [
        ["leukocyte"],
        ["regulatory T cell", "10", scores[0], "0"],
        ["B cell", "20", f"{scores[2]}–{scores[1]}", "1, 2"],
        ["my own type", "10", scores[4], "4"],
        ["Unknown or Novel", "10", "3"],
    ]
    same = evolve(report, clusters=tuple(evolve(c, confidence_score=0.804) for c in report.clusters))
    assert _rows(gca.pl.ontology(same, show=False))[2][1] == ["B cell", "20", "0.80", "1, 2"]
    decided = decide(report, [Choice("1", "accepted"), Choice("2", "accepted")], "Ada", "", _bundled.ontology())
    assert _rows(gca.pl.ontology(decided, show=False))[2][1] == ["B cell", "20", "1, 2"]


def test_what_is_special_stands_further_right(labeled):
    """Each step down the tree is indented, and a branch leads to each node from the one above."""
    ax = gca.pl.ontology(labeled("T cell", "regulatory T cell", "B cell"), show=False)
    found = {texts[0]: x for x, texts in _rows(ax)}
    assert found["T cell"] - found["leukocyte"] == pytest.approx(INDENT)
    assert found["regulatory T cell"] - found["T cell"] == pytest.approx(INDENT)
    branches = [line for line in ax.lines if len(line.get_xdata()) == 3]
    assert [(line.get_ydata()[0], line.get_ydata()[-1]) for line in branches] == [(0, 1), (1, 2), (0, 3)]


def test_the_colors_are_those_of_the_types(labeled):
    """Dots and bars have the color of the type; the longest bar has most cells."""
    report = labeled("B cell", "T cell")
    report = evolve(report, clusters=(evolve(report.clusters[0], n_cells=30), report.clusters[1]))
    ax = gca.pl.ontology(report, show=False)
    colors = [_bundled.palette().color(name) for name in ("T cell", "B cell")]
    bars = [p for p in ax.patches if isinstance(p, Rectangle) and p.get_height() == 0.5]
    assert [mpl.colors.to_hex(bar.get_facecolor()).upper() for bar in bars] == colors
    assert bars[0].get_width() / bars[1].get_width() == pytest.approx(1 / 3)
    assert [line.get_markerfacecolor() for line in ax.lines if line.get_marker() == "o"] == ["white", *colors]


@pytest.mark.parametrize("labels", [["B cell"], ["Unknown or Novel"] * 3, ["no such type"]])
def test_sane_without_a_tree(labeled, labels, overlaps):
    """One cluster, or none with a term: a row for each label."""
    ax = gca.pl.ontology(labeled(*labels), show=False)
    assert len(_rows(ax)) == 1
    assert overlaps(ax) == ([], [])


def test_a_report_without_cells_counts_clusters(labeled):
    """Where the report knows no cells, the clusters are counted."""
    report = labeled("B cell", "B cell", "T cell", n_cells=None)
    report = evolve(report, clusters=tuple(evolve(c, confidence_score=0.7) for c in report.clusters))
    ax = gca.pl.ontology(report, show=False)
    assert [texts for _, texts in _rows(ax)][1:] == [["T cell", "1", "0.70", "2"], ["B cell", "2", "0.70", "0, 1"]]
    assert "n" in [text.get_text() for text in ax.texts]


def test_many_clusters_of_one_label(labeled):
    """As many clusters are listed as have room, each by its whole name, and the others are counted."""
    ax = gca.pl.ontology(labeled(*["B cell"] * 60), show=False)
    listed = _rows(ax)[0][1][-1]
    assert listed.startswith("0, 1, 2, ")
    assert listed.endswith(" more")
    assert listed.count(",") + 1 + int(listed.split()[-2]) == 60


@pytest.mark.no_cover
@pytest.mark.parametrize("n", [5, 60])
def test_nothing_covers_anything(labeled, overlaps, n):
    """No text covers another or is cut off, with 60 types and long names."""
    types = sorted(set(_bundled.database().facts["cell_type"]), key=len)[-n:]
    assert overlaps(gca.pl.ontology(labeled(*types), show=False)) == ([], [])


@pytest.mark.parametrize("name", ["$T_{reg}$", "a\nb", "x" * 10_000, "שלום", "细胞", "", r"\frac $"])
@pytest.mark.filterwarnings("ignore:Glyph")
def test_hostile_labels(labeled, name):
    """No label breaks the picture, and none is read as a formula."""
    ax = gca.pl.ontology(labeled(name, "B cell"), show=False)
    ax.figure.canvas.draw()
    assert not any(text._preprocess_math(text.get_text())[1] is True for text in ax.texts)


def test_the_tree_has_only_what_joins():
    """Blood hangs below its common ancestor; a broad type that joins nothing is left out."""
    ids = [RESOLVE(name) for name in ("regulatory T cell", "CD8-positive, alpha-beta T cell", "B cell", "hepatocyte")]
    found = [(ONTOLOGY.label(node.term), node.depth) for node in tree(ids, LINEAGES)]
    assert found[0] == ("cell", 0)
    assert found[1] == ("leukocyte", 1)
    assert found[2] == ("T cell", 2)
    assert {found[3], found[4]} == {("regulatory T cell", 3), ("CD8-positive, alpha-beta T cell", 3)}
    assert found[5:] == [("B cell", 2), ("hepatocyte", 1)]
    assert [ONTOLOGY.label(node.term) for node in tree(ids[:1], LINEAGES)] == ["regulatory T cell"]
    assert tree([], LINEAGES) == []


@given(st.lists(st.sampled_from(sorted(ONTOLOGY.terms)), min_size=1, max_size=25, unique=True))
def test_the_tree_is_a_tree(some):
    """Every term is there once, each node hangs below a true ancestor, and what no one asked for joins branches."""
    nodes = tree(some, LINEAGES)
    found = [node.term for node in nodes]
    assert len(set(found)) == len(found)
    assert set(some) <= set(found)
    above: dict[int, str] = {}
    children: dict[str, int] = {}
    for node in nodes:
        if node.depth:
            parent = above[node.depth - 1]
            children[parent] = children.get(parent, 0) + 1
            assert parent in (ROOT, *ONTOLOGY.ancestors(node.term))
        above[node.depth] = node.term
    assert all(children.get(term, 0) > 1 for term in found if term not in some)
