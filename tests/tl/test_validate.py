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
