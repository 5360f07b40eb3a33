"""The public reader of labels."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy.errors import InputError, UnknownTissueWarning


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
