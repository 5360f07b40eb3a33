"""What the cells tell of types: which of their genes are on and which are off, on a table where all can be foreseen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._scoring import index, numbers
from gca_scanpy._scoring.case import Case, Limits
from gca_scanpy._scoring.index import Priors
from gca_scanpy._scoring.weights import of_cells
from gca_scanpy._steps import Activity, ClusterMarkers, RankedGene
from gca_scanpy.db import _bundled, load

T_CELL, ALPHA_BETA, CD4, CD8 = "CL:0000084", "CL:0000789", "CL:0000624", "CL:0000625"
MYELOID, MONOCYTE, B_CELL = "CL:0000763", "CL:0000576", "CL:0000236"
MARKERS = {
    "T cell": "CD3D CD3E TRAC CD2 CD7 IL32",
    "alpha-beta T cell": "TRAC",
    "CD4-positive, alpha-beta T cell": "CD4 CD40LG",
    "CD8-positive, alpha-beta T cell": "CD8A CD8B",
    "B cell": "CD19 MS4A1 CD79A CD79B PAX5 CD22",
    "myeloid cell": "LYZ CST3",
    "monocyte": "CD14 FCN1",
}
TABLE = [(kind, gene, "positive") for kind, genes in MARKERS.items() for gene in genes.split()]
TABLE.append(("CD4-positive, alpha-beta T cell", "CD8A", "negative"))
GENES = tuple(dict.fromkeys(gene for _, gene, _ in TABLE))
PRIORS = Priors({"any": dict.fromkeys((T_CELL, CD4, CD8, MYELOID, MONOCYTE, B_CELL), "common")})
INDEX = index.build(load(pd.DataFrame(TABLE, columns=["cell_type", "gene", "role"])), "human", _bundled.lineages())
INDEX = evolve(INDEX, priors=PRIORS)
SHARED = "CD3D CD3E TRAC CD2 CD7 IL32"


def markers(on, ranked=SHARED, usual=0.4):
    """A cluster with these genes ranked, and these measured genes on; the others are off."""
    here = np.array([[float(gene in on.split()) for gene in GENES]])
    activity = Activity(
        {"0": 0}, {gene: n for n, gene in enumerate(GENES)}, here, 1 - here, np.full(len(GENES), usual), here
    )
    return ClusterMarkers("0", tuple(RankedGene(gene, gene) for gene in ranked.split()), activity=activity)


def cells(on, **about):
    """The evidence of such cells."""
    (found,) = of_cells([markers(on, **about)], INDEX)
    return found


def case(cluster):
    """The cluster with what its cells tell."""
    (found,) = of_cells([cluster], INDEX)
    return Case.of(cluster, INDEX, (), Limits(2, 0.2, 0.6), found)


def test_without_a_matrix():
    """A marker table has no cells, so they tell nothing."""
    assert of_cells([ClusterMarkers("0", (RankedGene("CD3D", "CD3D"),))], INDEX) == [None]
    assert of_cells([], INDEX) == []


def test_genes_that_are_on_speak_for_a_type_and_those_that_are_off_against_it():
    """The more markers are on, the better; a gene that no other cluster has on tells more."""
    few, more = (cells(on).nats(CD8) for on in (SHARED, f"{SHARED} CD8A CD8B"))
    assert few < more
    assert cells("").nats(CD8) < 0 < more
    assert cells(f"{SHARED} CD8A", usual=0.1).nats(CD8) > cells(f"{SHARED} CD8A", usual=0.8).nats(CD8)


def test_a_negative_marker_speaks_for_the_type_that_denies_it_where_it_is_off():
    """CD8A is on in CD8 T cells: its absence tells CD4 T cells, and its presence speaks against them."""
    off, on = (cells(f"{SHARED} CD4 CD40LG{gene}").nats(CD4) for gene in ("", " CD8A"))
    assert on < off
    with numbers.override(max_on=1e-9):  # neither positive nor negative markers tell anything
        assert cells(SHARED).nats(CD4) == pytest.approx(0, abs=1e-6)


def test_the_markers_of_the_parent_tell_nothing_between_it_and_its_subtype():
    """alpha-beta T cell has no marker that T cell has not, so the cells cannot prefer either."""
    for on in ("", SHARED, "CD8A CD19"):
        assert cells(on).nats(ALPHA_BETA) == pytest.approx(cells(on).nats(T_CELL))


def test_the_same_ranking_and_other_cells():
    """The ranking has a gene of CD4 and one of CD8 T cells; the cells decide which of the two comes first."""
    ranked = f"{SHARED} CD4 CD8A"
    for on, first, second in (("CD4 CD40LG", CD4, CD8), ("CD8A CD8B", CD8, CD4)):
        keys = list(case(markers(f"{SHARED} {on}", ranked=ranked)).candidates.keys)
        assert keys.index(first) < keys.index(second)


@pytest.mark.parametrize(("grades", "sign"), [({}, 0), ({CD8: "rare"}, 0), ({CD8: "common"}, 1)])
def test_cells_speak_for_a_subtype_only_where_it_is_common(grades, sign):
    """What is on by chance in one of hundreds of rare subtypes is no evidence; what is off always counts."""
    rare = evolve(INDEX, priors=Priors({"any": grades}))
    scores = {T_CELL: 20.0, CD8: 20.0}
    (found,) = of_cells([markers(f"{SHARED} CD8A CD8B")], rare)
    shifts = found.shifts(scores, ())
    assert np.sign(shifts[1] - shifts[0]) == sign
    (found,) = of_cells([markers(SHARED)], rare)
    shifts = found.shifts(scores, ())
    assert shifts[1] < shifts[0]


def test_the_shift_is_bounded():
    """However many genes are on, a subtype gains at most the bound or half of its score, and a lineage nothing."""
    used = numbers.NUMBERS
    for score in (0.0, 2.0, 100.0):
        most = min(used.cell_weight_of_kin * used.max_kin_nats, used.max_expression_part * score)
        scores = dict.fromkeys((T_CELL, CD4, CD8, B_CELL), score)
        for on in ("", SHARED, " ".join(GENES)):
            assert all(shift <= most + 1e-9 for shift in cells(on, usual=0.01).shifts(scores, ()))


def test_a_type_with_subtypes_of_other_broad_types_is_no_kin():
    """Myeloid cell contains monocyte, which is a broad type itself, so it gains nothing over the cells above it."""
    found = cells("LYZ CST3 CD14 FCN1")
    myeloid, monocyte = found.shifts({MYELOID: 20.0, MONOCYTE: 20.0}, ())
    assert myeloid <= monocyte == 0


def test_neutral_numbers_switch_the_cells_off():
    """With weights of 0, the candidates are those of the ranking alone."""
    cluster = markers(f"{SHARED} CD8A CD8B", ranked=f"{SHARED} CD4 CD8A")
    alone = Case.of(cluster, INDEX, (), Limits(2, 0.2, 0.6)).candidates
    with numbers.override(cell_weight=0.0, cell_weight_of_kin=0.0):
        assert list(case(cluster).candidates.shares) == pytest.approx(list(alone.shares))
    assert list(case(cluster).candidates.shares) != pytest.approx(list(alone.shares))


def test_scores_stay_those_of_the_genes():
    """The cells change the order and the shares, never the score that the ranked genes add up to."""
    cluster = markers(f"{SHARED} CD8A CD8B", ranked=f"{SHARED} CD4 CD8A")
    alone = Case.of(cluster, INDEX, (), Limits(2, 0.2, 0.6)).candidates
    assert {c.label: c.score for c in case(cluster).candidates} == {c.label: c.score for c in alone}


def test_markers_stand_out_if_other_clusters_lack_them():
    """Markers that all clusters have on, as groups of random cells do, stand out in none; nor do fewer than five."""
    assert cells(SHARED).standing(T_CELL) > 1
    everywhere = markers(SHARED)
    everywhere = evolve(everywhere, activity=evolve(everywhere.activity, usual=everywhere.activity.on[0]))
    assert of_cells([everywhere], INDEX)[0].standing(T_CELL) == 0
    assert cells("LYZ CST3").standing(MYELOID) == 0
    assert cells("").standing(T_CELL) == 0  # nothing varies


def test_what_stands_out_can_outweigh_chance():
    """A ranking that says too little alone is enough if the cells show the markers, and not if they lack them."""
    ranked = "CD7 TP53 ACTB GAPDH HSPA1A DNAJB1 IL32"
    with numbers.override(chance=(-1.0, 0.0, 0.0, 0.0)):
        assert case(markers(SHARED, ranked=ranked)).beyond_chance(T_CELL)
        assert not case(markers("CD19", ranked=ranked)).beyond_chance(T_CELL)
        assert not Case.of(markers(SHARED, ranked=ranked), INDEX, (), Limits(2, 0.2, 0.6)).beyond_chance(T_CELL)


def beside(on, usual, n_clusters=4):
    """A cluster that has the genes on as far as this, among others; ``usual`` is over all of them."""
    rows = np.vstack([on, *[usual] * (n_clusters - 1)])
    activity = Activity(
        {"0": 0}, {gene: n for n, gene in enumerate(GENES)}, rows, 1 - rows, np.full(len(GENES), usual), rows
    )
    return ClusterMarkers("0", (RankedGene("CD3D", "CD3D"), RankedGene("TRAC", "TRAC")), activity=activity)


shares = st.lists(st.floats(0, 1), min_size=len(GENES), max_size=len(GENES)).map(np.array)


@given(shares, st.floats(0.01, 0.99), st.integers(1, 30))
def test_how_distinct_the_cells_are(on, usual, n_clusters):
    """The further the cells have genes on, the less likely is chance, within a bound; alone they tell nothing."""
    usual, most = np.full(len(GENES), usual), numbers.NUMBERS.max_distinct
    (found,), (more,) = (of_cells([beside(some, usual, n_clusters)], INDEX) for some in (on, np.maximum(on, 0.9)))
    assert -most <= found.distinct <= more.distinct <= most
    assert n_clusters > 1 or found.distinct == 0


def test_distinct_cells_are_no_accident():
    """Cells with genes of their own speak for a term that is certain enough, and cells like all others against it."""
    own, alike = beside(np.ones(len(GENES)), np.full(len(GENES), 0.2)), beside(*[np.full(len(GENES), 0.5)] * 2)
    with numbers.override(chance=(-1.0, 0.0, 0.0, 0.0), standing_weight=0.0):
        assert case(own).beyond_chance(T_CELL)
        assert case(own).log_odds_of_cells(T_CELL) > 0 > case(alike).log_odds_of_cells(T_CELL)
        unsure = evolve(case(own), limits=Limits(2, 0.2, 1.0))
        assert unsure.log_odds_of_cells(T_CELL) == 0
        with numbers.override(max_distinct=0.0):
            assert not case(own).beyond_chance(T_CELL)
