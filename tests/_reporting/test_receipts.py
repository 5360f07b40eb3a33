"""The witnesses of genes: what a report has of them, and how they are put into words."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from attrs import evolve

import gca_scanpy as gca
from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._llm.language_model import Completion
from gca_scanpy._reporting.receipts import GRADES
from gca_scanpy.db import _bundled
from gca_scanpy.model import Witnesses

B_CELL, T_CELL, CD4, PLASMA, NAIVE = "CL:0000236", "CL:0000084", "CL:0000624", "CL:0000786", "CL:0000788"
LEUKOCYTE, MAST, DENDRITIC, BLOOD = "CL:0000738", "CL:0000097", "CL:0000451", "CL:0000988"
CD4_LABEL = "CD4-positive, alpha-beta T cell"
PROFILES = ("human_pbmc3k", "human_skin_soleboldo")


@pytest.mark.parametrize(
    ("witnesses", "grade", "text"),
    [
        (None, "none", "no witness"),
        ({}, "none", "no witness"),
        ({"measured": 1}, "none", "no witness; seen in 0 of 1 profile"),
        ({"stated_by": ("asctb", "cellmarker2")}, "exact", "stated by ASCT+B, CellMarker 2.0"),
        ({"stated_by": ("my lab",)}, "exact", "stated by my lab"),
        ({"seen_in": PROFILES, "measured": 7}, "exact", "seen in 2 of 7 profiles"),
        (
            {"stated_by": ("asctb",), "seen_in": PROFILES[:1], "measured": 1},
            "exact",
            "seen in 1 of 1 profile; stated by ASCT+B",
        ),
        ({"stated_by": ("asctb",), "measured": 3}, "exact", "seen in 0 of 3 profiles; stated by ASCT+B"),
        ({"fact_of": T_CELL, "stated_by": ("panglaodb",)}, "nearby", "for T cell: stated by PanglaoDB"),
        ({"fact_of": "my cell", "stated_by": ("panglaodb",)}, "nearby", "for my cell: stated by PanglaoDB"),
        ({"nearby": (f"panglaodb@{T_CELL}",)}, "nearby", "for T cell: stated by PanglaoDB"),
        (
            {"nearby": (f"panglaodb@{T_CELL}", f"human_pbmc3k@{NAIVE}", f"sctype@{T_CELL}"), "measured": 2},
            "nearby",
            "seen in 0 of 2 profiles; for T cell: stated by PanglaoDB, ScType; for naive B cell: seen in 1 profile",
        ),
        (
            {"nearby": (f"abcam@{T_CELL}", f"human_pbmc3k@{T_CELL}", f"human_skin_soleboldo@{T_CELL}")},
            "nearby",
            "for T cell: seen in 2 profiles; stated by Abcam",
        ),
        (
            {"nearby": tuple(f"abcam@{key}" for key in (T_CELL, CD4, PLASMA, NAIVE))},
            "nearby",
            "for T cell: stated by Abcam; for CD4-positive, alpha-beta T cell: stated by Abcam; "
            "for plasma cell: stated by Abcam; and for 1 more type",
        ),
        ({"fact_of": T_CELL, "measured": 4}, "none", "no witness"),
        (
            {"fact_of": PLASMA, "stated_by": ("sctype",), "nearby": (f"asctb@{B_CELL}", f"human_pbmc3k@{B_CELL}")},
            "exact",
            "seen in 1 profile; stated by ASCT+B",
        ),
        (
            {"fact_of": PLASMA, "nearby": (f"abcam@{NAIVE}", f"asctb@{B_CELL}")},
            "exact",
            "stated by ASCT+B",
        ),
    ],
)
def test_the_words(witnesses, grade, text):
    """Profiles are counted, lists have the names that readers know, and another type is named by its label."""
    given = None if witnesses is None else Witnesses(**{"fact_of": B_CELL, **witnesses})
    receipt = _bundled.receipts(gca.annotate_markers({"a": []})).describe(B_CELL, given)
    assert (receipt.grade, receipt.text) == (grade, text)
    assert receipt.is_witnessed == (grade != "none")


def test_signs_differ_without_color():
    """Each grade has a sign and a meaning of its own."""
    assert len({look.mark for look in GRADES.values()}) == len({look.meaning for look in GRADES.values()}) == 3


@pytest.fixture(scope="module")
def database():
    """Markers of T cells and of a kind of them, as a lab states them, and of a type without a term."""
    rows = [
        ("T cell", "CD3E", "textbook"),
        ("T cell", "CD3D", ""),
        ("T cell", "CD2", "textbook"),
        ("CD4-positive, alpha-beta T cell", "CD4", "textbook"),
        ("CD4-positive, alpha-beta T cell", "CD3D", "atlas"),
        ("our favorite cell", "ZNF10", "notebook"),
        ("our favorite cell", "ZNF12", ""),
    ]
    return gca.db.load(pd.DataFrame(rows, columns=["cell_type", "gene", "sources"]))


def test_what_a_report_has(database):
    """Of each label and candidate the genes, with the fact of the type itself or else of its nearest relative."""
    report = gca.annotate_markers({"a": ["CD3E", "CD3D", "CD4", "CD2"]}, marker_db=database)
    found = report.witnesses
    assert found[T_CELL]["CD3E"] == Witnesses(T_CELL, ("textbook",))
    assert found[T_CELL]["CD3D"] == Witnesses(T_CELL)
    assert found[CD4]["CD3D"] == Witnesses(CD4, ("atlas",))
    assert found[CD4]["CD3E"] == Witnesses(T_CELL, ("textbook",))
    assert found[T_CELL].get("CD4", Witnesses(CD4, ("textbook",))) == Witnesses(CD4, ("textbook",))
    (candidate,) = (one for one in report.clusters[0].candidates if one.ontology_id == CD4)
    texts = {gene: receipt.text for gene, receipt in _bundled.receipts(report).of_candidate(candidate).items()}
    assert texts == {
        "CD4": "stated by textbook",
        "CD3D": "stated by atlas",
        "CD3E": "for T cell: stated by textbook",
        "CD2": "for T cell: stated by textbook",
    }


@pytest.mark.parametrize(
    ("label", "term", "key"),
    [
        ("T cells", None, T_CELL),
        ("our favorite cell", None, "our favorite cell"),
        ("my T cells", T_CELL, T_CELL),
    ],
)
def test_labels_of_a_user(database, label, term, key):
    """A given label has its witnesses under its term, or under its own words if it has none."""
    genes = ["CD3E", "CD3D", "CD2"] if key == T_CELL else ["ZNF10", "ZNF12"]
    labels = {"a": label} if term is None else {"a": f"{label} ({term})"}
    report = gca.validate_markers({"a": genes}, labels, marker_db=database)
    (cluster,) = report.clusters
    assert set(cluster.validation.supporting_markers) == set(genes)
    assert set(report.witnesses[key]) == set(genes)
    table = gca.get.clusters(report)
    assert set(table.loc["a", "witnessed_markers"].split(", ")) == set(genes) - {"CD3D", "ZNF12"}


class Inventor:
    """A language model that makes up the id of a label."""

    name = "inventor"

    def complete(self, messages, schema):
        """Answer with an id that no term has."""
        entry = {"cluster_id": "a", "label": "our favorite cell", "ontology_id": "CL:9999999", "confidence": 0.9}
        return Completion(json.dumps({"clusters": [entry]}))


def test_an_invented_id(database):
    """The witnesses are those of the label that came with an id that no term has."""
    model = gca.Asking(Inventor(), cache=False)
    report = gca.annotate_markers({"a": ["ZNF10", "ZNF12"]}, marker_db=database, model=model)
    assert report.clusters[0].annotation.proposed_ontology_id == "CL:9999999"
    known = _bundled.receipts(report).of_label(report.clusters[0])
    assert {gene: receipt.grade for gene, receipt in known.items()} == {"ZNF10": "exact", "ZNF12": "none"}


def test_genes_are_named_as_in_the_data():
    """Older symbols and mouse genes have the witnesses of their symbol, under the name in the data."""
    report = gca.annotate_markers({"b": ["MS4A1", "CD79A", "CD79B", "IGJ"]}, tissue="blood")
    assert {"IGJ", "CD79A"} <= set(report.witnesses[B_CELL])
    mouse = gca.annotate_markers({"b": ["Ms4a1", "Cd79a", "Cd79b"]}, species="mouse")
    assert mouse.witnesses[B_CELL]["Cd79a"].stated_by


def test_nothing_is_there_twice(lineages):
    """A type of several clusters is there once, and other types only if it has no witness itself."""
    one = gca.annotate_markers({"a": lineages["B cell"]}, tissue="blood")
    two = gca.annotate_markers({"a": lineages["B cell"], "b": lineages["B cell"]}, tissue="blood")
    assert two.witnesses == one.witnesses
    for key, genes in gca.annotate_markers(lineages, tissue="blood").witnesses.items():
        for witnesses in genes.values():
            neighbors = {one.rpartition("@")[2] for one in witnesses.nearby} - {key}
            assert not (neighbors and (witnesses.stated_by or witnesses.seen_in))


def test_a_source_that_states_it_for_the_type():
    """A gene that the database has for a kind only, and a source for the very type, has a witness for this type."""
    columns = ["cell_type", "gene", "sources", "nearby"]
    facts = [("naive B cell", "JCHAIN", "sctype", f"asctb@{B_CELL};abcam@{PLASMA}"), ("B cell", "CD79A", "", "")]
    database = gca.db.load(pd.DataFrame(facts, columns=columns))
    report = gca.validate_markers({"a": ["JCHAIN", "CD79A"]}, {"a": "B cell"}, marker_db=database)
    assert report.witnesses[B_CELL]["JCHAIN"] == Witnesses(NAIVE, ("sctype",), (f"asctb@{B_CELL}",))
    receipt = _bundled.receipts(report).of_label(report.clusters[0])["JCHAIN"]
    assert (receipt.grade, receipt.text) == ("exact", "stated by ASCT+B")


@pytest.mark.parametrize(
    ("of_type", "stated", "nearby", "grade", "text"),
    [
        (LEUKOCYTE, "", (f"asctb@{MAST}", f"abcam@{DENDRITIC}"), "none", "no witness"),
        (LEUKOCYTE, "", (f"asctb@{MAST}", f"abcam@{CD4}"), "nearby", f"for {CD4_LABEL}: stated by Abcam"),
        (LEUKOCYTE, "", (f"abcam@{MAST}", f"asctb@{BLOOD}"), "nearby", "for hematopoietic cell: stated by ASCT+B"),
        (LEUKOCYTE, "", (f"asctb@{MAST}", f"abcam@{T_CELL}"), "exact", "stated by Abcam"),
        (LEUKOCYTE, "sctype", (f"asctb@{MAST}",), "nearby", "for leukocyte: stated by ScType"),
        (LEUKOCYTE, "sctype", (f"asctb@{CD4}",), "nearby", "for leukocyte: stated by ScType"),
        (T_CELL, "", (f"asctb@{MAST}", "abcam@CL:9999999"), "none", "no witness"),
        (CD4, "", (f"asctb@{MAST}", f"abcam@{T_CELL}"), "exact", "stated by Abcam"),
    ],
)
def test_a_neighbor_is_a_relative_of_the_label(of_type, stated, nearby, grade, text):
    """A neighbor of an ancestor that has the fact, such as another kind of leukocyte, is no witness for T cells."""
    columns = ["cell_type", "gene", "sources", "nearby"]
    facts = [(of_type, "ZNF10", stated, ";".join(nearby)), ("T cell", "CD3E", "", "")]
    database = gca.db.load(pd.DataFrame(facts, columns=columns))
    report = gca.validate_markers({"a": ["ZNF10", "CD3E"]}, {"a": "T cell"}, marker_db=database)
    receipt = _bundled.receipts(report).of_label(report.clusters[0])["ZNF10"]
    assert (receipt.grade, receipt.text) == (grade, text)


def test_a_gene_of_leukocytes():
    """The gene of a leukocyte that is known of mast and dendritic cells has no witness for T cells."""
    report = gca.validate_markers({"a": ["CD3D", "CD3E", "HMHA1"]}, {"a": "T cell"}, tissue="blood")
    assert _bundled.receipts(report).of_label(report.clusters[0])["HMHA1"].text == "no witness"


def test_neighbors_of_a_type_without_a_term():
    """The ontology cannot tell the relatives of a user's own type; its neighbors are those that the table has."""
    facts = [("our favorite cell", "ZNF10", f"asctb@{MAST}"), ("our favorite cell", "ZNF12", "")]
    database = gca.db.load(pd.DataFrame(facts, columns=["cell_type", "gene", "nearby"]))
    report = gca.validate_markers({"a": ["ZNF10", "ZNF12"]}, {"a": "our favorite cell"}, marker_db=database)
    receipt = _bundled.receipts(report).of_label(report.clusters[0])["ZNF10"]
    assert receipt.text == "for mast cell: stated by ASCT+B"


def test_a_report_without_witnesses(lineages):
    """An older report has no receipts, which is not the same as genes without a witness."""
    report = gca.annotate_markers({"a": lineages["B cell"], "none": []}, tissue="blood")
    assert UNKNOWN_LABEL not in report.witnesses
    older = evolve(report, witnesses={})
    assert _bundled.receipts(older).of_label(older.clusters[0]) == {}
    assert gca.get.clusters(older).loc["a", "witnessed_markers"] == ""
