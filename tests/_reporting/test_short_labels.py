"""A report with the short names of its types."""

from __future__ import annotations

import pytest
from attrs import evolve

import gca_scanpy as gca
from gca_scanpy._reporting.curation import Choice, decide
from gca_scanpy._reporting.short_labels import short_labels, with_labels
from gca_scanpy.db import _bundled

SHORT = _bundled.shortener()


@pytest.fixture(scope="module")
def report():
    """A plasmacytoid dendritic cell, a type 2 cell of the lung, and nothing."""
    return gca.annotate_markers(
        {
            "p": "LILRA4 CLEC4C IL3RA GZMB TCF4 IRF7".split(),
            "a": "SFTPC SFTPB SFTPA1 ABCA3 LAMP3 NAPSA".split(),
            "-": [],
        }
    )


def _with(report, place, **fields):
    cluster = report.clusters[place]
    changed = evolve(cluster, annotation=evolve(cluster.annotation, **fields))
    return evolve(report, clusters=(*report.clusters[:place], changed, *report.clusters[place + 1 :]))


def test_one_short_label_a_cluster(report):
    """The names are those of gca.names.short; an unknown cluster stays unknown."""
    assert short_labels(report, SHORT) == ["pDC", "AT2", "Unknown or Novel"]


def test_every_label_is_replaced(report):
    """Labels, candidates, broad types and the types that speak against a label are short; texts and numbers stay."""
    against = evolve(
        report.clusters[0].validation, contradictory_markers={"SFTPC": ("pulmonary alveolar type 2 cell",)}
    )
    report = evolve(report, clusters=(evolve(report.clusters[0], validation=against), *report.clusters[1:]))
    short = with_labels(report, "short", SHORT)
    first = short.clusters[0]
    assert (first.annotation.primary_label, first.annotation.proposed_label, first.broad_label) == ("pDC", "pDC", "DC")
    assert [c.label for c in first.candidates] == [gca.names.short(c.ontology_id) for c in first.candidates]
    assert first.validation.contradictory_markers == {"SFTPC": ("AT2",)}
    assert first.annotation.rationale == report.clusters[0].annotation.rationale
    assert short.clusters[2] == report.clusters[2]
    assert with_labels(report, "full", SHORT) is report


def test_an_own_type_that_looks_like_a_candidate(report):
    """The clash is seen although the type is only a candidate, so all figures and tables of a run agree."""
    own = _with(report, 0, primary_label="at 2", proposed_label="at 2", ontology_id=None, proposed_ontology_id=None)
    assert short_labels(own, SHORT) == ["at 2", "pulmonary alveolar type 2 cell", "Unknown or Novel"]
    assert with_labels(own, "short", SHORT).clusters[1].candidates[0].label == "pulmonary alveolar type 2 cell"


def test_curated_labels(report):
    """A curated type is short, words that say more stay, and the short label of the run stays as the label does."""
    choices = [Choice("p", "changed", "AT1"), Choice("a", "changed", "activated pDC (CL:0000784)")]
    decided = decide(report, choices, "Ada", "2026-01-01", SHORT.ontology)
    assert [d.to_label for d in with_labels(decided, "short", SHORT).audit] == ["AT1", "activated pDC"]
    assert short_labels(decided, SHORT) == short_labels(report, SHORT)


def test_a_label_without_broad_type(report):
    """A label that stands in place of its broad type is the same type."""
    wide = _with(report, 0, primary_label="lymphocyte", ontology_id="CL:0000542")
    wide = evolve(wide, clusters=(evolve(wide.clusters[0], broad_label="lymphocyte", broad_ontology_id=None),))
    short = with_labels(wide, "short", SHORT).clusters[0]
    assert short.annotation.primary_label == short.broad_label == gca.names.short("CL:0000542")
