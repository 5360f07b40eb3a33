"""What would settle a cluster: the steps, their genes and their reasons."""

from __future__ import annotations

import pytest

import gca_scanpy as gca
from gca_scanpy.db import _bundled
from gca_scanpy.model import NextStep

T = ["CD2", "CD7"]


def kinds(cluster):
    """The kinds of the steps."""
    return [step.kind for step in cluster.next_steps]


def test_a_short_list_without_a_tissue():
    """More genes, the genes that decide, the proteins to stain, and the tissue."""
    (cluster,) = gca.annotate_markers({"0": T}).clusters
    assert kinds(cluster) == ["genes", "look", "stain", "tissue"]
    look = cluster.next_steps[1]
    assert set(look.genes) >= {"CD6", "NCR1"}
    assert not set(look.genes) & set(T)
    assert "not among the marker genes here" in look.reason
    assert "CD335 (NCR1)" in cluster.next_steps[2].text


def test_nothing_to_settle(cells):
    """A label that is supported with High confidence has no steps."""
    gca.tl.annotate(cells, "cluster", tissue="blood")
    for cluster in gca.get.report(cells).clusters:
        is_settled = cluster.status == "supported" and cluster.confidence == "High"
        assert bool(cluster.next_steps) != is_settled


@pytest.mark.parametrize(
    ("mixed", "kind", "text"),
    [({"n_b": 30, "n_t": 30}, "recluster", "gca_scanpy.tl.split"), ({"n_both": 40}, "doublets", "remove them")],
)
def test_mixed_clusters(mix, mixed, kind, text):
    """What the cells of a mixed cluster are comes first, and the tissue is not asked for again."""
    adata = mix(**mixed)
    gca.tl.annotate(adata, "cluster", tissue="blood")
    cluster = gca.get.report(adata).cluster("9")
    assert kinds(cluster)[0] == kind
    assert text in cluster.next_steps[0].text
    assert "tissue" not in kinds(cluster)
    assert len(kinds(cluster)) == len(set(kinds(cluster))) <= 4


def test_few_cells_and_unmeasured_genes(plant, plant_types):
    """A cluster of few cells is too small, and genes that the data lack are to be measured."""
    adata = plant((30, 30, 30, 5))
    gca.tl.annotate(adata, "cluster")
    cluster = gca.get.report(adata).cluster("3")
    if cluster.next_steps:
        assert kinds(cluster)[0] == "cells"
        assert "5 cells" in cluster.next_steps[0].reason
    kept = plant_types({"0": ["CD2", "CD7"], "1": ["ALB", "APOA1", "TTR"]})
    gca.tl.annotate(kept, "cluster")
    measured = [s for c in gca.get.report(kept).clusters for s in c.next_steps if s.kind == "measure"]
    assert measured
    assert all(set(step.genes).isdisjoint(kept.var_names) for step in measured)


@pytest.mark.filterwarnings("ignore::gca_scanpy.errors.GeneNameWarning")
def test_the_steps_are_shown(tmp_path, capsys):
    """In the page, the CSV file, the table of a run that was stopped, and the JSON file."""
    from gca_scanpy._cli.printing import print_report

    report = gca.annotate_markers({"0": ["ZNF10"]})
    step = report.clusters[0].next_steps[0]
    assert isinstance(step, NextStep)
    assert step.text in gca.io.to_html(report)
    gca.io.to_csv(report, tmp_path / "r.csv")
    assert step.reason in (tmp_path / "r.csv").read_text(encoding="utf-8")
    print_report(report)
    assert f"0, to settle it: {step.text}" in capsys.readouterr().out
    gca.io.to_json(report, tmp_path / "r.json")
    assert gca.io.read_report(tmp_path / "r.json") == report


def test_the_table_of_surface_proteins():
    """Each row is an approved symbol, once, with a CD name; the rows are sorted."""
    table = _bundled.surface_proteins()
    assert list(table) == sorted(table)
    assert set(table) <= set(_bundled.gene_names().approved)
    assert all(name.startswith("CD") and name[2].isdigit() for name in table.values())
    assert (table["SELL"], table["MS4A1"], table["IL3RA"]) == ("CD62L", "CD20", "CD123")


def test_short_contrasts(cells, everywhere):
    """Each candidate that the label excludes has the genes for it and for the label, at most six for each."""
    gca.tl.annotate(cells, "cluster", tissue="blood")
    report = gca.get.report(cells)
    assert any(cluster.contrasts for cluster in report.clusters)
    for cluster in report.clusters:
        names = {candidate.label for candidate in cluster.candidates}
        others = [pair.second.label for pair in cluster.contrasts]
        assert len(set(others)) == len(others) <= len(names)
        assert set(others) <= names
        shown = {level.label for level in cluster.path} | names
        for pair in cluster.contrasts:
            assert pair.first.label in shown - {pair.second.label}
            full = gca.get.contrast(cells, cluster.cluster_id, pair.first.label, pair.second.label)
            for side in (pair.first, pair.second):
                genes = [*side.expressed, *side.lacking, *side.open, *side.unmeasured]
                assert len(set(genes)) == len(genes) <= 6
                assert set(genes) <= {gene.gene for gene in full.for_type(side.label)}
                assert set(side.unmeasured).isdisjoint(cells.var_names)
                assert {*side.expressed, *side.lacking} <= {*cells.var_names}
    assert everywhere(report) == {}
    assert all(pair.first.label in gca.io.to_html(report, labels="full") for pair in report.clusters[1].contrasts)


def test_the_rival_of_a_stopped_label():
    """The rival is contrasted with the label even if it is not among the candidates that the report has."""
    genes = ["MS4A1", "CD79A", "CD79B", "BANK1", "CD19"]
    report = gca.validate_markers({"b": genes}, {"b": "T cell"}, tissue="blood")
    (cluster,) = report.clusters
    assert cluster.stopped_label == "T cell"
    pairs = {(pair.first.label, pair.second.label): pair for pair in cluster.contrasts}
    assert {"MS4A1", "CD79A"} <= set(pairs["T cell", "B cell"].second.expressed)
    assert pairs["T cell", "B cell"].first.expressed == ()


BETA, ALPHA = ["INS", "IAPP", "MAFA", "ADCYAP1", "UCN3"], ["GCG", "LOXL4", "IRX2", "GC", "F10"]
DUCT, ACINAR = ["KRT19", "SOX9", "CFTR", "MUC1"], ["PRSS1", "CPA1", "CTRB1", "CELA3A"]


def _islets(plant_types, both, given=None):
    """A cluster of beta and alpha cells, or of cells that express the genes of both, and two of other cells.

    It is labeled by the scorer, or has a label that a user gave.
    """
    endocrine = {"beta": BETA + ALPHA, "alpha": BETA + ALPHA} if both else {"beta": BETA, "alpha": ALPHA}
    cells = plant_types({**endocrine, "duct": DUCT, "acinar": ACINAR})
    cells.obs["cluster"] = cells.obs["cluster"].astype(str).replace({"beta": "islet", "alpha": "islet"})
    if given is None:
        gca.tl.annotate(cells, "cluster", tissue="pancreas")
    else:
        cells.obs["given"] = given
        gca.tl.validate(cells, "cluster", "given", tissue="pancreas")
    return gca.get.report(cells).cluster("islet")


def test_different_cells_of_two_types(plant_types):
    """If each type's genes are in another half of the cells, to separate them comes first, with the shares."""
    cluster = _islets(plant_types, both=False)
    step = cluster.next_steps[0]
    assert (step.kind, "gca_scanpy.tl.split" in step.text) == ("recluster", True)
    assert "50% of the cells" in step.reason
    assert {*step.genes} <= {*BETA, *ALPHA}
    assert all({*step.genes} & {*genes} for genes in (BETA, ALPHA))


def test_different_cells_of_two_types_under_one_label(plant_types):
    """A label that a user gave stays; clustering more finely comes with the shares of the two types."""
    cluster = _islets(plant_types, both=False, given="pancreatic A cell")
    (step,) = (step for step in cluster.next_steps if step.kind == "recluster")
    assert step.text == "Cluster these cells more finely."
    assert "50% of the cells" in step.reason
    assert {*step.genes} <= {*BETA, *ALPHA}
    assert all({*step.genes} & {*genes} for genes in (BETA, ALPHA))
    assert cluster.annotation.primary_label == "pancreatic A cell"


def test_the_same_cells_of_two_types(plant_types):
    """If the same cells express the genes of both, clustering more finely would not help, and is not a step."""
    cluster = _islets(plant_types, both=True)
    assert cluster.confidence != "High"
    assert "recluster" not in kinds(cluster)
