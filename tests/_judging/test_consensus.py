"""One term from several votes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._judging.consensus import Ballot, Ladder, consensus, masses_of
from gca_scanpy._keys import MIN_AGREEMENT
from gca_scanpy._reporting.report import described
from gca_scanpy.db import _bundled
from gca_scanpy.model import Level

ONTOLOGY = _bundled.ontology()
LADDER = Ladder(_bundled.lineages(), frozenset(_bundled.short_names()))
LABELS = (
    "T cell", "CD8 T", "CD4 T", "naive CD8 T", "memory T cell", "NK", "B cell", "plasma cell", "monocyte", "cDC1",
    "cDC2", "neuron", "astrocyte", "hepatocyte", "fibroblast", "leukocyte",
)  # fmt: skip


def _ballot(key, label, weight=1.0):
    term = ONTOLOGY.resolve(label)
    return Ballot(key=key, label=label, ontology_id=term, masses={term: 1.0} if term else {}, weight=weight)


def _of(*labels, min_agreement=MIN_AGREEMENT, evidence=None):
    ballots = [_ballot(f"tool{i}", label) for i, label in enumerate(labels)]
    return consensus(ballots, min_agreement, LADDER, evidence)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (("CD8 T", "CD8 T", "T cell"), "CD8-positive, alpha-beta T cell"),
        (("CD8 T", "T cell"), "CD8-positive, alpha-beta T cell"),
        (("CD8 T", "T cell", "T cell"), "T cell"),
        (("CD8 T", "CD4 T", "T cell"), "T cell"),
        (("CD8 T", "CD4 T"), "T cell"),
        (("CD8 T", "CD8 T", "B cell"), "CD8-positive, alpha-beta T cell"),
        (("naive CD8 T", "memory CD8 T"), "CD8-positive, alpha-beta T cell"),
        (("T cell", "NK", "B cell"), "lymphocyte"),
        (("monocyte", "B cell"), "leukocyte"),
        (("T cell", "neuron"), ""),
        (("neuron", "hepatocyte"), ""),
        (("microglia", "glial cell"), "microglial cell"),
        (("T cell", "neuron", "hepatocyte"), ""),
        (("T cell", "T cell", "neuron", "neuron"), ""),
        (("CD8 T", ""), "CD8-positive, alpha-beta T cell"),
        (("leukocyte", "leukocyte"), "leukocyte"),
        (("cell", "cell"), ""),
        ((), ""),
    ],
)
def test_the_deepest_term_that_enough_votes_stand_behind(labels, expected):
    """Ancestors collect the votes of their subtypes; what is less deep than the result does not contradict it."""
    found = _of(*labels)
    assert found.label == expected
    assert found.agreement >= (MIN_AGREEMENT if expected else 0)


def test_the_agreement_at_each_level():
    """It falls from level to level; a vote that leaves a term open counts half."""
    found = _of("CD8 T", "CD8 T", "T cell", "NK")
    assert [(level.label, level.probability) for level in found.path] == [
        ("T cell", 0.75),
        ("CD8-positive, alpha-beta T cell", round(2 / 3.5, 4)),
    ]
    assert (found.label, found.agreement) == ("T cell", 0.75)
    assert [vote.backing for vote in found.votes] == [(1.0, 1.0), (1.0, 1.0), (1.0, 0.0), (0.0, 0.0)]


@pytest.mark.parametrize(
    ("labels", "relations", "dissent"),
    [
        (("CD8 T", "CD8 T", "B cell"), ["same", "same", "other lineage"], [2]),
        (("CD8 T", "CD8 T", "T cell"), ["same", "same", "broader"], []),
        (("T cell", "T cell", "CD8 T"), ["same", "same", "finer"], []),
        (("CD8 T", "CD4 T", "T cell"), ["finer", "finer", "same"], [0, 1]),
        (("CD8 T", "CD8 T", "CD4 T"), ["same", "same", "related"], [2]),
        (("CD8 T", "CD8 T", ""), ["same", "same", "abstained"], []),
        (("T cell", "neuron"), ["no consensus", "no consensus"], [0, 1]),
        (("T cell", "NK", "B cell"), ["finer", "finer", "finer"], [0, 1, 2]),
    ],
)
def test_who_disagrees_and_how(labels, relations, dissent):
    """A vote dissents if it contradicts the result, or other votes below it; a broader one and a silent one do not."""
    found = _of(*labels)
    assert [vote.relation for vote in found.votes] == relations
    assert [i for i, vote in enumerate(found.votes) if vote.dissents] == dissent
    assert len(found.dissenters) == len(dissent)


def test_weights():
    """A vote of weight 2 outvotes one of weight 1; one of weight 0 counts for nothing but is listed."""
    two = [_ballot("a", "T cell", 2.0), _ballot("b", "neuron", 1.0)]
    assert consensus(two, 0.6, LADDER).label == "T cell"
    none = [_ballot("a", "T cell", 0.0), _ballot("b", "neuron", 1.0)]
    found = consensus(none, 0.6, LADDER)
    assert (found.label, found.agreement) == ("neuron", 1.0)
    assert [(vote.key, vote.relation) for vote in found.votes] == [("a", "other lineage"), ("b", "same")]


def test_a_vote_for_several_terms():
    """The cells of a cluster divide its vote; the probabilities of a path are those of its levels."""
    b, t = (ONTOLOGY.resolve(label) for label in ("B cell", "T cell"))
    mixed = Ballot(key="a", label="T cells", ontology_id=t, masses={t: 0.7, b: 0.3}, weight=1.0)
    assert (consensus([mixed], 0.6, LADDER).agreement, consensus([mixed], 0.8, LADDER).label) == (0.7, "lymphocyte")
    path = (Level("leukocyte", "CL:0000738", 0.9), Level("custom", None, 0.8), Level("T cell", t, 0.6))
    assert masses_of(path) == {"CL:0000738": pytest.approx(0.3), t: 0.6}


def test_the_marker_genes_decide_a_split_vote():
    """They choose between broad types, and only if no broad type has enough of the votes."""
    t = ONTOLOGY.resolve("T cell")

    def genes(term):
        return {t: 0.9}.get(term, 0.02)

    found = _of("CD8 T", "neuron", evidence=genes)
    assert (found.label, found.by_markers) == ("CD8-positive, alpha-beta T cell", True)
    assert found.agreement >= MIN_AGREEMENT
    assert [vote.dissents for vote in found.votes] == [False, True]
    assert described(found).startswith("The votes are split, and the marker genes decide")
    outvoted = _of("CD8 T", "neuron", "neuron", evidence=genes)
    assert (outvoted.label, outvoted.by_markers) == ("neuron", False)
    assert _of("T cell", "neuron", evidence=lambda term: 0.0).label == ""
    assert not _of("CD8 T", "CD4 T", evidence=genes).by_markers


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (
            ("CD8 T", "CD8 T", "B cell"),
            "Agreement 67%: this type by tool0 and tool1; a type of another lineage by tool2.",
        ),
        (("T cell", ""), "Agreement 100%: this type by tool0; no type by tool1."),
        (("T cell", "neuron"), "There is no cell type on which enough of the votes agree: tool0 and tool1."),
        (("", ""), "No column gives these cells a cell type."),
    ],
)
def test_in_words(labels, text):
    """The sentence says who stands behind the label and who does not."""
    assert described(_of(*labels)) == text


VOTES = st.lists(
    st.tuples(st.sampled_from((*LABELS, "")), st.sampled_from((0.1, 0.2, 0.3, 0.5, 1.0, 2.0))), min_size=1, max_size=6
)


@given(VOTES, st.randoms(use_true_random=False), st.sampled_from((0.3, 0.5, 0.6, 0.75, 1.0)))
def test_the_order_of_the_votes_does_not_matter(votes, dice, min_agreement):
    """The result, the agreement and each vote's part in it are the same in any order of the columns."""
    ballots = [_ballot(f"tool{i}", label, weight) for i, (label, weight) in enumerate(votes)]
    shuffled = dice.sample(ballots, len(ballots))
    first, second = (consensus(one, min_agreement, LADDER) for one in (ballots, shuffled))
    assert (first.label, first.agreement, first.path) == (second.label, second.agreement, second.path)
    assert set(first.votes) == set(second.votes)


@given(VOTES, st.sampled_from((0.3, 0.5, 0.6, 0.75, 1.0)))
def test_what_holds_for_every_consensus(votes, min_agreement):
    """The label has the agreement that was asked for; the path falls; a vote for each term alone gives this term."""
    ballots = [_ballot(f"tool{i}", label, weight) for i, (label, weight) in enumerate(votes)]
    found = consensus(ballots, min_agreement, LADDER)
    if found.label:
        assert found.agreement >= min_agreement - 1e-4
        assert found.ontology_id in [level.ontology_id for level in found.path]
    agreed = [level.probability for level in found.path]
    assert agreed == sorted(agreed, reverse=True)
    higher = consensus(ballots, min(min_agreement + 0.2, 1.0), LADDER)
    if higher.label and min_agreement > 0.5:
        assert ONTOLOGY.related(higher.ontology_id, found.ontology_id)
