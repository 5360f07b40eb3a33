"""The columns of a fact, contradicted facts and proposals, from made sources."""

from __future__ import annotations

import pytest
from witnesses.compare import Cells, Evidence

from gca_scanpy.db import _bundled

ONTOLOGY = _bundled.ontology()
SOURCES = _bundled.sources_by_name()
B_CELL, MATURE_B, NAIVE_B = "CL:0000236", "CL:0000785", "CL:0000788"  # mature and naive: two and three steps below
B_LINEAGE, LYMPHOCYTE, T_CELL = "CL:0000945", "CL:0000542", "CL:0000084"
OTHERS = ("CL:0000576", "CL:0000057", "CL:0000115", "CL:0000182", "CL:0000540")
PROFILES = ("human_pbmc3k", "human_covid_blood_mgh", "human_spleen_madissoon", "mouse_bulk_types_benayoun")
LOW, OUT, NEITHER = 0, 20, 5  # means of a gene whose highest mean in other types is 10


@pytest.fixture
def evidence(profile):
    """Make the evidence: facts by list, and the mean of MS4A1 in a type by profile."""

    def evidence(means=(), term=B_CELL, **listed):
        made = []
        for name, mean in zip(PROFILES, means):
            others = [(other, 10 if n < 2 else 3) for n, other in enumerate(OTHERS)]
            made.append(profile((term, mean), *others, name=name, species=name.partition("_")[0]))
        return Evidence(SOURCES, {name: frozenset(facts) for name, facts in listed.items()}, made, ONTOLOGY)

    return evidence


def fact(term=B_CELL, gene="MS4A1", role="positive"):
    """Give a fact as a list has it."""
    return (term, gene, role)


def test_a_fact_without_a_witness(evidence):
    """Without a source all three columns are empty."""
    assert evidence(panglaodb=[fact(T_CELL)]).cells(B_CELL, "MS4A1", "positive", "") == Cells()


def test_the_lists_that_state_it(evidence):
    """Lists have their codes in the order of the table of sources; another role is no statement."""
    made = evidence(asctb=[fact()], panglaodb=[fact()], sctype=[fact(role="negative")])
    assert made.cells(B_CELL, "MS4A1", "positive", "") == Cells("PA")
    assert made.cells(B_CELL, "MS4A1", "negative", "") == Cells("S")


@pytest.mark.parametrize(
    ("terms", "nearby"),
    [
        ([LYMPHOCYTE], "P0000542"),  # an ancestor two steps above
        ([MATURE_B], "P0000785"),
        ([NAIVE_B], ""),
        ([MATURE_B, B_LINEAGE], "P0000945"),  # the nearest
        ([LYMPHOCYTE, MATURE_B], "P0000785"),  # of two that are as near, the kind
        ([T_CELL], ""),
        ([B_CELL, MATURE_B], ""),  # it states the fact itself
    ],
)
def test_the_neighbor_for_which_a_list_states_it(evidence, terms, nearby):
    """A list that states it for a neighbor only has the nearest one, up to two steps away, kinds before ancestors."""
    made = evidence(panglaodb=[fact(term) for term in terms])
    assert made.cells(B_CELL, "MS4A1", "positive", "").nearby == nearby


def test_the_profiles(evidence):
    """Profiles in which it stands out stand before the slash, the others that measure it after it, each by its code."""
    assert evidence((OUT,)).cells(B_CELL, "MS4A1", "positive", "").seen == "o"
    assert evidence((NEITHER,)).cells(B_CELL, "MS4A1", "positive", "").seen == "/o"
    assert evidence((OUT, NEITHER, OUT, LOW)).cells(B_CELL, "MS4A1", "positive", "").seen == "jo/ns"
    assert evidence((OUT,)).cells(B_CELL, "CD19", "positive", "") == Cells()  # not measured


def test_the_species_of_a_fact(evidence):
    """A fact of one species is compared with profiles of this species only."""
    made = evidence((OUT, NEITHER, OUT, LOW))
    assert made.cells(B_CELL, "MS4A1", "positive", "human").seen == "jo/n"
    assert made.cells(B_CELL, "MS4A1", "positive", "mouse").seen == "/s"


def test_a_profile_of_a_neighbor(evidence):
    """A profile of a neighbor is a witness of a positive fact if the gene stands out, and otherwise says nothing."""
    assert evidence((OUT, NEITHER), MATURE_B).cells(B_CELL, "MS4A1", "positive", "") == Cells("", "o0000785", "")
    assert evidence((OUT,), MATURE_B).cells(B_CELL, "MS4A1", "negative", "") == Cells()


def test_absent_sources(evidence):
    """What a source stated that is in no folder stays; what one that was read no longer states goes."""
    before = Cells("PM", "S0000542,A0000542", "n/ao")
    made = evidence((OUT,), panglaodb=[fact(T_CELL)], sctype=[fact(T_CELL)])
    assert made.cells(B_CELL, "MS4A1", "positive", "", before) == Cells("M", "A0000542", "no/a")
    assert "cellmarker2" in made.absent
    assert not {"panglaodb", "sctype", "human_pbmc3k"} & set(made.absent)


@pytest.mark.parametrize(
    ("means", "why"),
    [
        ((LOW, LOW, LOW), "low in human_pbmc3k, human_covid_blood_mgh, human_spleen_madissoon"),
        ((LOW, LOW, LOW, OUT), "low in human_pbmc3k, human_covid_blood_mgh, human_spleen_madissoon"),
        ((LOW, LOW, NEITHER), ""),
        ((), ""),
    ],
)
def test_a_positive_fact_is_contradicted(evidence, means, why):
    """A gene that is low in three profiles of the type contradicts the fact."""
    assert evidence(means).contradiction(B_CELL, "MS4A1", "positive", "") == why


@pytest.mark.parametrize(
    ("means", "stating", "why"),
    [
        ((OUT, OUT, OUT), [], "stands out in human_pbmc3k, human_covid_blood_mgh, human_spleen_madissoon"),
        ((OUT, OUT, LOW), ["panglaodb"], ""),
        ((), ["panglaodb", "asctb"], "positive in panglaodb, asctb"),
        ((), ["abcam", "thermofisher", "bd_biosciences"], ""),  # vendors copy from one another
        ((), ["panglaodb", "abcam", "thermofisher"], "positive in panglaodb, abcam, thermofisher"),
    ],
)
def test_a_negative_fact_is_contradicted(evidence, means, stating, why):
    """It is if the gene stands out in three profiles, or if two independent lists state it as positive."""
    made = evidence(means, **{name: [fact()] for name in stating})
    assert made.contradiction(B_CELL, "MS4A1", "negative", "") == why


@pytest.mark.parametrize(
    ("stating", "means", "is_proposed"),
    [
        (["panglaodb", "asctb", "sctype"], (), True),
        (["panglaodb", "asctb"], (), False),
        (["panglaodb", "abcam", "thermofisher", "bd_biosciences"], (), False),
        (["panglaodb", "asctb"], (OUT,), True),
        (["panglaodb", "asctb"], (NEITHER,), False),
        (["panglaodb"], (OUT, OUT, OUT), False),  # profiles count as one source
    ],
)
def test_proposals(evidence, stating, means, is_proposed):
    """What three independent sources state and the database lacks is proposed, with those sources."""
    made = evidence(means, **{name: [fact(), fact(role="negative")] for name in stating})
    expected = [(B_CELL, "MS4A1", (*stating, *PROFILES[: len(means)]))] if is_proposed else []
    assert made.proposals([(T_CELL, "MS4A1")]) == expected
    assert made.proposals([(B_CELL, "Ms4a1")]) == []
