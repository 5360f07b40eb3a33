"""The colors of cell types: steady, related where the types are, told apart by all eyes; and short names in reports."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import gca_scanpy as gca
from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._reporting.curation import Choice, decide
from gca_scanpy._reporting.display import (
    UNKNOWN_COLOR,
    finer_guess,
    guess_text,
    is_label,
    read_palette,
    short_labels,
    with_labels,
)
from gca_scanpy.db import _bundled

ONTOLOGY, LINEAGES, PALETTE = _bundled.ontology(), _bundled.lineages(), _bundled.palette()
KNOWN = sorted(set(_bundled.database().facts["cl_id"]))
BIG = (
    "T cell|natural killer cell|B cell|plasma cell|monocyte|dendritic cell|epithelial cell|endothelial cell"
    "|fibroblast|muscle cell|neuron|astrocyte"
).split("|")
# What people with a kind of color blindness see (Machado, Oliveira and Fernandes 2009, severity 1).
EYES = {
    "usual": np.eye(3),
    "deuteranopia": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    "protanopia": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
}
terms = st.sampled_from(sorted(ONTOLOGY.terms))
labels = st.text() | st.sampled_from(["B cells", "my type", "$x$", "a\nb", "\ud800"])
SHORT = _bundled.shortener()


def linear(color):
    """Give the red, green and blue light of a color, 0 to 1."""
    rgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(color, eyes="usual"):
    """Give a color in CIELAB, as these eyes see it."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ np.clip(EYES[eyes] @ linear(color), 0, 1) / np.array([0.9505, 1, 1.089])
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def distance(first, second, eyes="usual"):
    """Tell how different two colors look."""
    return float(np.linalg.norm(lab(first, eyes) - lab(second, eyes)))


def named(name):
    """Give the color of a type of this name."""
    assert ONTOLOGY.resolve(name) is not None
    return PALETTE.color(name)


@given(labels, st.none() | terms | st.just("CL:9999999"))
def test_every_label_has_a_color(label, term):
    """Any label with or without a term has one color in hexadecimal, and it is always the same."""
    color = PALETTE.color(label, term)
    assert re.fullmatch("#[0-9A-F]{6}", color)
    again = read_palette(ONTOLOGY, ["cl_id\tcolor", *(f"{key}\t{value}" for key, value in PALETTE.chosen.items())])
    assert again.color(label, term) == color


@given(st.lists(terms, min_size=1, max_size=8), st.randoms())
def test_a_color_does_not_depend_on_what_else_there_is(some, random):
    """Asked in another order, and with others, a term has the color that it has alone."""
    alone = {term: read_palette(ONTOLOGY, []).color("", term) for term in some}
    fresh = read_palette(ONTOLOGY, [])
    assert {term: fresh.color("", term) for term in random.sample(some, len(some))} == alone


@given(terms)
def test_a_label_that_the_ontology_knows_is_its_term(term):
    """The term counts, whatever it is called; its name alone gives the same color where it has no other meaning."""
    name = ONTOLOGY.label(term)
    assert PALETTE.color("my favorite", term) == PALETTE.color(name, term)
    assert PALETTE.color(name) == PALETTE.color(name, ONTOLOGY.resolve(name))


@given(st.none() | terms)
def test_unknown_is_gray(term):
    """The label Unknown is gray and no type is as gray."""
    assert PALETTE.color(UNKNOWN_LABEL, term) == UNKNOWN_COLOR
    if term is not None:
        assert np.ptp(lab(PALETTE.color("", term))[1:]) > 0 or PALETTE.color("", term) != UNKNOWN_COLOR


@given(terms)
def test_seen_on_white(term):
    """A dot of any type has a contrast of 2 with a white page."""
    light = float(np.array([0.2126, 0.7152, 0.0722]) @ linear(PALETTE.color("", term)))
    assert 1.05 / (light + 0.05) >= 2


def test_every_type_of_the_database_has_a_color_of_its_choice():
    """The table has each type that the database can propose and each broad type that is a term."""
    assert set(KNOWN) <= set(PALETTE.chosen)
    assert {term for term in LINEAGES.broad_types if term in ONTOLOGY} <= set(PALETTE.chosen)
    assert set(PALETTE.chosen) <= set(ONTOLOGY.terms)


@pytest.mark.parametrize("eyes", EYES)
def test_big_lineages_are_told_apart_by_all_eyes(eyes):
    """A difference of 2.3 is just noticed; the large groups of tissue and blood are four times that apart."""
    near = {(a, b): distance(named(a), named(b), eyes) for a, b in combinations(BIG, 2)}
    assert min(near.values()) > 9.2, min(near, key=near.get)


def test_kin_look_more_alike_than_strangers():
    """Types of one parent are nearer to each other than types of different lineages are, by half at the least."""
    by_parent: dict[str, list[str]] = {}
    for term in KNOWN:
        for parent in ONTOLOGY.terms[term].parents:
            by_parent.setdefault(parent, []).append(term)
    rng = np.random.default_rng(0)
    siblings = [pair for group in by_parent.values() for pair in combinations(group[:8], 2)]
    siblings = [(a, b) for a, b in siblings if LINEAGES.lineage(a) == LINEAGES.lineage(b)]
    pairs = rng.choice(KNOWN, size=(2000, 2))
    strangers = [(a, b) for a, b in pairs if LINEAGES.lineage(a) != LINEAGES.lineage(b)]

    def typical(pairs):
        return np.median([distance(PALETTE.color("", a), PALETTE.color("", b)) for a, b in pairs])

    assert len(siblings) > 500
    assert typical(siblings) < 0.5 * typical(strangers)


@pytest.mark.parametrize(
    "types",
    [
        "CD4-positive, alpha-beta T cell|CD8-positive, alpha-beta T cell|natural killer cell|regulatory T cell",
        "CD14-positive monocyte|CD14-low, CD16-positive monocyte|macrophage|conventional dendritic cell",
        "naive B cell|memory B cell|plasma cell",
        "astrocyte|oligodendrocyte|oligodendrocyte precursor cell|microglial cell|glutamatergic neuron",
        "fibroblast|pericyte|smooth muscle cell|adipocyte",
    ],
)
def test_usual_companions_are_told_apart(types):
    """Types that stand side by side in most datasets differ plainly."""
    colors = [named(name) for name in types.split("|")]
    assert min(distance(a, b) for a, b in combinations(colors, 2)) > 8


def test_labels_without_a_term():
    """Labels of no type differ from one another, and spelling that means nothing does not change them."""
    own = [PALETTE.color(f"my type {i}") for i in range(20)]
    assert len(set(own)) == 20
    assert PALETTE.color("My  Type-1") == own[1]


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
