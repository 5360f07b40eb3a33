"""Checking labels that exist: of cells and of lists of markers."""

from __future__ import annotations

import pytest

import gca_scanpy as gca
from gca_scanpy.errors import InputError, MissingKeyError


@pytest.fixture
def labeled(cells):
    """Cells with labels of a user, one of them wrong."""
    labels = {"0": "B cell", "1": "hepatocyte", "2": "monocyte", "3": "natural killer cell"}
    cells.obs["mine"] = cells.obs["cluster"].map(labels)
    return cells


def test_no_model_is_asked_or_recorded(labeled, fake_model):
    """With a model in the settings, validating asks none, and the provenance names none."""
    with gca.settings.override(model="openai:gpt-4.1-mini"):  # without a key: asking it would be an error
        gca.tl.validate(labeled, "cluster", "mine")
        report = gca.validate_markers({"0": ["MS4A1", "CD79A"]}, {"0": "B cell"})
    for one in (gca.get.report(labeled), report):
        assert (one.provenance.model, one.provenance.prompt_version) == (None, None)
        assert {c.source for c in one.clusters} == {"user"}


def test_it_writes_as_annotate_does(labeled):
    """The same columns, the column of labels among the parameters, and a copy if one is asked for."""
    validated = gca.tl.validate(labeled, "cluster", "mine", copy=True)
    assert "gptca_label" not in labeled.obs
    annotated = gca.tl.annotate(labeled, "cluster", copy=True)
    assert list(validated.obs.columns) == list(annotated.obs.columns)
    parameters = gca.get.report(validated).parameters
    assert parameters["labels"] == "mine"
    assert "model" not in parameters


def test_a_column_that_does_not_exist(labeled, content):
    """The error names the column and those that could be meant; nothing is written."""
    before = content(labeled)
    with pytest.raises(MissingKeyError, match=r"'theirs'.*'mine'"):
        gca.tl.validate(labeled, "cluster", "theirs")
    assert content(labeled) == before


def test_lists_of_markers(lineages):
    """A right label is supported, a wrong one flagged, a missing one said to be missing."""
    names = list(lineages)
    markers = {"right": lineages[names[0]], "wrong": lineages[names[1]], "none": lineages[names[2]]}
    report = gca.validate_markers(markers, {"right": names[0], "wrong": "hepatocyte"}, tissue="blood")
    assert report.cluster("right").status == "supported"
    assert report.cluster("wrong").status == "flagged"
    assert report.cluster("none").validation.flag_reasons == ("validation_missing",)


@pytest.mark.parametrize(
    ("labels", "message"),
    [({"9": "B cell"}, "without markers: 9; the clusters are: 0"), ({"0": 7}, "'0' is 7; it must be text")],
)
def test_labels_that_cannot_be_used(lineages, labels, message):
    """A label for a cluster that is not there, or that is no text, is an error that says so."""
    with pytest.raises(InputError, match=message):
        gca.validate_markers({"0": lineages["B cell"]}, labels)


def test_markers_that_were_not_measured(pbmc):
    """On a panel, markers that are not on it stand apart from those that the cells do not express."""
    pbmc.obs["label"] = "B cell"
    pbmc.raw = None
    gca.tl.validate(pbmc, "louvain", "label", tissue="blood")
    for cluster in gca.get.report(pbmc).clusters:
        measured, unmeasured = cluster.validation.missing_markers, cluster.validation.unmeasured_markers
        assert set(measured) <= set(pbmc.var_names)
        assert unmeasured
        assert not set(unmeasured) & set(pbmc.var_names)
    lists = gca.validate_markers({"0": ["MS4A1", "CD79A"]}, {"0": "B cell"}).clusters[0].validation
    assert lists.missing_markers
    assert lists.unmeasured_markers == ()


def test_a_measured_gene_may_have_another_name(pbmc):
    """A marker that the data have under an older name or an Ensembl id was measured."""
    pbmc.obs["label"] = "B cell"
    pbmc.raw = None
    names = {"CD79A": "ENSG00000105369", "MS4A1": "ms4a1"}
    pbmc.var_names = [names.get(name, name) for name in pbmc.var_names]
    del pbmc.uns["rank_genes_groups"]
    gca.tl.validate(pbmc, "louvain", "label", tissue="blood")
    for cluster in gca.get.report(pbmc).clusters:
        assert not set(names) & set(cluster.validation.unmeasured_markers)


def test_the_tables_show_why_a_label_is_flagged():
    """The reasons have a name that is no attribute of pandas, and the notes stand beside them."""
    report = gca.validate_markers({"0": ["MS4A1", "CD79A", "CD79B", "BANK1"]}, {"0": "T cell"}, tissue="blood")
    table = gca.get.clusters(report)
    assert list(table.flag_reasons) == ["contradictory_markers"]
    assert table.loc["0", "notes"].startswith("B cell has more evidence than T cell, from ")
    assert table.loc["0", "contradictory_markers"].split(", ")[0] in table.loc["0", "notes"]
