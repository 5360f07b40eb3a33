"""``certainty``: how probable a label must be, by argument, setting and environment."""

from __future__ import annotations

import pytest

import gca_scanpy as gca
from gca_scanpy import get
from gca_scanpy._names.ontology import Ontology
from gca_scanpy.db import _bundled
from gca_scanpy.errors import GcaError

ONTOLOGY: Ontology = _bundled.ontology()
GENES = {"t": "CD3D CD3E CD8A CD8B GZMK CCL5 IL7R TRAC".split(), "b": "MS4A1 CD79A CD19 IGHD TCL1A FCER2".split()}


def labels(report):
    """Give the term of each cluster."""
    return [cluster.annotation.ontology_id for cluster in report.clusters]


def annotated(**options):
    """Annotate the lists."""
    return gca.annotate_markers(GENES, tissue="blood", **options)


def test_it_dials_depth_against_safety():
    """Each lower value gives the same terms or subtypes; 1 gives the broadest and 0 the finest, with the same paths."""
    reports = [annotated(certainty=value) for value in (1.0, 0.9, 0.7, 0.5, 0.3, 0.0)]
    for higher, lower in zip(reports[1:], reports[2:]):
        for above, below in zip(labels(higher), labels(lower)):
            assert above == below or above in ONTOLOGY.ancestors(below)
    assert labels(reports[0]) != labels(reports[-1])
    for broad, fine in zip(reports[0].clusters, reports[-1].clusters):
        assert broad.path[0].probability == fine.path[0].probability
        assert broad.fine_label == fine.fine_label
    for value, report in zip((0.9, 0.7, 0.5, 0.3), reports[1:]):
        for cluster in report.clusters:
            (level,) = [x for x in cluster.path if x.ontology_id == cluster.annotation.ontology_id]
            assert level.probability >= value or level == cluster.path[0] or cluster.path[0].probability < value


def test_who_decides(monkeypatch):
    """The argument outranks an override, which outranks the environment; each is recorded among the parameters."""
    assert annotated().parameters["certainty"] == "0.6"
    monkeypatch.setenv("GCA_CERTAINTY", "0.95")
    by_environment = annotated()
    assert by_environment.parameters["certainty"] == "0.95"
    assert labels(by_environment) == labels(annotated(certainty=0.95))
    with gca.settings.override(certainty=0.3):
        by_setting = annotated()
        assert by_setting.parameters["certainty"] == "0.3"
        by_argument = annotated(certainty=0.95)
    assert by_argument.parameters["certainty"] == "0.95"
    assert labels(by_argument) == labels(by_environment)
    assert labels(by_setting) == labels(annotated(certainty=0.3)) != labels(by_argument)


@pytest.mark.parametrize("value", [-0.1, 1.1, 60, "high", "0.6", float("nan"), float("inf"), True, [0.6]])
def test_values_that_are_refused(value, cells):
    """What is no share is refused before anything is read, by every way, and the error names certainty."""
    with pytest.raises(GcaError, match="certainty"):
        annotated(certainty=value)
    with pytest.raises(GcaError, match="certainty"):
        gca.tl.annotate(cells, "cluster", certainty=value)
    with pytest.raises(GcaError, match="certainty"), gca.settings.override(certainty=value):
        pass
    assert "gptca" not in cells.uns


@pytest.mark.parametrize("text", ["60%", "1.5", "-1", "high", "nan"])
def test_an_environment_that_is_refused(monkeypatch, text):
    """The error names the variable or the setting."""
    monkeypatch.setenv("GCA_CERTAINTY", text)
    with pytest.raises(GcaError, match=r"GCA_CERTAINTY|certainty="):
        annotated()


def test_cells(cells):
    """tl.annotate takes it too, and the columns of .obs follow; the finest guess stays."""
    gca.tl.annotate(cells, "cluster", tissue="blood", certainty=1.0, key_added="broad")
    gca.tl.annotate(cells, "cluster", tissue="blood", certainty=0.0, key_added="fine")
    assert get.report(cells, "broad").parameters["certainty"] == "1.0"
    assert (cells.obs["broad_fine_label"].astype(str) == cells.obs["fine_fine_label"].astype(str)).all()
    assert (cells.obs["fine_label"].astype(str) == cells.obs["fine_fine_label"].astype(str)).all()
    assert (cells.obs["broad_label"].astype(str) != cells.obs["fine_label"].astype(str)).any()
    assert cells.obs["fine_fine_probability"].between(0, 1).all()


def test_given_labels_are_not_changed():
    """Labels of a user are shown as they are, however certain they must be."""
    with gca.settings.override(certainty=1.0):
        report = gca.validate_markers(GENES, {"t": "CD8 T cell", "b": "B cell"}, tissue="blood")
    assert [cluster.annotation.primary_label for cluster in report.clusters] == ["CD8 T cell", "B cell"]
