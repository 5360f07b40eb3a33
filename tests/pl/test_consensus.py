"""The plot of the votes."""

from __future__ import annotations

import pytest
from attrs import evolve

import gca_scanpy as gca
from gca_scanpy.errors import InputError, MissingKeyError
from gca_scanpy.pl._compare import FIELDS


@pytest.fixture
def joined(cells):
    """Cells of four types with three columns of labels, which were joined."""
    names = {"0": "B cell", "1": "CD8 T", "2": "monocyte", "3": "NK"}
    for key, other in (("mine", {}), ("tool", {"1": "T cell", "2": "Unassigned"}), ("expert", {"0": "neuron"})):
        cells.obs[key] = cells.obs["cluster"].astype(str).map({**names, **other})
    gca.tl.consensus(cells, ["mine", "tool", "expert"], "cluster", tissue="blood")
    return cells


def _fields(ax):
    """The texts of the fields by row and column."""
    return {(round(t.get_position()[1]), round(t.get_position()[0])): t.get_text() for t in ax.texts}


def test_a_field_for_each_vote(joined):
    """Rows are clusters, sorted by the ontology; the last column has the agreement; a silent vote has no text."""
    ax = gca.pl.consensus(joined, show=False)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["mine", "tool", "expert", "agreement"]
    rows = [t.get_text() for t in ax.get_yticklabels()]
    assert rows[0] == "1 · CD8-positive, alpha-beta T cell"
    fields = _fields(ax)
    assert [fields[0, x] for x in range(4)] == ["CD8 T", "T cell", "CD8 T", "0.80"]
    b, mono = (next(i for i, row in enumerate(rows) if name in row) for name in ("B cell", "monocyte"))
    assert (fields[b, 2], fields[b, 3], fields[mono, 1]) == ("neuron", "0.67", "")
    said = {text.get_text() for text in ax.get_legend().get_texts()}
    assert said == {FIELDS[kind][1] for kind in ("for", "open", "other", "silent")}


def test_the_depth(joined):
    """At the broad type, a broader vote agrees as well; a level that is too deep is the finest one."""
    ax = gca.pl.consensus(joined, depth="broad", clusters=["1"], show=False)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["1 · T cell"]
    assert _fields(ax)[0, 3] == "1.00"
    assert {text.get_text() for text in ax.get_legend().get_texts()} == {FIELDS["for"][1]}
    deep = gca.pl.consensus(joined, depth=99, clusters="1", show=False)
    assert [t.get_text() for t in deep.get_yticklabels()] == ["1 · CD8-positive, alpha-beta T cell"]
    short = gca.pl.consensus(joined, labels="short", clusters="1", show=False)
    assert _fields(short)[0, 1] == "T cell"
    assert _fields(short)[0, 0] == "CD8 T"


def test_long_votes_and_columns_that_are_cut(joined):
    """Types and columns that differ in the middle differ in the picture, and the fields are as wide as they need."""
    long = "naive thymus-derived CD{}-positive, alpha-beta T cell"
    for n in (4, 8):
        joined.obs[f"the tool of the {n} institutes for labels"] = long.format(n)
    columns = [f"the tool of the {n} institutes for labels" for n in (4, 8)]
    gca.tl.consensus(joined, columns, "cluster", tissue="blood", key_added="long")
    ax = gca.pl.consensus(joined, key="long", show=False)
    fields, titles = _fields(ax), [t.get_text() for t in ax.get_xticklabels()]
    assert (fields[0, 0] != fields[0, 1]) & (titles[0] != titles[1])
    inch = ax.get_window_extent().width / ax.figure.dpi / 3
    assert inch > 1.8


def test_no_consensus(joined):
    """A cluster whose votes have nothing in common is drawn as Unknown; single cells are drawn by their labels."""
    joined.obs["a"], joined.obs["b"] = "T cell", "neuron"
    gca.tl.consensus(joined, ["a", "b"], key_added="split")
    ax = gca.pl.consensus(joined, key="split", show=False)
    assert _fields(ax)[0, 2] == "0.00"


def test_what_cannot_be_drawn(joined):
    """A report without votes, a cluster or a depth that does not exist: the error says so."""
    gca.tl.annotate(joined, "cluster")
    with pytest.raises(InputError, match="has no votes"):
        gca.pl.consensus(joined, key="gptca", show=False)
    with pytest.raises(MissingKeyError, match="nothing"):
        gca.pl.consensus(joined, key="nothing", show=False)
    with pytest.raises(InputError, match=r"depth='deep' must be 'label', 'broad', or a whole number from 1"):
        gca.pl.consensus(joined, depth="deep", show=False)


@pytest.mark.parametrize("n", [3, 12, 40])
def test_texts_stay_in_their_fields(joined, n):
    """No label is wider than its field, with few clusters and with many."""
    report = gca.get.report(joined, "consensus")
    long = "a label of a tool that is much longer than any field of the table"
    votes = tuple(evolve(vote, label=long) for vote in report.clusters[0].consensus.votes)
    cluster = evolve(report.clusters[0], consensus=evolve(report.clusters[0].consensus, votes=votes))
    many = evolve(report, clusters=tuple(evolve(cluster, cluster_id=str(i)) for i in range(n)))
    ax = gca.pl.consensus(many, show=False)
    fig = ax.figure
    fig.canvas.draw()
    width = ax.get_window_extent().width / len(ax.get_xticks())
    assert max(text.get_window_extent().width for text in ax.texts) < width
    assert len(ax.get_yticks()) == n
