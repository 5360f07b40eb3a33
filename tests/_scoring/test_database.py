"""Marker tables: validated, merged, fingerprinted."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._scoring.database import COLUMNS, fingerprint, merge, validate
from gca_scanpy.db import _bundled
from gca_scanpy.errors import DatabaseError

B_CELL = "CL:0000236"


def read(rows, version="own.tsv", **columns):
    """Validate a table of rows, given as dictionaries or as columns."""
    table = pd.DataFrame(columns if columns else rows)
    return validate(table, _bundled.ontology(), _bundled.gene_names(), version)


def test_two_columns_are_enough():
    """A cell type and a gene make a fact; the rest has defaults, and the name finds its Cell Ontology term."""
    database = read(None, cell_type=["B cells"], gene=["MS4A1"])
    values = ("B cell", B_CELL, "MS4A1", "both", "general", "positive", "canonical", "", "", "", "")
    assert database.facts.to_dict("records") == [dict(zip(COLUMNS, values))]
    assert database.notes == ()
    assert repr(database) == "MarkerDatabase('own.tsv', 1 cell types, 1 genes, 1 facts)"


def test_blanks_between_sources():
    """Blanks around the names of sources, and empty names, are left out."""
    database = read(None, cell_type=["B cell"], gene=["MS4A1"], sources=["; my paper ;other;; "], seen=["a ; b"])
    assert database.facts.loc[0, ["sources", "seen"]].tolist() == ["my paper;other", "a;b"]


def test_the_table_of_the_user_stays_as_it_was():
    """Reading a DataFrame changes nothing in it."""
    table = pd.DataFrame({"Cell Type": ["B cells"], "GENE": ["[cd19]"], "species": ["Human"]}, index=["x"])
    before = table.copy(deep=True)
    facts = validate(table, _bundled.ontology(), _bundled.gene_names(), "own").facts
    pd.testing.assert_frame_equal(table, before)
    assert facts[["cell_type", "gene", "species"]].to_numpy().tolist() == [["B cell", "CD19", "human"]]


@pytest.mark.parametrize("gene", ["[MS4A1]", "(MS4A1)", "ms4a1", "Ms4a1", " MS4A1 ", "'MS4A1'", "ENSG00000156738"])
def test_bracketed_or_lower_case_genes(gene):
    """Bracketed or lower-case genes are the gene."""
    assert read(None, cell_type=["B cell"], gene=[gene]).facts["gene"].tolist() == ["MS4A1"]


def test_old_symbols_and_unknown_genes():
    """Old symbols become current; a gene that no table knows is kept, in capitals."""
    facts = read(None, cell_type=["B cell"] * 3, gene=["SEPP1", "H2AFZ", "newgene9"]).facts
    assert facts["gene"].tolist() == ["SELENOP", "H2AZ1", "NEWGENE9"]


def test_human_and_mouse_mixed():
    """Human and mouse mixed: a gene of one name in both is one gene, one that only mice have keeps its name."""
    rows = [
        {"cell_type": "B cell", "gene": "CD19", "species": "both"},
        {"cell_type": "B cell", "gene": "Cd79a", "species": "mouse"},
        {"cell_type": "monocyte", "gene": "Ly6c2", "species": "Mouse"},
        {"cell_type": "monocyte", "gene": "CD79A", "species": "human"},
    ]
    facts = read(rows).facts
    assert facts["gene"].tolist() == ["CD19", "CD79A", "Ly6c2", "CD79A"]
    assert facts["species"].tolist() == ["both", "mouse", "mouse", "human"]
    assert facts["gene"].str.upper().nunique() == facts["gene"].nunique()


def test_a_marker_of_one_species_may_be_a_counter_marker_of_the_other():
    """CD4 may speak for a type in human and against it in mouse; within a species it may not."""
    human = {"cell_type": "macrophage", "gene": "CD4", "species": "human", "role": "positive"}
    mouse = {"cell_type": "macrophage", "gene": "Cd4", "species": "mouse", "role": "negative"}
    assert len(read([human, mouse]).facts) == 2
    with pytest.raises(DatabaseError, match="CD4 both positive and negative for 'macrophage'"):
        read([human, {**mouse, "species": "both"}])
    with pytest.raises(DatabaseError, match=r"own\.tsv has CD4 both positive and negative"):
        read([human, {**mouse, "species": "human"}])


def test_duplicate_rows():
    """Duplicate rows are one fact, the stronger one, with the sources and tissues of all; the notes say how many."""
    rows = [
        {"cell_type": "B cell", "gene": "CD19", "strength": "supporting", "tissue": "blood", "sources": "a"},
        {"cell_type": "T cell", "gene": "CD3E", "strength": "canonical", "tissue": "blood", "sources": ""},
        {"cell_type": "B cells", "gene": "cd19", "strength": "Canonical", "tissue": "spleen", "sources": "b; a"},
        {"cell_type": "B-cell", "gene": "CD19", "strength": "supporting", "tissue": "blood", "sources": ""},
    ]
    database = read(rows)
    assert database.facts[["gene", "strength"]].to_numpy().tolist() == [["CD3E", "canonical"], ["CD19", "canonical"]]
    merged = database.facts.iloc[1]
    assert sorted(merged["sources"].split(";")) == ["a", "b"]
    assert sorted(merged["tissue"].split(";")) == ["blood", "spleen"]
    assert database.notes == ("2 rows repeat a fact and were joined",)


def test_unknown_ontology_id():
    """An unknown ontology id is left out and said; the name, where it is one, gives the term instead."""
    rows = [
        {"cell_type": "B cell", "cl_id": "CL:9999999", "gene": "CD19"},
        {"cell_type": "my blob", "cl_id": "CL:9999998", "gene": "CD3E"},
        {"cell_type": "anything", "cl_id": "cl_0000236", "gene": "CD79A"},
    ]
    database = read(rows)
    assert database.facts["cl_id"].tolist() == [B_CELL, "", B_CELL]
    assert database.facts["cell_type"].tolist() == ["B cell", "my blob", "B cell"]
    assert "2 ids are not current Cell Ontology terms and were left out: CL:9999998, CL:9999999" in database.notes


def test_paper_name_in_the_cell_type_column():
    """A paper name in the cell-type column is no Cell Ontology term, and the notes say which rows have one."""
    rows = {"cell_type": ["Zheng et al. 2017", "B cell"], "gene": ["CD19", "CD79A"]}
    database = read(rows)
    assert database.facts["cl_id"].tolist() == ["", B_CELL]
    assert database.notes == ("1 cell types have no Cell Ontology term and keep their name: Zheng et al. 2017",)


def test_rows_without_gene_or_type():
    """NaN genes, protein features and rows without a type are left out, and counted."""
    rows = {"cell_type": ["B cell", "B cell", "B cell", None, " "], "gene": ["CD19", np.nan, "AB_CD3", "CD3E", "CD4"]}
    database = read(rows)
    assert database.facts["gene"].tolist() == ["CD19"]
    assert database.notes == (
        "2 rows have no gene symbol and were left out",
        "2 rows have no cell type and were left out",
    )


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"cell": ["B cell"], "gene": ["CD19"]}, "own.tsv has no column cell_type; it has: cell, gene"),
        ({"x": [1]}, "no column cell_type and no column gene"),
        ({"cell_type": [], "gene": []}, "no usable row"),
        ({"cell_type": ["B cell"], "gene": [None]}, "no usable row"),
        (
            {"cell_type": ["a", "b"], "gene": ["CD19", "CD4"], "species": ["human", "Rat"]},
            "species 'rat' in row 2; allowed",
        ),
        ({"cell_type": ["a"], "gene": ["CD19"], "role": ["+"]}, r"role '\+' in row 1; allowed are positive, negative"),
        (
            {"cell_type": ["a"] * 3, "gene": ["CD4"] * 3, "strength": ["x"] * 3},
            "row 1 and 2 more; allowed are canonical",
        ),
    ],
)
def test_an_unusable_table_says_what_is_wrong(columns, message):
    """The error names the table, the column or the row, and what is allowed."""
    with pytest.raises(DatabaseError, match=message):
        read(columns)


facts = st.lists(
    st.fixed_dictionaries(
        {
            "cell_type": st.sampled_from(["B cell", "T cell", "my blob"]),
            "gene": st.sampled_from(["CD19", "CD3E", "LYZ", "newgene"]),
            "strength": st.sampled_from(["canonical", "supporting"]),
            "tissue": st.sampled_from(["blood", "lung"]),
        }
    ),
    min_size=1,
    max_size=6,
)


@given(facts.flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows))))
def test_the_fingerprint_does_not_depend_on_the_order_of_the_rows(pair):
    """The same facts in another order are the same database."""
    (first, second) = (read(rows) for rows in pair)
    assert first.sha256 == second.sha256 == fingerprint(second.facts)


@pytest.mark.parametrize("column", ["cell_type", "gene", "species", "tissue", "role", "strength", "sources"])
def test_the_fingerprint_tells_any_change(column):
    """A change in any column is another database."""
    table = read(None, cell_type=["B cell", "T cell"], gene=["CD19", "CD3E"]).facts
    changed = table.copy()
    changed.loc[1, column] = "other"
    assert fingerprint(changed) != fingerprint(table)


def test_merging_keeps_the_order_and_joins_the_sources():
    """The facts of the first database come first; a fact of both is one, with the sources of both."""
    first = read([{"cell_type": "B cell", "gene": g, "sources": s} for g, s in (("CD19", "a"), ("CD79A", ""))], "one")
    second = read(
        [{"cell_type": "B cell", "gene": g, "sources": s} for g, s in (("MS4A1", "c"), ("CD19", "b;a"))], "two"
    )
    third = read(
        [{"cell_type": "B cells", "gene": "cd19", "sources": ""}, {"cell_type": "blob", "gene": "LYZ"}], "three"
    )
    merged = merge([first, third, second])
    assert merged.facts["gene"].tolist() == ["CD19", "CD79A", "LYZ", "MS4A1"]
    assert merged.facts["sources"].tolist() == ["a;b", "", "", "c"]
    assert merged.version == "one+three+two"
    assert merged.notes == third.notes
    assert merged.sha256 == fingerprint(merged.facts) != merge([first, second]).sha256


@pytest.mark.parametrize("species", [("both", "both"), ("both", "human"), ("mouse", "both"), ("human", "human")])
def test_the_first_database_decides(species):
    """Where one database calls positive what another calls negative, the first is followed."""
    row = {"cell_type": "B cell", "gene": "CD19"}
    one = read([{**row, "role": "positive", "species": species[0]}], "one")
    two = read([{**row, "role": "negative", "species": species[1]}], "two")
    assert merge([one, two]).facts["role"].tolist() == ["positive"]
    assert merge([two, one]).facts["role"].tolist() == ["negative"]


def test_merging_one_or_none():
    """One database stays itself, none is an error."""
    database = read(None, cell_type=["B cell"], gene=["CD19"])
    assert merge([database]) is database
    with pytest.raises(DatabaseError, match="no marker database was given"):
        merge([])
