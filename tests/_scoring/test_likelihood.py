"""The offline scorer, on small tables where every number can be foreseen, and on T cells."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._judging.judge import judge
from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._prepare import index_of
from gca_scanpy._scoring import index, numbers
from gca_scanpy._scoring.case import Case, Limits
from gca_scanpy._scoring.case import propose as verdict_of
from gca_scanpy._steps import ClusterMarkers, RankedGene
from gca_scanpy.db import _bundled, load

BUNDLED = index_of(_bundled.database(), "human")
TOY = pd.DataFrame(
    [
        *(("T cell", g, "positive", "general") for g in ("CD3D", "CD3E", "TRAC", "CD2")),
        *(("CD4-positive, alpha-beta T cell", g, "positive", "general") for g in ("CD4", "CD40LG", "CD28")),
        *(("CD8-positive, alpha-beta T cell", g, "positive", "general") for g in ("CD8A", "CD8B", "CD28")),
        ("CD8-positive, alpha-beta T cell", "CD4", "negative", "general"),
        *(("B cell", g, "positive", "blood") for g in ("CD19", "MS4A1", "CD79A")),
        *(("hepatocyte", g, "positive", "liver") for g in ("ALB", "APOA1", "TTR")),
    ],
    columns=["cell_type", "gene", "role", "tissue"],
)
INDEX = index.build(load(TOY), "human", _bundled.lineages())


def cluster(text, expressed="", present="", absent=""):
    """Make a cluster with these genes, which are their own symbols; ``?x`` is one that could not be mapped."""
    genes, others, there, lacking = (
        tuple(RankedGene(g, None if g[0] == "?" else g) for g in words.split())
        for words in (text, expressed, present, absent)
    )
    return ClusterMarkers("0", genes, expressed=others, present=there, absent=lacking)


def case(text, tissues=(), used=INDEX, **beside):
    """A cluster with these genes, its candidates ranked."""
    return Case.of(cluster(text, **beside), used, tissues, Limits(2, 0.2, 0.6))


def rank(text, tissues=(), used=INDEX, **beside):
    """Candidates by label."""
    return {c.label: c for c in case(text, tissues, used, **beside).candidates}


def propose(text, used=INDEX):
    """Verdict on a cluster with these genes."""
    return verdict_of(case(text, used=used))


def test_the_score_is_the_sum_of_what_the_genes_tell():
    """Every candidate shows its genes, and their contributions add up to its score."""
    for text in ("CD3D CD8A CD4 CD19", "ALB CD4 CD28 CD8B"):
        for candidate in rank(text).values():
            parts = [e.contribution for e in (*candidate.supporting, *candidate.contradicting)]
            assert candidate.score == pytest.approx(sum(parts), abs=1e-3)
            assert all(e.contribution > 0 for e in candidate.supporting)
            assert all(e.contribution < 0 for e in candidate.contradicting)


def test_shares_of_the_evidence():
    """Candidates come best first, and their shares of the evidence add up to one."""
    found = case("CD3D CD8A CD4 CD19").candidates
    assert [c.score for c in found] == sorted((c.score for c in found), reverse=True)
    assert sum(c.probability for c in found) == pytest.approx(1.0, abs=1e-4)


def test_a_negative_marker_speaks_against_a_type():
    """CD4 lowers a CD8 T cell and is named as contradicting."""
    label = "CD8-positive, alpha-beta T cell"
    without, with_it = rank("CD8A CD8B CD3D")[label], rank("CD8A CD8B CD3D CD4")[label]
    assert with_it.score < without.score
    assert [e.gene for e in with_it.contradicting] == ["CD4"]
    assert without.contradicting == ()


def test_lineages_that_exclude_each_other_have_no_common_label():
    """Genes of B cells and of T cells in equal parts are no lymphocyte: the best of the two stands, to be flagged."""
    genes = "CD19 CD3D MS4A1 CD3E CD79A TRAC CD79B CD3G BANK1 CD2"
    found = propose(genes, used=BUNDLED)
    assert not BUNDLED.lineages.ontology.ancestors("CL:0000236").keys() & {found.ontology_id}
    judged = judge(case(genes, used=BUNDLED), found)
    assert judged.status == "flagged"


def test_a_type_that_other_sources_have_is_likelier():
    """Of two types with the same evidence, the one that more tables describe comes first."""
    rows = [("T cell", "CD2", ""), ("B cell", "CD2", ""), ("B cell", "CD19", "x;y"), ("T cell", "CD3E", "x")]
    used = index.build(load(pd.DataFrame(rows, columns=["cell_type", "gene", "sources"])), "human", _bundled.lineages())
    found = rank("CD2", used=used)
    assert found["B cell"].score > found["T cell"].score > 0
    told = {label: candidate.supporting[0].contribution for label, candidate in found.items()}
    assert found["T cell"].score == pytest.approx(told["T cell"] * (1 + numbers.NUMBERS.per_source), abs=1e-3)


def test_a_tissue_is_a_prior():
    """A type of the tissue gains, one of other tissues loses but stays, one of all tissues is as before."""
    text = "ALB CD19 CD3D"
    free, blood = rank(text), rank(text, ("blood",))
    assert blood["B cell"].score > free["B cell"].score
    assert 0 < blood["hepatocyte"].score < free["hepatocyte"].score
    assert blood["T cell"].score == free["T cell"].score


@pytest.mark.parametrize("text", ["", "?a ?b", "ZNF10 ZNF12"])
def test_nothing_known_is_unknown(text):
    """No genes, unmapped genes and genes that mark nothing give Unknown with confidence 0, not a guess."""
    assert rank(text) == {}
    verdict = propose(text)
    assert (verdict.label, verdict.ontology_id, verdict.confidence_score) == (UNKNOWN_LABEL, None, 0.0)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("CD3D CD3E TRAC CD2", "T cell"),
        ("CD28 CD3D", "T cell"),
        ("CD4 CD40LG CD28", "CD4-positive, alpha-beta T cell"),
        ("CD8A CD8B CD28", "CD8-positive, alpha-beta T cell"),
    ],
)
def test_up_the_ontology_where_the_children_cannot_be_told_apart(text, label):
    """The fine term where the genes say so; their parent where they speak for both or neither."""
    assert propose(text).label == label


@pytest.mark.parametrize("base", ["CD3D CD3E TRAC", "CD3D CD3E CD3G TRAC CD2 CD5 CD6 BCL11B", "CD3D CD3E TRAC IL7R"])
def test_t_cells_without_cd4_and_cd8_genes_are_t_cells(base):
    """Genes that all T cells have name neither the CD4 nor the CD8 class."""
    ontology = _bundled.ontology()
    own = propose(base, BUNDLED).ontology_id
    classes = [ontology.resolve(f"CD{n}-positive, alpha-beta T cell") for n in (4, 8)]
    assert own == "CL:0000084" or "CL:0000084" in ontology.ancestors(own)
    assert not any(own == k or k in ontology.ancestors(own) for k in classes)
    with_cd8 = propose(f"CD8A CD8B GZMK {base}", BUNDLED).ontology_id
    assert ontology.related("CL:0000084", with_cd8)
    assert with_cd8 != classes[0]
    assert classes[0] not in ontology.ancestors(with_cd8)


def test_confidence_rises_with_evidence_and_falls_with_a_rival():
    """More genes of a type make it surer, genes of a disjoint one less sure, and it is a probability."""
    scores = [
        propose(text, BUNDLED).confidence_score
        for text in ("MS4A1", "MS4A1 CD79A", "MS4A1 CD79A CD19 BANK1 CD79B", "MS4A1 ALB CD79A APOA1 CD19 TTR BANK1")
    ]
    assert 0 <= scores[0] < scores[1] < scores[2] <= 1
    assert scores[3] < scores[2]


def test_the_verdict_is_explained():
    """The rationale counts and names the genes, and the alternatives are other types with their share and genes."""
    verdict = propose("CD19 MS4A1 CD79A CD3D ZNF10")
    assert verdict.label == "B cell"
    assert verdict.rationale == "3 marker genes are known for B cell: CD19, MS4A1, CD79A."
    assert set(verdict.markers) == {"CD19", "MS4A1", "CD79A"}
    assert "T cell" in {a.label for a in verdict.alternatives}
    assert all("% of the evidence, from CD3D" in a.reason and a.label != "B cell" for a in verdict.alternatives)


def test_a_candidate_is_made_when_it_is_first_read():
    """Of hundreds of candidates the read ones are made, each once and with its genes, by place, slice or key."""
    found = case("CD3D CD3E TRAC IL7R LYZ MS4A1 ALB COL1A1 VWF KRT18 CD34 KIT", used=BUNDLED).candidates
    last = found[-1]
    assert len(found) > 100
    assert last.supporting
    assert last is found[-1] is found.find(found.keys[-1])
    assert found[:2] == (found[0], found[1])
    assert found[2:2] == ()
    assert found.find("CL:9999999") is None
    with pytest.raises(IndexError):
        found[len(found)]


@given(st.permutations(["CD19", "ALB", "CD3D", "CD28", "CD4", "ZNF10"]), st.integers(1, 6))
def test_scores_are_finite_and_repeatable(genes, n):
    """Any genes in any order give the same candidates twice, confidence between 0 and 1."""
    text = " ".join(genes[:n])
    assert rank(text) == rank(text)
    assert 0 <= propose(text).confidence_score <= 1


def test_genes_that_all_clusters_have_tell_the_lineage():
    """In data of T cells only, no cluster has CD3D above the others; that its cells express it says T cell."""
    alone, beside = rank("CD28 CD2"), rank("CD28 CD2", present="CD3D CD3E TRAC")
    assert beside["T cell"].score > alone["T cell"].score
    assert {e.gene for e in beside["T cell"].supporting} == {"CD2", "CD3D", "CD3E", "TRAC"}
    # Between its subtypes, and for what no ranked gene marks, they tell nothing.
    assert beside["CD4-positive, alpha-beta T cell"].score > alone["CD4-positive, alpha-beta T cell"].score
    assert "B cell" not in rank("CD28 CD2", present="CD19 MS4A1 CD79A")


def test_the_ranked_genes_have_the_most_to_say():
    """However many genes are present or absent, they add or take away at most half of what the ranked ones tell."""
    ranked = rank("CD2")["T cell"].score
    assert rank("CD2", present="CD3D CD3E TRAC")["T cell"].score <= 1.5 * ranked + 0.001
    assert rank("CD2", absent="CD3D CD3E TRAC")["T cell"].score >= 0.5 * ranked - 0.001


def test_a_marker_that_the_cells_lack_speaks_against_its_type():
    """CD8A and CD8B that others show and these cells lack: not CD8, and the genes are named; CD4 keeps its score."""
    alone, beside = rank("CD28 CD2 CD3D"), rank("CD28 CD2 CD3D", absent="CD8A CD8B")
    eight, four = "CD8-positive, alpha-beta T cell", "CD4-positive, alpha-beta T cell"
    assert beside[eight].score < alone[eight].score
    assert {e.gene for e in beside[eight].contradicting} == {"CD8A", "CD8B"}
    assert beside[four].score == alone[four].score


def test_a_negative_marker_speaks_wherever_it_is_expressed():
    """CD4, negative for CD8 T cells, counts in full where all clusters have it."""
    eight = "CD8-positive, alpha-beta T cell"
    alone, beside = rank("CD28 CD8A"), rank("CD28 CD8A", present="CD4")
    assert beside[eight].score == pytest.approx(
        alone[eight].score - rank("CD4 CD28 CD8A")[eight].contradicting[0].contribution * -1
    )


@pytest.mark.parametrize("beside", [{"present": "CD3D CD3E TRAC CD4"}, {"absent": "CD8A CD8B TRAC"}])
def test_contributions_add_up_to_the_score(beside):
    """What each gene contributes, for and against, is the score, also where it was scaled down."""
    for candidate in rank("CD28 CD2", **beside).values():
        told = sum(e.contribution for e in (*candidate.supporting, *candidate.contradicting))
        assert candidate.score == pytest.approx(told, abs=0.002)
