"""Results as objects and tables."""

from __future__ import annotations

import attrs
import pytest

import gca_scanpy as gca
from gca_scanpy.errors import MissingKeyError


def test_the_table_has_a_row_per_cluster(plant):
    """get.clusters: a row per cluster in the order of the data, with the values of the report."""
    adata = plant((30, 20, 30, 1))
    adata.obs["cluster"] = adata.obs["cluster"].cat.reorder_categories(["2", "0", "3", "1"])
    gca.tl.annotate(adata, "cluster", tissue="blood")
    table, report = gca.get.clusters(adata), gca.get.report(adata)
    assert list(table.index) == ["2", "0", "3", "1"]
    assert table.index.name == "cluster"
    assert list(table["n_cells"]) == [30, 30, 1, 20]
    for key, row in table.iterrows():
        cluster = report.cluster(key)
        assert row["label"] == cluster.annotation.primary_label
        assert row["proposed_label"] == cluster.annotation.proposed_label
        assert row["broad_label"] == cluster.broad_label
        assert row["ontology_id"] == cluster.annotation.ontology_id
        assert row["confidence_score"] == cluster.confidence_score
        assert row["flag_reasons"] == ", ".join(cluster.validation.flag_reasons)
        assert row["supporting_markers"] == ", ".join(cluster.validation.supporting_markers)
    assert table.loc["3", "flag_reasons"].startswith("no_markers_supplied")


def test_the_table_of_a_report(lineages):
    """get.clusters takes a report too, and is the same table."""
    report = gca.annotate_markers(lineages, tissue="blood")
    table = gca.get.clusters(report)
    assert list(table.index) == list(lineages)
    assert list(table["status"]) == [c.status for c in report.clusters]
    assert table["n_cells"].isna().all()


def test_the_report_is_frozen_and_counts_itself(cells):
    """get.report: frozen; its summary and metrics are those of its clusters."""
    gca.tl.annotate(cells, "cluster", tissue="blood", key_added="mine")
    report = gca.get.report(cells, key="mine")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        report.warnings = ()
    status = [c.status for c in report.clusters]
    assert report.summary.total_clusters == len(status) == 4
    assert report.summary.supported_clusters == status.count("supported")
    assert report.summary.flagged_clusters == status.count("flagged")
    assert list(report.summary.unknown_clusters) == [c.cluster_id for c in report.clusters if c.status == "unknown"]
    assert report.metrics.support_rate == pytest.approx(status.count("supported") / 4)
    assert sum(report.metrics.confidence_counts.values()) == 4


def test_a_cluster_is_found_by_its_exact_id(lineages):
    """report.cluster matches ids exactly: "1" is never "10", and a missing one lists those there are."""
    report = gca.annotate_markers({"10": lineages["B cell"], "1": lineages["T cell"]}, tissue="blood")
    assert report.cluster("1").broad_label == "T cell"
    with pytest.raises(KeyError, match="no cluster '0'; there are: 10, 1"):
        report.cluster("0")


@pytest.mark.parametrize("verb", ["clusters", "report"])
def test_before_any_run(cells, verb):
    """Before any run, the error says what to call."""
    with pytest.raises(MissingKeyError, match=r"\.uns\['gptca'\]; run gca_scanpy\.tl\.annotate"):
        getattr(gca.get, verb)(cells)
