"""The colors of cell types: steady, related where the types are, told apart by all eyes and in every picture."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gca_scanpy as gca
from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._reporting import colors as colors_module
from gca_scanpy._reporting.colors import APART, EYES, UNKNOWN_COLOR, channels, difference, read_palette, to_lab
from gca_scanpy._reporting.curation import Choice, decide
from gca_scanpy.db import _bundled

ONTOLOGY, LINEAGES, PALETTE = _bundled.ontology(), _bundled.lineages(), _bundled.palette()
KNOWN = sorted(set(_bundled.database().facts["cl_id"]))
BIG = (
    "T cell|natural killer cell|B cell|plasma cell|monocyte|dendritic cell|epithelial cell|endothelial cell"
    "|fibroblast|muscle cell|neuron|astrocyte"
).split("|")
terms = st.sampled_from(sorted(ONTOLOGY.terms))
labels = st.text() | st.sampled_from(["B cells", "my type", "$x$", "a\nb", "\ud800"])


def lab(color, eyes="usual"):
    """Give a color in CIELAB, as these eyes see it."""
    return to_lab(np.array([channels(color)]), eyes)[0]


def distance(first, second, eyes="usual"):
    """Tell how far two colors are apart in CIELAB."""
    return float(np.linalg.norm(lab(first, eyes) - lab(second, eyes)))


def nearest(colors, eyes):
    """Give the CIEDE2000 of the two colors that are most alike."""
    seen = to_lab(np.array([channels(color) for color in colors]), eyes)
    return np.min(difference(seen[:, None], seen[None])[np.triu_indices(len(colors), 1)], initial=np.inf)


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
    light = ((lab(PALETTE.color("", term))[0] + 16) / 116) ** 3
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


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -1, 2), (50, 0, 0), 2.3669),
        ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
        ((50, 2.5, 0), (58, 24, 15), 19.4535),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((35.0831, -44.1164, 3.7933), (35.0232, -40.0716, 1.5901), 1.8645),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_ciede2000(first, second, expected):
    """The published test data of Sharma, Wu and Dalal (2005)."""
    first, second = np.array(first, dtype=float), np.array(second, dtype=float)
    assert difference(first, second) == difference(second, first) == pytest.approx(expected, abs=1e-4)


def _together(labels):
    color = PALETTE.together(labels)
    return {label: color(*label) for label in labels}


def _assert_apart(labels):
    colors = {*_together(labels).values(), UNKNOWN_COLOR}
    for eyes, least in APART.items():
        assert nearest(sorted(colors), eyes) >= least


@settings(max_examples=20)
@given(st.lists(st.sampled_from(KNOWN), unique=True, max_size=40), st.lists(st.text(), max_size=4), st.randoms())
def test_labels_of_one_picture_are_apart(types, own, random):
    """Any types of the database, any other labels and Unknown differ for all eyes, whatever their order."""
    labels = [*(("", term) for term in types), *((label, None) for label in own)]
    colors = _together(labels)
    assert _together(random.sample(labels, len(labels))) == colors
    assert len({colors["", term] for term in types}) == len(types)
    _assert_apart([*labels, (UNKNOWN_LABEL, None)])


@pytest.mark.parametrize("lineage", ["t", "b", "myeloid", "muscle", "glia", "endothelial"])
def test_a_whole_lineage_is_apart(lineage):
    """All types of a lineage in one picture differ for all eyes."""
    types = [term for term in KNOWN if LINEAGES.lineage(term) == lineage]
    assert len(set(_together([("", term) for term in types]).values())) == len(types) >= 20
    _assert_apart([("", term) for term in types])


def test_labels_without_a_term_are_apart():
    """Their colors differ, too, although they are grayish."""
    _assert_apart([(f"my type {i}", None) for i in range(40)])


def test_as_many_labels_as_a_picture_lists(monkeypatch):
    """Beyond the most labels that a list beside a picture has, a label has the color that it has alone."""
    monkeypatch.setattr(colors_module, "MOST", 2)
    color = PALETTE.together([(name, None) for name in ("naive B cell", "memory B cell", "B cell", "plasmablast")])
    assert color("plasmablast", None) == named("plasmablast")
    assert color("memory B cell", None) == named("memory B cell")


@pytest.mark.parametrize(
    "pair",
    [
        "GABAergic neuron|sst GABAergic cortical interneuron",
        "smooth muscle cell|myofibroblast cell",
        "B cell|plasmablast",
        "naive B cell|memory B cell",
        "glutamatergic neuron|L2/3 intratelencephalic projecting glutamatergic neuron",
    ],
)
def test_related_types_that_looked_alike(pair):
    """They are apart in one picture, and one of them keeps the color that it has everywhere."""
    types = [(name, None) for name in pair.split("|")]
    alone = [named(name) for name, _ in types]
    assert nearest(alone, "usual") < 5
    colors = list(_together(types).values())
    assert nearest(colors, "usual") >= 5
    assert len(set(alone) & set(colors)) == 1


def test_a_color_changes_only_if_another_looks_like_it():
    """Strangers keep their colors, and so does any label that is drawn alone."""
    types = [(name, None) for name in BIG]
    assert list(_together(types).values()) == [named(name) for name in BIG]
    assert PALETTE.together()("B cell", None) == named("B cell")


def test_the_colors_of_a_report():
    """Labels, broad types and guesses of a report differ, and a curated label changes none of them."""
    genes = {
        "0": "MS4A1 CD79A CD79B TCL1A IGHD FCER2",
        "1": "MS4A1 CD79A CD79B CD27 TNFRSF13B",
        "2": "MZB1 JCHAIN XBP1",
    }
    report = gca.annotate_markers({cluster: names.split() for cluster, names in genes.items()}, tissue="blood")
    types = {(c.annotation.primary_label, c.annotation.ontology_id) for c in report.clusters}
    color = PALETTE.of_report(report)
    assert nearest([color(*one) for one in types], "usual") >= 5
    decided = decide(report, [Choice("2", "changed", "plasmablast")], "Ada", "2026-01-01", ONTOLOGY)
    curated = PALETTE.of_report(decided)
    assert {one: curated(*one) for one in types} == {one: color(*one) for one in types}
    assert nearest([*(color(*one) for one in types), curated("plasmablast", None)], "usual") >= 5
    words = [Choice("0", "changed", "activated B cell (CL:0000236)"), Choice("1", "changed", "B cell")]
    decided = decide(report, words, "Ada", "2026-01-01", ONTOLOGY)
    curated = PALETTE.of_report(decided)
    assert nearest([curated("activated B cell", "CL:0000236"), curated("B cell", "CL:0000236")], "usual") >= 5
    assert {one: curated(*one) for one in types} == {one: color(*one) for one in types}
