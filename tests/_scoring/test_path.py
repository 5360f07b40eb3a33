"""The probability of each level of the ontology, the label at a certainty, and the path through it."""

from __future__ import annotations

import math
import os
import random
import subprocess
import sys

import pandas as pd
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import gca_scanpy as gca
from gca_scanpy._scoring import index, numbers
from gca_scanpy._scoring.case import Case, Limits, propose
from gca_scanpy._scoring.path import Levels, Strength, key_of, shares, without_penalties
from gca_scanpy._steps import ClusterMarkers, RankedGene
from gca_scanpy.db import _bundled, load

INDEX = index.build(_bundled.database(), "human", _bundled.lineages())
GRADED = evolve(INDEX, priors=_bundled.priors())
ONTOLOGY = INDEX.lineages.ontology
GENES = (
    "CD3D CD3E CD3G TRAC CD2 CD4 CD8A CD8B IL7R CCR7 FOXP3 GZMK NKG7 KLRF1 MS4A1 CD79A CD19 IGHD MZB1 JCHAIN LYZ CD14 "
    "FCGR3A CST3 FCER1A ALB APOA1 TTR COL1A1 DCN ACTA2 RGS5 PECAM1 VWF KRT18 EPCAM PPBP CD34 KIT RPL13 VIM ZNF10"
).split()
LISTS = st.lists(st.sampled_from(GENES), min_size=1, max_size=15, unique=True)
CERTAINTIES = st.floats(0, 1)
T_CELL = "CL:0000084"


def case_of(genes, tissues=(), used=INDEX, certainty=0.6, **beside):
    """Make the case of a cluster with these genes."""
    ranked = tuple(RankedGene(gene, gene) for gene in genes)
    markers = ClusterMarkers("0", ranked, **{key: tuple(RankedGene(g, g) for g in v) for key, v in beside.items()})
    return Case.of(markers, used, tissues, Limits(2, 0.2, certainty))


def key(level):
    """The key of a level in the index."""
    return level.ontology_id or level.label


@given(LISTS)
def test_probabilities_are_monotone(genes):
    """Each is from 0 to 1, and no term is more probable than its ancestors, whether it can be a level or not."""
    levels = case_of(genes).levels
    for term in [*levels.probabilities, *random.Random(len(genes)).sample(sorted(INDEX.types), 40)]:
        own = levels.probability(term)
        assert 0 <= own <= 1
        assert all(
            own <= levels.probabilities[above] for above in ONTOLOGY.ancestors(term) if above in levels.probabilities
        )
    assert all(levels.probability(term) == value for term, value in levels.probabilities.items())


@given(LISTS, CERTAINTIES)
def test_the_path_is_a_chain(genes, certainty):
    """It goes from ancestor to subtype through the label to the finest guess, and its probabilities never rise."""
    case = case_of(genes, certainty=certainty)
    found = propose(case)
    assert bool(found.path) == bool(case.levels.probabilities)
    for above, below in zip(found.path, found.path[1:]):
        assert key(above) in ONTOLOGY.ancestors(key(below))
        assert above.probability >= below.probability
    if found.path:
        assert (found.label, found.ontology_id) in {(level.label, level.ontology_id) for level in found.path}
        finest = next(c for c in case.candidates if key_of(c) == key(found.path[-1]))
        assert finest.score > 0
        # No better candidate is below the label.
        label = found.ontology_id
        assert finest == next(
            c for c in case.candidates if key_of(c) == label or label in ONTOLOGY.ancestors(key_of(c))
        )


@given(LISTS, CERTAINTIES)
def test_the_label_is_certain_or_the_best_of_a_weak_list(genes, certainty):
    """If any term above the finest guess is so probable, the label is; else it is the most probable one."""
    case = case_of(genes)
    label = case.levels.deepest(certainty)
    probabilities = case.levels.probabilities
    if not probabilities:
        assert label is None
        return
    path = [key(level) for level in case.levels.path(label)]
    above = [term for term in INDEX.levels_above(path[-1]) if INDEX.names_a_cluster(term)]
    line = {term: p for term, p in probabilities.items() if term == path[-1] or term in above}
    if max(line.values()) >= certainty:
        assert probabilities[label] >= certainty
        below = [term for term in path[path.index(label) + 1 :] if term in line]
        assert not any(probabilities.get(term, 0.0) >= certainty for term in below)
    else:
        assert probabilities[label] == max(line.values())


@given(LISTS, CERTAINTIES, CERTAINTIES)
def test_a_lower_certainty_is_never_broader(genes, first, second):
    """A label that is certain enough is, at a lower certainty, the same or a subtype, and never an ancestor."""
    levels = case_of(genes).levels
    low, high = levels.deepest(min(first, second)), levels.deepest(max(first, second))
    assert high is None or levels.path(low)[-1] == levels.path(high)[-1]  # the finest guess is the same
    assert low == high or high in ONTOLOGY.ancestors(low)


@given(LISTS, st.randoms(use_true_random=False))
def test_the_order_of_present_and_absent_genes_changes_nothing(genes, dice):
    """Only the ranking has an order; genes that are present or absent have none."""
    beside = GENES[::3], GENES[1::3]
    shuffled = [dice.sample(part, len(part)) for part in beside]
    first, second = (case_of(genes[:5], present=present, absent=absent) for present, absent in (beside, shuffled))
    assert propose(first).path == propose(second).path


@given(LISTS, LISTS)
def test_other_clusters_change_no_path(genes, others):
    """A cluster has the same path alone and beside others."""
    alone = gca.annotate_markers({"a": [*genes, "CD3D"]}).clusters[0]
    beside = gca.annotate_markers({"x": [*others, "MS4A1"], "a": [*genes, "CD3D"]}).clusters[1]
    assert alone.path == beside.path
    assert alone.annotation == beside.annotation


@hypothesis_settings(max_examples=10)
@given(st.randoms(use_true_random=False))
def test_the_order_of_a_database_changes_no_path(dice):
    """Rows of a marker table may come in any order."""
    facts = _bundled.database().facts
    table = facts[facts["cell_type"].isin(["T cell", "B cell", "regulatory T cell", "naive B cell", "monocyte"])]
    rows = dice.sample(range(len(table)), len(table))
    used = [index.build(load(some), "human", INDEX.lineages) for some in (table, table.iloc[rows])]
    first, second = (propose(case_of("CD3D FOXP3 IL2RA MS4A1 LYZ".split(), used=some)) for some in used)
    assert (first.label, [level.label for level in first.path]) == (
        second.label,
        [level.label for level in second.path],
    )
    assert [level.probability for level in first.path] == pytest.approx([level.probability for level in second.path])


def test_the_seed_of_hashes_changes_no_path(capsys):
    """A process with another hash seed prints the same report, also of a list on which types are tied."""
    program = (
        "import gca_scanpy as gca\n"
        "lists = {'a': 'CD4 CD8A CD3D CD3E TRAC'.split(), 'b': 'CD19 CD3D KRT18 ALB LYZ VWF COL1A1'.split()}\n"
        "for cluster in gca.annotate_markers(lists).clusters:\n"
        "    print(cluster.annotation, cluster.path, cluster.validation)\n"
    )
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"  # if this process has none, its seed is random
    there = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    exec(program, {})
    assert capsys.readouterr().out == there
    assert "Level(" in there


def test_types_without_an_id():
    """A type of a user's own table is a level by its name, without an ancestor, and can be the label."""
    rows = [("my blob", gene) for gene in ("CD3D", "CD3E", "TRAC")] + [("B cell", gene) for gene in ("MS4A1", "CD79A")]
    used = index.build(load(pd.DataFrame(rows, columns=["cell_type", "gene"])), "human", INDEX.lineages)
    case = case_of("CD3D CD3E TRAC".split(), used=used)
    found = propose(case)
    assert (found.label, found.ontology_id) == ("my blob", None)
    assert [(level.label, level.ontology_id) for level in found.path] == [("my blob", None)]
    assert case.levels.probability("my blob") == case.levels.probabilities["my blob"] > 0.5
    assert case.levels.probability("B cell") == case.levels.probability("no such type") == 0.0
    both = propose(case_of("CD3D CD3E TRAC MS4A1 CD79A".split(), used=used))
    assert len(both.path) >= 1


def test_terms_that_are_no_levels():
    """A type with a slight share has a small probability; one that is not described has that of its ancestor."""
    levels = case_of("CD3D CD3E CD3G TRAC CD2 CD5 CD6 BCL11B".split()).levels
    monocyte, described = "CL:0000576", levels.probability(T_CELL)
    assert monocyte not in levels.probabilities
    assert 0 <= levels.probability(monocyte) < described
    assert len(levels.candidates._made) <= 1 < len(levels.candidates)  # to make hundreds of them takes long
    assert levels.probability(None) == levels.probability("CL:9999999") == 0.0
    kinds = [term for term in ONTOLOGY.terms if T_CELL in ONTOLOGY.ancestors(term) and term not in INDEX.types]
    assert kinds
    assert all(levels.probability(term) <= described for term in kinds)
    broad = INDEX.lineages.broad
    nearest = [t for t in kinds if INDEX.ancestors(t)[:1] == (T_CELL,) and broad(t) == broad(T_CELL)]
    bare = [t for t in nearest if not any(t in ONTOLOGY.ancestors(other) for other in INDEX.types)]
    assert bare
    assert all(levels.probability(term) == described for term in bare)


def test_more_evidence_is_more_probable():
    """Further genes of a type make it and its lineage more probable, and genes of many types make it less so."""
    few, more, diluted = (
        case_of(text.split()).levels.probability("CL:0000236")
        for text in ("MS4A1 CD79A", "MS4A1 CD79A CD19 CD79B BANK1 PAX5", "MS4A1 ALB CD79A COL1A1 LYZ VWF KRT18 CD3D")
    )
    assert diluted < few < more


def test_shares_add_up_along_the_ontology():
    """The share of a term is its own and those of its subtypes with a positive score."""
    case = case_of("CD3D CD3E CD4 CD8A FOXP3 MS4A1".split())
    summed = shares(case.candidates, INDEX)
    own = [c for c in case.candidates if c.score > 0 and c.probability >= numbers.NUMBERS.negligible_share]
    for term, share in summed.items():
        expected = sum(c.probability for c in own if key_of(c) == term or term in ONTOLOGY.ancestors(key_of(c)))
        assert share == pytest.approx(expected)
        assert share >= numbers.NUMBERS.min_level_share


def test_a_type_that_genes_speak_against_is_no_level():
    """With no certainty at all, a candidate with a negative score is still not the label."""
    case = case_of("CD3D CD3E".split())
    pairs = zip(case.candidates.keys, case.candidates.scores)
    negative = evolve(case.candidates, scores=[score if key == T_CELL else -abs(score) for key, score in pairs])
    levels = Levels.of(negative, case.strength, INDEX)
    assert levels.deepest(0.0) == T_CELL
    below = [term for term in levels.probabilities if term != T_CELL]
    assert all(term in ONTOLOGY.ancestors(T_CELL) for term in below)


def test_the_strength_of_a_cluster():
    """Genes of another lineage raise the rival, and without penalties the best score is higher."""
    pure, mixed = case_of("MS4A1 CD79A CD19 CD79B".split()), case_of("MS4A1 CD79A ALB APOA1 TTR CD19 CD79B".split())
    assert pure.strength.rival < mixed.strength.rival
    assert pure.strength.recognized < mixed.strength.recognized
    denied = case_of("MS4A1 CD79A CD3D CD3E".split())
    best = denied.candidates[0]
    assert without_penalties(denied.strength, best).best >= denied.strength.best
    assert case_of([]).strength is None


@pytest.mark.parametrize("best", [-1.0, 0.0])
def test_no_score_is_never_beyond_chance(best):
    """If no type has a positive score, the numbers do not matter."""
    with numbers.override(chance=(100.0, 0.0, 0.0, 0.0)):
        assert not Strength(best, 10.0, 10.0, 0.0).beyond_chance
        assert Strength(1.0, 10.0, 10.0, 0.0).beyond_chance
        assert all(map(math.isfinite, Strength(0.0, 0.0, 0.0, 0.0).features()))


@pytest.mark.no_cover
@pytest.mark.parametrize("length", [10, 50])
def test_chance_is_unknown(length):
    """Random lists, of the database or of the genes of real lists in another mixture, are not supported."""
    dice, pool = random.Random(length), sorted(set(_bundled.database().facts["gene"]))
    lists = {str(i): dice.sample(pool, length) for i in range(100)}
    found = gca.annotate_markers(lists)
    assert sum(cluster.status == "supported" for cluster in found.clusters) <= 3


def test_a_level_is_of_a_lineage_that_the_type_can_have():
    """The ontology has neurons below "secretory cell", which is epithelial here: it is no level of them."""
    case = case_of(["GAD1", "GAD2", "SLC32A1", "RELN", "CNR1", "LAMP5", "KIT"], ["brain"])
    found = propose(case)
    labels = [level.label for level in found.path]
    assert "neuron" in labels
    assert "secretory cell" not in labels
    assert "CL:0000151" in INDEX.ancestors("CL:0000617")
    assert "CL:0000151" not in INDEX.levels_above("CL:0000617")
    assert "CL:0000151" in INDEX.levels_above("CL:0000160")  # goblet cell
    own = case.levels.path("CL:0000151")  # a label that somebody gave is a level all the same
    assert "secretory cell" in [level.label for level in own]
    assert len({level.label for level in own}) == len(own)


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("CL:0000236", True),  # B cell
        ("CL:0000785", False),  # mature B cell
        ("CL:0000540", True),  # neuron
        ("CL:2000029", False),  # central nervous system neuron: no list describes it
        ("CL:0000679", True),  # glutamatergic neuron
        ("CL:0000789", False),  # alpha-beta T cell
        ("CL:0000990", True),  # conventional dendritic cell: common nowhere, but in six lists
        ("CL:0008024", True),  # pancreatic endocrine cell: one list, but common in its tissue
    ],
)
def test_some_terms_only_group_types(term, expected):
    """The label is a term that lists and labs use, or the finest guess."""
    assert GRADED.names_a_cluster(term) is expected


def test_the_label_is_a_name_that_people_use():
    """A certain term that only groups types is a level of the path, and the label is the next one above it."""
    case = case_of(["TCL1A", "FCER2", "IGHD", "MS4A1", "CD79A", "IGHM", "CD19"], ["blood"], GRADED)
    for certainty in (0.5, 0.6, 0.7, 0.8, 0.9):
        label = case.levels.deepest(certainty)
        assert GRADED.names_a_cluster(label) or label == key(case.levels.path(label)[-1])
    assert "mature B cell" in [level.label for level in case.levels.path("CL:0000236")]


def test_all_terms_of_a_table_without_lists_name_a_cluster():
    """A table of one's own says nothing of who else uses its terms."""
    facts = _bundled.database().facts.assign(sources="", nearby="", seen="", unseen="")
    own = index.build(evolve(_bundled.database(), facts=facts), "human", _bundled.lineages(), priors=_bundled.priors())
    assert own.names_a_cluster("CL:2000029")
    with numbers.override(min_lists=0):
        assert evolve(GRADED).names_a_cluster("CL:2000029")
