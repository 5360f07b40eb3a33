"""Every reason code: what produces it, and what does not."""

from __future__ import annotations

import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy._judging.judge import SHOWN_MISSING, judge, of_two
from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._prepare import index_of
from gca_scanpy._scoring import index, numbers
from gca_scanpy._scoring.case import Case, Limits, propose
from gca_scanpy._steps import ClusterMarkers, RankedGene, Verdict
from gca_scanpy.db import _bundled, load
from gca_scanpy.model import Mixture, ModelAnswer, Panel, Part

INDEX = index_of(_bundled.database(), "human")
T = "CD3D CD3E CD3G TRAC CD2 CD5 CD6 BCL11B"
B = "MS4A1 CD79A CD79B CD19 BANK1 PAX5 CD22 FCRL1"
M = "LYZ S100A8 S100A9 S100A12 CD14 FCN1 VCAN CD300E"
CHANCE = "CD2 CD44"
LIVER = "ALB APOA1 APOC3 TTR CYP3A4 SERPINA1 FGB AHSG"
CL_T, CL_B = "CL:0000084", "CL:0000236"


def cluster(genes, expressed=""):
    """Make a cluster with these genes; ``?x`` is one that could not be mapped."""
    first, second = (tuple(RankedGene(g, None if g[0] == "?" else g) for g in t.split()) for t in (genes, expressed))
    return ClusterMarkers("0", first, expressed=second)


def check(
    label, genes, *, cl_id=None, source="user", used=INDEX, tissues=(), score=0.95, limits=(2, 0.2), also="", **others
):
    """Judge a label of a cluster."""
    markers = cluster(genes, also)
    verdict = Verdict("0", label, cl_id, score, source, **others)
    return judge(Case.of(markers, used, tissues, Limits(*limits, 0.6)), verdict)


def reasons(*args, **kwargs):
    """Give the reason codes only."""
    return check(*args, **kwargs).validation.flag_reasons


@pytest.mark.parametrize("source", ["offline", "model", "user"])
def test_a_justified_label_is_supported(source):
    """A right label stands without a flag, whoever proposed it, and shows its genes and those that are missing."""
    found = check("T cell", T, cl_id=CL_T, source=source)
    assert (found.status, found.validation.flag_reasons, found.validation.notes) == ("supported", (), ())
    assert found.validation.is_supported
    assert set(found.validation.supporting_markers) == set(T.split())
    assert found.validation.support_count == 8
    assert not set(found.validation.missing_markers) & set(T.split())


def test_no_markers_supplied():
    """A cluster without genes is unknown for the scorer and flagged where someone named it; one with genes is not."""
    assert reasons(UNKNOWN_LABEL, "", source="offline") == ("no_markers_supplied",)
    assert check(UNKNOWN_LABEL, "", source="offline").status == "unknown"
    assert "no_markers_supplied" in reasons("T cell", "")
    assert check("T cell", "").status == "flagged"
    assert "no_markers_supplied" not in reasons("T cell", T)


def test_low_marker_overlap():
    """Fewer genes than min_support are too few; as many are enough."""
    for source in ("offline", "model"):
        assert "low_marker_overlap" in reasons("T cell", "CD3D ZNF10", source=source)
    assert "low_marker_overlap" not in reasons("T cell", "CD3D CD3E ZNF10", source="model")
    assert "low_marker_overlap" in reasons("T cell", T, limits=(9, 0.2), source="model")
    assert "low_marker_overlap" not in reasons("T cell", T, limits=(8, 0.2), source="model")


def test_a_users_label_needs_one_gene_less_if_it_is_the_best():
    """A user may have seen more than the genes: one known gene is enough for the best label, but not for another."""
    assert "low_marker_overlap" not in reasons("T cell", "CD3D ZNF10")
    assert "low_marker_overlap" in reasons("T cell", "ZNF10 ZNF12")
    assert reasons("hepatocyte", "CD3D CD3E AHSG") == ("contradictory_markers",)
    assert "low_marker_overlap" not in reasons("T cell", T, limits=(9, 0.2))
    assert "low_marker_overlap" in reasons("T cell", T, limits=(10, 0.2))


def test_evidence_of_chance_is_low_overlap():
    """Genes that say no more than random ones are not enough for the scorer's own label, and the cluster is unknown."""
    found = check("T cell", CHANCE, source="offline")
    assert (found.status, found.validation.flag_reasons) == ("unknown", ("low_marker_overlap",))
    assert check("T cell", CHANCE, source="model").status == "supported"
    assert check("T cell", T, source="offline", score=0.3).status == "supported"


def test_two_lineages_by_chance_are_no_mixture():
    """A few weak genes of two lineages are too little evidence, not a doublet; a user's label is told of the rival."""
    genes = "CD4 PTPRC KRT18 KRT8"
    found = check("epithelial cell", genes, source="offline", score=0.25)
    assert (found.status, found.validation.flag_reasons) == ("unknown", ("low_marker_overlap",))
    assert reasons("epithelial cell", genes) == ("contradictory_markers",)


def test_a_pair_of_genes_is_no_objection_to_the_best_label():
    """Two genes of another lineage stop no given label that the genes support best; three do, and two stop another."""
    assert check("B cell", f"ALB APOA1 {B}").status == "supported"
    assert reasons("B cell", f"ALB APOA1 TTR {B}") == ("mixed_lineage",)
    assert reasons("B cell", f"ALB APOA1 {B}", source="offline") == ("mixed_lineage",)


def test_contradictory_markers():
    """Genes of another lineage that outweigh the label's contradict it, also where the label has genes enough."""
    assert reasons("T cell", f"{LIVER} CD3D CD3E") == ("contradictory_markers",)
    assert reasons("hepatocyte", T) == ("contradictory_markers",)
    found = check("T cell", f"{LIVER} CD3D CD3E")
    assert found.status == "flagged"
    assert "hepatocyte" in found.validation.contradictory_markers["AHSG"]


def test_mixed_lineage():
    """Two disjoint lineages, both well supported, are mixed; a ratio of 1 asks for equal shares."""
    both = " ".join(g for pair in zip(T.split(), LIVER.split()) for g in pair)
    found = reasons("T cell", both), reasons("hepatocyte", both)
    assert set(found) <= {("mixed_lineage",), ("contradictory_markers",)}
    assert ("mixed_lineage",) in found
    assert reasons("T cell", f"{T} ALB APOA1 APOC3") == ("mixed_lineage",)
    assert reasons("T cell", f"{T} ALB APOA1 APOC3", limits=(2, 1.0)) == ()


@pytest.mark.parametrize(
    ("label", "genes"),
    [
        ("CD8-positive, alpha-beta T cell", T),
        ("T cell", f"{T} CD8A CD8B FOXP3 CXCR5"),
        ("CD8-positive, alpha-beta T cell", f"CD8A CD8B {T} CD4 CD40LG"),
        ("T cell", f"{T} GNLY NKG7 KLRD1 PRF1"),
        ("lymphocyte", T),
        ("naive B cell", f"{B} IGHD TCL1A"),
    ],
)
def test_genes_of_relatives_contradict_nothing(label, genes):
    """A gene of an ancestor, a descendant, a sibling or a compatible lineage flags nothing."""
    assert not {"contradictory_markers", "mixed_lineage"} & set(reasons(label, genes))


@pytest.mark.parametrize(
    ("label", "cl_id", "wrong"),
    [
        ("T cell", CL_B, True),
        ("T cell", "CL:9999999", True),
        ("T cell", "T", True),
        ("T cell", CL_T, False),
        ("T-cells", CL_T, False),
        ("T lymphocyte", CL_T, False),
        ("T cell", None, False),
        ("my T cells", CL_T, False),
    ],
)
def test_ontology_mismatch(label, cl_id, wrong):
    """An id of another type or of none is flagged; synonyms, other writings and a name of one's own are not."""
    found = check(label, T, cl_id=cl_id).validation
    assert ("ontology_mismatch" in found.flag_reasons) is wrong
    assert found.ontology_mismatch is wrong


def of_one_type(name):
    """Index a table with three T-cell genes under one name."""
    table = pd.DataFrame({"cell_type": [name] * 3, "gene": T.split()[:3]})
    return index.build(load(table), "human", INDEX.lineages)


def test_label_not_in_kb():
    """A label that the database knows nothing of is flagged, one that has a relative there is not."""
    assert reasons("my blob", T) == ("label_not_in_kb", "missing_ontology_id")
    own = of_one_type("T cell")
    assert reasons("hepatocyte", T, used=own) == ("label_not_in_kb",)
    assert reasons("regulatory T cell", T, used=own) == ()


def foreign(species):
    """Index a table with a mouse-only type, beside an ancestor of it that both species have."""
    rows = [("T cell", g, "both") for g in T.split()]
    rows += [("hepatocyte", g, "mouse") for g in ("Alb", "Apoa1", "Ttr")]
    rows += [("regulatory T cell", g, "mouse") for g in ("Foxp3", "Il2ra", "Ctla4")]
    return index.build(load(pd.DataFrame(rows, columns=["cell_type", "gene", "species"])), species, INDEX.lineages)


@pytest.mark.parametrize("label", ["hepatocyte", "regulatory T cell"])
def test_species_mismatch(label):
    """A type that the database knows for the mouse only is flagged for human data, also where its parent is known."""
    found = check(label, f"{T} {LIVER} FOXP3 IL2RA CTLA4", used=foreign("human"))
    assert "species_mismatch" in found.validation.flag_reasons
    assert found.status == "flagged"
    assert "species_mismatch" not in reasons(label, f"{LIVER} FOXP3 IL2RA CTLA4", used=foreign("mouse"))
    assert "species_mismatch" not in reasons("T cell", T, used=foreign("human"))


def test_validation_missing():
    """A cluster for which no label came is flagged, not passed over; Unknown is an answer."""
    found = check("", T)
    assert (found.status, found.validation.flag_reasons) == ("flagged", ("validation_missing",))
    assert reasons(UNKNOWN_LABEL, T) == ()
    assert check(UNKNOWN_LABEL, T).status == "unknown"


def test_tissue_mismatch_is_advice():
    """A type out of its tissue is told but stands; in its tissue, without one, or a type of all tissues it is not."""
    found = check("hepatocyte", LIVER, tissues=("blood",))
    assert (found.status, found.validation.flag_reasons) == ("supported", ("tissue_mismatch",))
    assert "liver" in found.validation.notes[0]
    assert reasons("hepatocyte", LIVER, tissues=("liver",)) == reasons("hepatocyte", LIVER) == ()
    assert reasons("T cell", T, tissues=("brain",)) == ()


def test_missing_ontology_id_is_advice():
    """A user's own type without a term stands, with the advice; a Cell Ontology name has none."""
    own = index.build(
        load(pd.DataFrame({"cell_type": ["my blob"] * 3, "gene": T.split()[:3]})), "human", INDEX.lineages
    )
    found = check("my blob", T, used=own)
    assert (found.status, found.validation.flag_reasons) == ("supported", ("missing_ontology_id",))
    assert "missing_ontology_id" not in reasons("T cell", T)


def test_ortholog_unmapped_is_advice():
    """Mouse clusters of which most genes have no ortholog say so; half unmapped, or human, does not."""
    mouse = index_of(_bundled.database(), "mouse")
    found = check("T cell", "CD3D CD3E CD2 ?a ?b ?c ?d", used=mouse)
    assert (found.status, found.validation.flag_reasons) == ("supported", ("ortholog_unmapped",))
    assert reasons("T cell", "CD3D CD3E CD2 ?a ?b ?c", used=mouse) == ()
    assert reasons("T cell", "CD3D CD3E CD2 ?a ?b ?c ?d") == ()


def test_models_that_do_not_agree():
    """What each of several models said is in the note; from two thirds of support on, they count as agreed."""
    answers = (
        ModelAnswer("a", "T cell", CL_T, 0.9),
        ModelAnswer("b", "B cell", CL_B, 0.8),
        ModelAnswer("c", "", None, 0),
    )
    found = check("T cell", T, source="model", panel=Panel(answers, 0.5, 1.0))
    assert (found.status, found.validation.flag_reasons) == ("flagged", ("model_disagreement",))
    assert found.validation.notes == ("a says T cell; b says B cell; c says nothing",)
    assert reasons("T cell", T, source="model", panel=Panel(answers, numbers.NUMBERS.min_agreement, 1.0)) == ()


def test_llm_unavailable_is_advice():
    """The scorer's label stands where no model answered, and the note says why none did."""
    found = check("T cell", T, source="offline", unavailable="the server is down")
    assert (found.status, found.validation.flag_reasons) == ("supported", ("llm_unavailable",))
    assert found.validation.notes == ("no language model answered: the server is down",)


def test_unknown_says_why():
    """The scorer's Unknown for genes that mark nothing has its reason; a model's own Unknown needs none."""
    found = check(UNKNOWN_LABEL, "ZNF10 ZNF12", source="offline")
    assert (found.status, found.validation.flag_reasons) == ("unknown", ("low_marker_overlap",))
    assert found.validation.notes == ("no gene of the cluster marks a cell type of the database",)
    assert reasons(UNKNOWN_LABEL, "ZNF10 ZNF12", source="model") == ()


def test_another_broad_type_with_more_evidence():
    """A given label is contradicted by a type that need not be disjoint; the scorer's own weighed that already."""
    assert reasons("mast cell", M, source="model") == ("contradictory_markers",)
    assert reasons("natural killer cell", T, source="model") == ("contradictory_markers",)
    assert reasons("natural killer cell", f"{T} KLRF1 NCR1", source="offline") == ()


def test_the_genes_for_and_against_explain_the_flag():
    """The genes that a flag names stand against the label, with the type that they mark, and not for it as well."""
    found = check("B cell", f"CD3D CD3E TRAC {B} ALB").validation
    assert found.flag_reasons == ("mixed_lineage",)
    assert found.notes == ("T cell is supported beside B cell, by CD3D, TRAC, CD3E",)
    assert list(found.contradictory_markers) == ["CD3D", "TRAC", "CD3E"]
    assert {types[0] for types in found.contradictory_markers.values()} == {"T cell"}
    assert set(found.supporting_markers) == set(B.split())
    supported = check("B cell", f"CD3D CD3E TRAC {B}", limits=(2, 1.0))
    assert supported.status == "supported"
    assert set(supported.validation.contradictory_markers) == {"CD3D", "CD3E", "TRAC"}
    assert set(supported.validation.supporting_markers) == set(B.split())


def test_a_flag_for_another_reason_has_no_genes_against():
    """If no other type speaks against a stopped label, single genes of far types are not shown as the reason."""
    assert list(check("T cell", f"{T} ALB").validation.contradictory_markers) == ["ALB"]
    found = check("T cell", f"{T} ALB", cl_id=CL_B)
    assert (found.status, found.validation.contradictory_markers) == ("flagged", {})


@pytest.mark.parametrize(
    ("label", "genes", "options", "notes"),
    [
        ("T cell", "", {}, ("the cluster has no marker gene", "0 of 0 genes are known for T cell")),
        ("", T, {}, ("no label came for this cluster",)),
        ("T cell", "CD3D", {"source": "model"}, ("1 of 1 genes are known for T cell",)),
        (
            "T cell",
            CHANCE,
            {"source": "offline"},
            ("2 of 2 genes are known for T cell, hardly more than chance gives",),
        ),
        ("B cell", f"CD3D CD3E TRAC {B}", {}, ("T cell is supported beside B cell, by CD3D, TRAC, CD3E",)),
        ("B cell", T, {}, ("T cell has more evidence than B cell, from CD6, CD3D, CD3E, TRAC, CD2",)),
        ("mast cell", M, {}, ("monocyte has more evidence than mast cell, from CD300E, S100A12, FCN1, CD14, VCAN",)),
        ("T cell", T, {"cl_id": CL_B}, ("CL:0000236 is 'B cell'; 'T cell' is CL:0000084",)),
        (
            "gizmo",
            T,
            {"cl_id": "CL:9999999"},
            (
                "CL:9999999 is not a current Cell Ontology term",
                "the database knows neither 'gizmo' nor a relative of it",
                "'gizmo' is not a Cell Ontology name",
            ),
        ),
        ("hepatocyte", LIVER, {"tissues": ("blood",)}, ("hepatocyte is expected in liver",)),
    ],
)
def test_notes_are_sentences_with_the_numbers(label, genes, options, notes):
    """Each finding is said in a sentence of its own that names the label, the genes or the numbers."""
    assert check(label, genes, **options).validation.notes == notes


def test_notes_of_species():
    """What another species' data says: the species for which a type is unknown, and the genes without ortholog."""
    assert check("hepatocyte", T, used=foreign("human")).validation.notes[0] == "hepatocyte is not known for human"
    mouse = index_of(_bundled.database(), "mouse")
    notes = check("T cell", "CD3D CD3E CD2 ?a ?b ?c ?d", used=mouse).validation.notes
    assert notes == ("4 of 7 genes have no known human ortholog",)


def test_an_id_of_a_name_that_is_none():
    """A name that the ontology lacks is judged by the id beside it: another type's genes contradict it."""
    found = check("wholly different", T, cl_id=CL_B).validation
    assert found.flag_reasons == ("ontology_mismatch", "contradictory_markers")
    assert found.notes[0] == "CL:0000236 is 'B cell', and 'wholly different' is not another name of it"
    assert reasons("my T cells", M, cl_id=CL_T) == ("contradictory_markers",)
    assert "label_not_in_kb" not in reasons("my T cells", T, cl_id=CL_T)


def test_the_thresholds_themselves_pass():
    """A probability of one half that the genes are not random is enough, and so is one that a given label is right."""
    with numbers.override(chance=(0.0, 0.0, 0.0, 0.0), given=(0.0, 0.0, 0.0, 0.0)):
        assert reasons("T cell", T, source="offline") == reasons("T cell", T) == ()
    with numbers.override(chance=(-1e-6, 0.0, 0.0, 0.0), given=(-1e-6, 0.0, 0.0, 0.0)):
        assert reasons("T cell", T, source="offline") == reasons("T cell", T) == ("low_marker_overlap",)


def test_the_only_candidate():
    """A database of one type: its evidence is weighed, though nothing stands beside it."""
    found = check("T cell", "CD3D CD3E CD3G", source="offline", used=of_one_type("T cell")).validation
    assert set(found.supporting_markers) == {"CD3D", "CD3E", "CD3G"}
    assert set(found.flag_reasons) <= {"low_marker_overlap"}


def test_genes_that_are_shown():
    """Supporting genes are those that tell most first, ties by name; of the missing canonical ones, ten are shown."""
    found = check("T cell", T).validation
    assert found.supporting_markers == tuple("CD6 CD2 CD3D CD3G CD5 CD3E TRAC BCL11B".split())
    assert len(found.missing_markers) == SHOWN_MISSING
    assert set(found.missing_markers) < set(INDEX.types[CL_T].canonical)
    own = of_one_type("my blob")
    assert check("my blob", "CD3D CD3E", used=own).validation.missing_markers == ("CD3G",)


def test_genes_that_expression_brought_in():
    """Genes of the second order count as present: none is missing and supporting at once, and the counts fit."""
    found = check("T cell", "CD3D", also="CD3D CD3E ZNF10", limits=(3, 0.2), source="model").validation
    assert set(found.supporting_markers) == {"CD3D", "CD3E"}
    assert not set(found.missing_markers) & {"CD3D", "CD3E"}
    assert found.notes == ("2 of 3 genes are known for T cell",)


@pytest.mark.parametrize("force", [True, False])
def test_force_unknown(force):
    """A flagged label becomes Unknown or Novel, or stays with force_unknown off; the proposal is kept either way."""
    both = [g for pair in zip(T.split(), LIVER.split()) for g in pair]
    with gca.settings.override(force_unknown=force):
        found = gca.annotate_markers({"0": both}).clusters[0]
    assert (found.status, found.confidence) == ("flagged", "Low")
    assert found.annotation.proposed_label != UNKNOWN_LABEL
    assert found.annotation.primary_label == (UNKNOWN_LABEL if force else found.annotation.proposed_label)
    assert (found.annotation.ontology_id is None) is force


def test_min_support_precedence(monkeypatch):
    """min_support: the override outranks the environment, and each decides on the label."""

    def status():
        return gca.annotate_markers({"0": T.split()}).clusters[0].status

    assert status() == "supported"
    monkeypatch.setenv("GCA_MIN_SUPPORT", "9")
    assert status() == "unknown"
    with gca.settings.override(min_support=3):
        assert status() == "supported"
    assert status() == "unknown"


@pytest.mark.parametrize(
    ("other", "label", "status"), [("CL:0000236", "lymphocyte", "supported"), ("CL:0000171", "T cell", "flagged")]
)
def test_cells_of_two_types(other, label, status):
    """What the cells are becomes what both types have in common; with nothing in common, the cluster is mixed."""
    case = Case.of(cluster(T), INDEX, (), Limits(2, 0.2, 0.6))
    second = Part(INDEX.types[other].label, other, 0.5, ("GENE",))
    mixture = Mixture("two_populations", (Part("T cell", CL_T, 0.5, ("CD3D",)), second))
    found = of_two(case, judge(case, propose(case)), mixture)
    assert (found.verdict.label, found.status) == (label, status)
    assert found.validation.flag_reasons == (() if status == "supported" else ("mixed_lineage",))
    assert found.mixture == (mixture if status == "supported" else None)
    assert (found.rival is None) == (status == "supported")
    assert found.verdict.path[-1].ontology_id == found.verdict.ontology_id
    assert found.verdict.confidence_score == found.verdict.path[-1].probability
