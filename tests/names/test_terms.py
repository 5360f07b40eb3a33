"""The public readers of labels, and short names of types."""

from __future__ import annotations

import json
from collections import defaultdict

import numpy as np
import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError, UnknownTissueWarning

ONTOLOGY, SHORT = _bundled.ontology(), _bundled.short_names()
TISSUES = dict(_bundled.database().facts.groupby("cl_id")["tissue"].first().str.split(";"))
LONGEST = 19


def test_a_row_for_each_label():
    """Rows keep the order and the index of the labels, repeated and missing ones included."""
    labels = pd.Series(["Fib_2", np.nan, "PC", "Fib_2"], index=list("abcd"), dtype="category")
    table = gca.names.map(labels)
    assert list(table.index) == list("abcd")
    assert table["name"].tolist() == ["fibroblast", None, None, "fibroblast"]
    assert table["ontology_id"].tolist() == ["CL:0000057", None, None, "CL:0000057"]
    assert table["aside"].tolist() == ["number: 2", "", "", "number: 2"]
    assert table.loc["b", "reason"] == "there is no label"
    assert "plasma cell (CL:0000786)" in table.loc["c", "candidates"]
    assert table["score"].tolist() == [0.98, 0.0, 0.0, 0.98]


def test_no_labels():
    """An empty list has an empty table with all columns."""
    table = gca.names.map([])
    assert len(table) == 0
    assert "ontology_id" in table


@pytest.mark.parametrize("labels", ["B cell", 3, None, pd.DataFrame({"a": ["B cell"]})])
def test_what_is_no_list_of_labels(labels):
    """A single label, a number, a table: the error names the function for one label."""
    with pytest.raises(InputError, match=r"gca\.names\.find"):
        gca.names.map(labels)


def test_one_label():
    """The reading has the term, its name, and how it was found."""
    reading = gca.names.find("PC", tissue="kidney")
    assert (reading.label, reading.name, reading.how, reading.score) == (
        "PC",
        "renal principal cell",
        "abbreviation",
        1.0,
    )
    with pytest.raises(InputError, match="must be text"):
        gca.names.find(["B cell"])


def test_several_tissues_and_unknown_ones():
    """One of several tissues decides; one that nobody knows decides nothing, which is said."""
    assert gca.names.find("PC", tissue=["blood", "kidney"]).name is None
    assert gca.names.find("PC", tissue=["kidney", "liver"]).ontology_id is None
    with pytest.warns(UnknownTissueWarning, match="read as 'kidney'"):
        assert gca.names.find("PC", tissue="kidnee").name == "renal principal cell"
    with pytest.warns(UnknownTissueWarning, match="male reproductive system"):
        assert gca.names.find("PC", tissue="male reproductive system").name is None


def test_the_species():
    """A term of one species gives way to the wider one for the other."""
    assert (
        gca.names.find("CD56bright NK", species="human").name == "CD16-negative, CD56-bright natural killer cell, human"
    )
    assert not gca.names.find("CD56bright NK", species="mouse").name.endswith("human")
    with pytest.raises(InputError, match="species='fish'"):
        gca.names.find("B cell", species="fish")


def test_scanpys_own_labels():
    """All ten labels of Scanpy's example are read."""
    import scanpy as sc

    table = gca.names.map(sc.datasets.pbmc68k_reduced().obs["bulk_labels"].cat.categories, tissue="blood")
    assert table["ontology_id"].notna().all()


LABELS = {
    "Fib_2": "CL:0000057",
    "CD14+ Mono": "CL:0001054",
    "EREG+ Dendritic": "CL:0000451",
    "CD4 Tcm": "CL:0000904",
    "B cells, naive": "CL:0000788",
    "neutrophul": "CL:0000775",
}


@pytest.mark.parametrize("label", LABELS)
def test_every_door_reads_a_label_alike(label, cells):
    """validate, a model's answer, votes, curation, an own marker table, two columns and CELLxGENE's export."""
    term = LABELS[label]
    genes = {"0": ["MS4A1", "CD79A", "CD79B", "CD19"]}

    class Model:
        name = "mine"

        def complete(self, messages, schema):
            answer = {"cluster_id": "0", "label": label, "confidence": 0.9, "rationale": "so"}
            return gca.Completion(json.dumps({"clusters": [answer]}))

    validated = gca.validate_markers(genes, {"0": label}, species="human")
    asked = gca.annotate_markers(genes, species="human", model=Model())
    voted = gca.annotate_markers(genes, species="human", model=[Model(), type("Other", (Model,), {"name": "other"})()])
    found = [report.clusters[0].annotation.proposed_ontology_id for report in (validated, asked, voted)]
    table = gca.db.load(pd.DataFrame({"cell_type": [label], "gene": ["MS4A1"]}))
    gca.tl.annotate(cells, "cluster")
    gca.tl.curate(cells, {"0": label}, who="Ada")
    cells.obs["theirs"] = label
    gca.tl.to_cellxgene(cells, labels="theirs")
    cells.obs["named"] = gca.names.find(label).name
    pairs = gca.get.agreement(cells, "theirs", "named")
    assert found == [term] * 3
    assert table.facts["cl_id"].tolist() == [term]
    assert gca.get.curation(cells)["to_ontology_id"].tolist() == [term]
    assert set(cells.obs["cell_type_ontology_term_id"]) == {term}
    assert gca.names.find(label).ontology_id == term
    assert pairs["relation"].tolist() == ["exact"]


def test_every_type_has_a_short_name():
    """The types of the database, and no others, have one that fits a legend."""
    assert SHORT.keys() == TISSUES.keys()
    assert {name for name in SHORT.values() if not 0 < len(name.strip()) == len(name) <= LONGEST} == set()


def test_no_two_short_names_look_alike():
    """They differ without case and punctuation, over all tissues."""
    alike = defaultdict(list)
    for term, name in SHORT.items():
        alike["".join(c for c in name.casefold() if c.isalnum())].append(term)
    assert [terms for terms in alike.values() if len(terms) > 1] == []


def test_a_short_name_is_read_as_its_term():
    """In each tissue of the type, and without a tissue for a general type."""
    wrong = []
    for term, name in SHORT.items():
        for tissue in TISSUES[term]:
            found = ONTOLOGY.resolve(name, [] if tissue == "general" else [tissue])
            wrong += [] if found == term else [(name, tissue, found)]
    assert wrong == []


def test_the_short_name_of_a_general_type_means_no_other_type():
    """In every tissue it is the type, a kind of it, or one of several candidates."""
    wrong = []
    for term in (term for term, tissues in TISSUES.items() if "general" in tissues):
        found = {tissue: ONTOLOGY.resolve(SHORT[term], [tissue]) for tissue in _bundled.tissues().canonical}
        wrong += [(SHORT[term], tissue, other) for tissue, other in found.items() if other not in (term, None)]
    assert wrong == []


@pytest.mark.parametrize(
    ("term", "name"),
    [
        ("CL:0000913", "CD8 Tem"),
        ("CL:0002399", "cDC2"),
        ("CL:0002063", "AT2"),
        ("CL:1001106", "TAL"),
        ("CL:0002306", "PT"),
        ("CL:0000815", "Treg"),
        ("CL:0000057", "Fib"),
        ("CL:1000398", "LSEC"),
        ("CL:0000121", "Purkinje"),
        ("CL:0009101", "FRC"),
        ("CL:0002099", "ZG"),
        ("CL:4072003", "MOL"),
        ("CL:4052031", "RASC"),
    ],
)
def test_names_that_labs_write(term, name):
    """Well-known types have the field's names."""
    assert gca.names.short(term) == name


def test_many_ids():
    """A list, a tuple and a generator give a list; missing values stay missing."""
    ids = ["CL:0002063", None, np.nan, pd.NA, "CL:0002063"]
    expected = ["AT2", None, None, None, "AT2"]
    assert gca.names.short(ids) == gca.names.short(tuple(ids)) == gca.names.short(term for term in ids) == expected
    assert gca.names.short(None) is None
    assert gca.names.short([]) == []


@pytest.mark.parametrize("dtype", [object, "category"])
def test_a_column(dtype):
    """A column keeps its index and name."""
    ids = pd.Series(["CL:0002063", np.nan, "CL:1001106"], index=list("abc"), name="term", dtype=dtype)
    expected = pd.Series(["AT2", None, "TAL"], index=list("abc"), name="term", dtype=object)
    pd.testing.assert_series_equal(gca.names.short(ids), expected)


def test_a_term_that_the_database_does_not_have():
    """It keeps its own name, because an ancestor's would make two types alike."""
    others = [term for term in ONTOLOGY.terms if term not in SHORT]
    assert gca.names.short(others[0]) == ONTOLOGY.label(others[0])


@pytest.mark.parametrize("ids", ["CL:9999999", "B cell", "", ["CL:0000236", "cl"], [3], [["CL:0000236"]]])
def test_unknown_ids(ids):
    """What is no id of a term is an error that says what to pass."""
    with pytest.raises(InputError, match="is not a term of the bundled Cell Ontology"):
        gca.names.short(ids)


@pytest.mark.parametrize("ids", [3, b"CL:0000236", pd.DataFrame({"a": ["CL:0000236"]})])
def test_what_is_no_list_of_ids(ids):
    """A number, bytes or a table is refused."""
    with pytest.raises(InputError, match="pass a Cell Ontology id"):
        gca.names.short(ids)


def test_a_column_of_many_cells(monkeypatch):
    """Each of its ids is looked up once."""
    seen = []
    of = type(_bundled.shortener()).of
    monkeypatch.setattr(type(_bundled.shortener()), "of", lambda self, term: seen.append(term) or of(self, term))
    ids = pd.Series(["CL:0002063", None, "CL:1001106"] * 1000)
    assert gca.names.short(ids).value_counts().to_dict() == {"AT2": 1000, "TAL": 1000}
    assert sorted(seen) == ["CL:0002063", "CL:1001106"]


@pytest.mark.parametrize("ids", [[["CL:0000236"]], ["CL:0000236", 3]])
def test_a_column_of_something_else(ids):
    """A column of lists or numbers is refused as a list of them is."""
    with pytest.raises(InputError, match="is not a term of the bundled Cell Ontology"):
        gca.names.short(pd.Series(ids, dtype=object))
