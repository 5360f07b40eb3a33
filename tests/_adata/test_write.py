"""Writing the report: the documented keys, all at once or not at all."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from attrs import evolve

import gca_scanpy as gca
from gca_scanpy._adata import read_clustering, read_report, view_to_actual, write_report
from gca_scanpy._reporting.colors import UNKNOWN_COLOR
from gca_scanpy._reporting.display import LEVELS, STATUSES
from gca_scanpy.db import _bundled
from gca_scanpy.errors import MissingKeyError, ReportError

PALETTE, SHORT = _bundled.palette(), _bundled.shortener()


@pytest.fixture
def report(lineages):
    """Report clusters "0" to "3"."""
    return gca.annotate_markers({str(i): genes for i, genes in enumerate(lineages.values())}, tissue="blood")


class BrokenMapping(dict):
    """An .uns that takes no new entry, as a full disk or a store that is read-only would."""

    def __setitem__(self, key, value):
        raise OSError(28, "No space left on device")


def test_each_cell_has_what_its_cluster_has(cells, report):
    """Every column holds, cell by cell, the value of the cell's cluster in the report."""
    clustering = read_clustering(cells, "cluster")
    write_report(cells, report, clustering, "gptca", PALETTE, SHORT)
    by_id = {c.cluster_id: c for c in report.clusters}
    own = [by_id[key] for key in cells.obs["cluster"]]
    obs = cells.obs
    assert list(obs["gptca_label"]) == [c.annotation.primary_label for c in own]
    assert list(obs["gptca_short_label"]) == [gca.names.short(c.annotation.ontology_id) for c in own]
    assert list(obs["gptca_proposed_label"]) == [c.annotation.proposed_label for c in own]
    assert list(obs["gptca_broad_label"]) == [c.broad_label for c in own]
    ids = obs["gptca_ontology_id"].astype(object)
    assert list(ids.where(ids.notna(), None)) == [c.annotation.ontology_id for c in own]
    assert list(obs["gptca_status"]) == [c.status for c in own]
    assert list(obs["gptca_confidence"]) == [c.confidence for c in own]
    assert list(obs["gptca_confidence_score"]) == [c.confidence_score for c in own]


def test_the_order_of_the_categories(cells, report):
    """Categoricals keep the order of the clusters; confidence is ordered Low < Medium < High."""
    turned = evolve(report, clusters=report.clusters[::-1])
    write_report(cells, turned, read_clustering(cells, "cluster"), "gptca", PALETTE, SHORT)
    expected = list(dict.fromkeys(c.annotation.proposed_label for c in turned.clusters))
    assert list(cells.obs["gptca_proposed_label"].cat.categories) == expected
    confidence = cells.obs["gptca_confidence"].cat
    assert (list(confidence.categories), confidence.ordered) == (["Low", "Medium", "High"], True)
    assert not cells.obs["gptca_label"].cat.ordered
    assert not cells.obs["gptca_status"].cat.ordered


def test_the_colors_follow_the_categories(cells, report):
    """Each column of labels has a color for each of its categories in .uns, that of the label's term."""
    unknown = evolve(report.clusters[1].annotation, primary_label="Unknown or Novel", ontology_id=None)
    turned = evolve(report, clusters=(evolve(report.clusters[1], annotation=unknown), *report.clusters[2:]))
    cells.uns["gptca_label_colors"] = ["#123456"]  # of an earlier run
    write_report(cells, turned, read_clustering(cells, "cluster"), "gptca", PALETTE, SHORT)
    for name in ("label", "short_label", "proposed_label", "broad_label"):
        categories = cells.obs[f"gptca_{name}"].cat.categories
        assert cells.uns[f"gptca_{name}_colors"] == [PALETTE.color(label) for label in categories], name
    assert cells.uns["gptca_label_colors"][0] == UNKNOWN_COLOR
    assert cells.uns["gptca_confidence_colors"] == [LEVELS[name].plot for name in ("Low", "Medium", "High")]
    statuses = cells.obs["gptca_status"].cat.categories
    assert cells.uns["gptca_status_colors"] == [STATUSES[name].plot for name in statuses]
    term = evolve(report.clusters[0].annotation, primary_label="my B", ontology_id="CL:0000236")
    mine = evolve(report, clusters=(evolve(report.clusters[0], annotation=term),))
    write_report(cells, mine, read_clustering(cells, "cluster"), "mine", PALETTE, SHORT)
    assert cells.uns["mine_label_colors"] == cells.uns["mine_short_label_colors"] == [PALETTE.color("B cell")]
    assert list(cells.obs["mine_short_label"].cat.categories) == ["B cell"]
    assert len(cells.uns["gptca_label_colors"]) == 3


def test_uns_holds_flat_text(cells, report):
    """.uns["gptca"] is flat, text only, and no label is a key, so that every anndata can write it."""
    write_report(cells, report, read_clustering(cells, "cluster"), "gptca", PALETTE, SHORT)
    entries = cells.uns["gptca"]
    assert set(entries) == {"report", "schema_version", "parameters", "provenance", "telemetry"}
    assert {type(value) for value in entries.values()} == {str}
    assert json.loads(entries["report"])["summary"]["total_clusters"] == 4
    assert json.loads(entries["provenance"])["database_sha256"] == report.provenance.database_sha256
    assert read_report(cells, "gptca") == report


def test_clusters_without_report_stay_missing(cells, report):
    """Cells of clusters that were not asked for, and cells without cluster, stay NaN in every column."""
    cells.obs["cluster"] = cells.obs["cluster"].where(cells.obs["cluster"] != "3")
    part = evolve(report, clusters=report.clusters[1:3])
    write_report(cells, part, read_clustering(cells, "cluster"), "gptca", PALETTE, SHORT)
    missing = ~cells.obs["cluster"].isin(["1", "2"])
    for name in ("label", "short_label", "proposed_label", "broad_label", "status", "confidence", "confidence_score"):
        assert list(cells.obs[f"gptca_{name}"].isna()) == list(missing), name


def test_duplicate_cell_names(cells, report):
    """Cell names that repeat are no reason to fail, or to give a cell its namesake's label."""
    cells.obs.index = pd.Index(["same"] * cells.n_obs)
    write_report(cells, report, read_clustering(cells, "cluster"), "gptca", PALETTE, SHORT)
    expected = cells.obs["cluster"].map({c.cluster_id: c.status for c in report.clusters})
    assert list(cells.obs["gptca_status"]) == list(expected)


@pytest.mark.parametrize("earlier", [False, True], ids=["first run", "over an earlier run"])
def test_a_failing_uns_write_leaves_everything(cells, report, content, earlier):
    """A run that fails at the last write leaves adata as it was, the columns and report of an earlier run too."""
    clustering = read_clustering(cells, "cluster")
    if earlier:
        write_report(cells, evolve(report, clusters=report.clusters[:2]), clustering, "gptca", PALETTE, SHORT)
    cells.uns = BrokenMapping({**cells.uns, "mine": 1})
    before = content(cells)
    with pytest.raises(OSError, match="No space"):
        write_report(cells, report, clustering, "gptca", PALETTE, SHORT)
    assert content(cells) == before


def test_a_failing_obs_write_leaves_everything(cells, report, content, monkeypatch):
    """A run that fails between two columns leaves adata as it was, and .uns in its order."""
    clustering = read_clustering(cells, "cluster")
    write_report(cells, evolve(report, clusters=report.clusters[:2]), clustering, "gptca", PALETTE, SHORT)
    cells.uns["later"] = 1
    del cells.obs["gptca_status"]
    before = content(cells)
    whole = pd.DataFrame.__setitem__

    def broken(frame, key, value):
        if key == "gptca_confidence" and list(value.cat.categories) and value.notna().all():
            raise MemoryError
        whole(frame, key, value)

    monkeypatch.setattr(pd.DataFrame, "__setitem__", broken)
    with pytest.raises(MemoryError):
        write_report(cells, report, clustering, "gptca", PALETTE, SHORT)
    monkeypatch.undo()
    assert content(cells) == before


def test_a_view_becomes_an_object_of_its_own(cells, report, content):
    """Writing to a view makes it an object of its own; what it was taken from stays."""
    before = content(cells)
    view = cells[::2]
    assert view.is_view
    write_report(view, report, read_clustering(view, "cluster"), "gptca", PALETTE, SHORT)
    assert not view.is_view
    assert view.obs["gptca_status"].notna().all()
    assert content(cells) == before


def test_only_views_are_copied(cells):
    """An object of its own is not copied."""
    matrix = cells.X
    view_to_actual(cells)
    assert cells.X is matrix


def test_reading_where_nothing_is(cells):
    """Without a run, the error says what to call; with something else under the key, that it is not ours."""
    with pytest.raises(MissingKeyError, match=r"no report in \.uns\['gptca'\]; run gca_scanpy\.tl\.annotate"):
        read_report(cells, "gptca")
    for foreign in ({"x": 1}, "text", 3):
        cells.uns["gptca"] = foreign
        with pytest.raises(ReportError, match="was not written by this package"):
            read_report(cells, "gptca")
    cells.uns["gptca"] = {"report": '{"schema_version": "1.0"}'}
    with pytest.raises(ReportError, match="damaged"):
        read_report(cells, "gptca")
