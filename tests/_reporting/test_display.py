"""Short names in reports, in which no two types look alike, and texts of clusters."""

from __future__ import annotations

import pytest
from attrs import evolve

import gca_scanpy as gca
from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._reporting.curation import Choice, decide
from gca_scanpy._reporting.display import finer_guess, guess_text, is_label, short_labels, with_labels
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


def test_the_finest_guess_beside_the_label(with_path):
    """It is shown if it is finer than the label: not if it is the label, if a label was stopped, or without a path."""
    report = gca.annotate_markers({"b": ["MS4A1", "CD79A", "CD79B"], "none": []})
    cluster = with_path(report.cluster("b"))
    assert finer_guess(cluster) is cluster.path[-1]
    assert guess_text(cluster) == "naive B cell 0.47"
    assert [is_label(level, cluster) for level in cluster.path] == [False, True, False, False]
    as_deep = evolve(cluster, path=cluster.path[:2])
    stopped = evolve(
        cluster, status="flagged", annotation=evolve(cluster.annotation, primary_label=UNKNOWN_LABEL, ontology_id=None)
    )
    assert [guess_text(one) for one in (as_deep, stopped, report.cluster("none"))] == ["", "", ""]
    assert [is_label(level, stopped) for level in stopped.path] == [False, True, False, False]


def test_the_label_of_a_path_without_terms(with_path):
    """A type of a user's own table has no id, so its name counts."""
    cluster = with_path(gca.annotate_markers({"b": ["MS4A1", "CD79A"]}).cluster("b"))
    cluster = evolve(
        cluster,
        annotation=evolve(cluster.annotation, primary_label="tumor B", ontology_id=None),
        path=(*cluster.path[:2], evolve(cluster.path[2], label="tumor B", ontology_id=None)),
    )
    assert [is_label(level, cluster) for level in cluster.path] == [False, False, True]
    assert finer_guess(cluster) is None


def test_short_names_of_the_levels(with_path):
    """The levels of the path have short names, like the label, and the label is still found among them."""
    report = gca.annotate_markers({"b": ["MS4A1", "CD79A", "CD79B"]})
    report = with_labels(evolve(report, clusters=(with_path(report.clusters[0]),)), "short", SHORT)
    cluster = report.clusters[0]
    assert [level.label for level in cluster.path] == [SHORT.of(level.ontology_id) for level in cluster.path]
    assert guess_text(cluster) == f"{SHORT.of('CL:0000788')} 0.47"
    assert [is_label(level, cluster) for level in cluster.path] == [False, True, False, False]
