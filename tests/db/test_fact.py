"""A fact with its witnesses."""

from __future__ import annotations

import pandas as pd
import pytest
from attrs.exceptions import FrozenInstanceError

import gca_scanpy as gca
from gca_scanpy.db import _bundled

B_CELL = "CL:0000236"


@pytest.mark.parametrize("gene", ["MS4A1", "ms4a1", "Ms4a1", "CD20", " CD20 ", "ENSG00000156738", "ENSG00000156738.19"])
@pytest.mark.parametrize("cell_type", ["B cell", "b-cells", B_CELL, "CL_0000236", "B lymphocytes"])
def test_any_spelling(gene, cell_type):
    """The gene and the type may be written in any way that the package reads."""
    fact = gca.db.fact(gene, cell_type)
    assert (fact.gene, fact.cell_type, fact.ontology_id) == ("MS4A1", "B cell", B_CELL)
    assert (fact.role, fact.strength, fact.species, fact.tissue) == ("positive", "canonical", "both", ("general",))


def test_its_witnesses():
    """Each source comes with its kind, its grade, and its publication; ASCT+B with its tables and references."""
    fact = gca.db.fact("MS4A1", "B cell")
    witnesses = {witness.name: witness for witness in fact.witnesses}
    assert witnesses["panglaodb"].kind == "list"
    assert witnesses["panglaodb"].grade == "exact"
    assert witnesses["panglaodb"].doi == "10.1093/database/baz046"
    assert "Franzén" in witnesses["panglaodb"].citation
    assert witnesses["abcam"].kind == "vendor"
    assert witnesses["abcam"].home == "https://www.abcam.com"
    (kidney,) = (table for table in witnesses["asctb"].tables if table.table.startswith("kidney v"))
    assert "PMID:31249312" in kidney.references
    assert "doi:10.1126/science.aat5031" in kidney.references
    assert witnesses["human_pbmc3k"].kind == "profile"
    assert "human_pbmc3k" in fact.seen_in
    assert "human_pbmc3k" not in fact.stated_by
    assert not set(fact.seen_in) & set(fact.not_seen_in)
    with pytest.raises(FrozenInstanceError):
        fact.gene = "CD19"


def test_a_neighbor():
    """A witness for a neighbor has the name of the neighbor, and whether it is a narrower or a wider type."""
    nearby = "panglaodb@CL:0000542;mine@CL:0000785;human_pbmc3k@CL:9999999"
    table = pd.DataFrame({"cell_type": ["B cell"], "gene": ["MS4A1"], "nearby": [nearby]})
    near = {witness.name: witness for witness in gca.db.fact("MS4A1", "B cell", table).witnesses}
    assert {witness.grade for witness in near.values()} == {"nearby"}
    wider = near["panglaodb"]
    assert (wider.neighbor, wider.neighbor_id, wider.relation, wider.kind) == (
        "lymphocyte", "CL:0000542", "wider", "list",
    )  # fmt: skip
    assert (near["mine"].neighbor, near["mine"].relation, near["mine"].kind) == ("mature B cell", "narrower", "")
    assert (near["human_pbmc3k"].neighbor, near["human_pbmc3k"].kind) == ("", "profile")
    text = str(gca.db.fact("MS4A1", "B cell", table))
    assert "PanglaoDB, for lymphocyte (CL:0000542), a wider type. Franzén" in text
    assert "mine, for mature B cell (CL:0000785), a narrower type\n" in text


def test_the_text():
    """The text says who states it, in which tables, and in how many profiles it stands out."""
    lines = str(gca.db.fact("CD79A", "B cell")).splitlines()
    assert lines[0].startswith("CD79A marks B cell (CL:0000236) in gca-scanpy ")
    assert lines[0].endswith(": canonical, human and mouse, general")
    assert any(line.startswith("    PanglaoDB. Franzén") and "doi:10.1093/" in line for line in lines)
    assert any(line.startswith("      kidney v") and "doi:10.1126/science.aat5031" in line for line in lines)
    assert any(line.startswith("  stands out in 6 of 6 expression profiles of this type:") for line in lines)


def test_a_negative_fact():
    """A gene that speaks against a type has no profile as a witness: that it does not stand out is no statement."""
    fact = gca.db.fact("CD3E", "B cell")
    assert fact.role == "negative"
    assert fact.seen_in == ()
    assert len(fact.not_seen_in) >= 3
    assert all(witness.kind != "profile" for witness in fact.witnesses)
    assert str(fact).startswith("CD3E speaks against B cell (CL:0000236)")


def test_a_fact_of_each_species():
    """Two rows, one for each species, are one fact of both."""
    fact = gca.db.fact("AMY2B", "pancreatic acinar cell")
    assert fact.species == "both"
    assert len(fact.witnesses) == len(set(fact.witnesses))
    assert gca.db.fact("Ly6c2", "monocyte").species == "mouse"


def test_a_table_of_the_user():
    """Sources that are not ours are shown as they are named; types and genes may be the user's own."""
    table = pd.DataFrame(
        {
            "cell_type": ["B cell", "Blob 7", "Blob 7"],
            "gene": ["MS4A1", "CD79A", "MYGENE1"],
            "sources": ["my paper; Smith 2020", "", "x"],
            "strength": ["supporting", "weak", ""],
        }
    )
    fact = gca.db.fact("cd20", "B", table)
    assert [(w.name, w.kind, w.grade, w.doi) for w in fact.witnesses] == [
        ("my paper", "", "exact", ""),
        ("Smith 2020", "", "exact", ""),
    ]
    assert fact.stated_by == ("my paper", "Smith 2020")
    assert fact.strength == "supporting"
    bare = gca.db.fact("CD79A", "blob 7", table)
    assert (bare.cell_type, bare.ontology_id, bare.witnesses) == ("Blob 7", "", ())
    assert "no source states it" in str(bare)
    assert gca.db.fact("mygene1", "Blob 7", table).gene == "MYGENE1"


def test_several_databases():
    """In a merged database the sources of all parts are there, with the tables of ASCT+B."""
    table = pd.DataFrame({"cell_type": ["B cell"], "gene": ["MS4A1"], "sources": ["my paper"]})
    fact = gca.db.fact("MS4A1", "B cell", ["bundled", table])
    assert {"my paper", "asctb"} <= set(fact.stated_by)
    assert next(witness for witness in fact.witnesses if witness.name == "asctb").tables
    assert "human_pbmc3k" in fact.seen_in


def test_a_decision(monkeypatch):
    """What the curators decided is there with the reason, for the bundled database only."""
    reason = "its RNA is rare, the protein marks the type"
    decided = {(B_CELL, "MS4A1"): ("kept", reason), ("CL:0000182", "ZNF10"): ("removed", "low in all profiles")}
    monkeypatch.setattr(_bundled, "decisions", lambda: decided)
    fact = gca.db.fact("MS4A1", "B cell")
    assert (fact.decision, fact.reason) == ("kept", reason)
    assert f"\n  kept: {reason}\n" in str(fact)
    table = pd.DataFrame({"cell_type": ["B cell", "hepatocyte"], "gene": ["MS4A1", "ALB"]})
    assert gca.db.fact("MS4A1", "B cell", table).decision == ""
    for source, is_there in (("bundled", True), (table, False)):
        with pytest.raises(gca.errors.InputError) as error:
            gca.db.fact("ZNF10", "hepatocyte", source)
        assert ("; it was removed: low in all profiles; " in str(error.value)) is is_there


@pytest.mark.parametrize(
    ("gene", "cell_type", "parts"),
    [
        ("CD79A", "hepatocyte", ["CD79A marks B cell (CL:0000236)", "markers of hepatocyte are ALB"]),
        ("CD79A", "Th1", ["T-helper 1 cell (CL:0000545)", "CD79A marks B cell"]),
        ("AMY2B", "acinar cell", ["AMY2B marks pancreatic acinar cell (CL:0002064)"]),
        ("ZNF10", "B cell", ["no type has ZNF10 as a marker", "markers of B cell are "]),
        ("CD79Q", "B cell", ["'CD79Q' is not a gene that can be read", "CD79A"]),
        ("", "B cell", ["'' is not a gene"]),
        ("CD79A", "PC", ["'PC' may mean plasma cell (CL:0000786) or ", "CD79A marks B cell"]),
        ("CD79A", "Bq cels", ["similar names are: B cell", "CD79A marks B cell"]),
        ("CD79A", "CL:0000000", ["cell (CL:0000000) is not one of its types", "CD79A marks "]),
        ("CD79A", "CL:9999999", ["CL:9999999", "CD79A marks "]),
        ("CD79A", "", ["'' is neither one of its types"]),
        (7, "B cell", ["gene=7 must be the name of a gene, such as 'CD79A'"]),
        ("CD79A", None, ["cell_type=None must be the name or the Cell Ontology id of a type"]),
    ],
)
def test_no_such_fact(gene, cell_type, parts):
    """The message says which types have the gene and which genes the type has, in one line."""
    with pytest.raises(gca.errors.InputError) as error:
        gca.db.fact(gene, cell_type)
    text = str(error.value)
    assert [part for part in parts if part not in text] == []
    assert "\n" not in text


@pytest.mark.parametrize(
    "gene",
    [
        "ENSMUSG00000024673",
        "ensmusg00000024673.12",
        " ENSMUSG00000024673 ",
        "ENSDARG00000000001",
        "gene:ENSMUSG00000024673",
    ],
)
def test_an_ensembl_id_of_another_species(gene):
    """Only human Ensembl ids are known; the message says so, and does not ask for such an id."""
    with pytest.raises(gca.errors.InputError) as error:
        gca.db.fact(gene, "B cell")
    assert str(error.value) == (
        f"{gene!r} is an Ensembl id of another species than human, and only human ones are known; "
        "pass the symbol of the gene, such as 'Cd79a'"
    )


@pytest.mark.parametrize(
    "gene",
    [
        "MS4A1;CD3D", "MS4A1,CD79A", "MS4A1, CD79A", "MS4A1/CD3D", "MS4A1|CD79A", "MS4A1 & CD79A", "MS4A1+CD3D",
        "MS4A1 CD3D", "MS4A1\nCD3D", "MS4A1.CD3D", "MS4A1_CD3D", "[MS4A1, CD3D]", "'MS4A1', 'CD3D'", "Ms4a1;Cd3d",
        "MS4A1;no such gene", "FCGR3A/B", "ENSG00000156738;ENSG00000167286", "ENSG00000156738 ENSG00000167286",
        "ENSG00000156738,CD3D", "ENSMUSG00000024673,ENSMUSG00000032094", "x,y",
    ],
)  # fmt: skip
def test_several_genes(gene):
    """Several genes are no fact of the first one."""
    with pytest.raises(gca.errors.InputError) as error:
        gca.db.fact(gene, "B cell")
    assert str(error.value) == f"{gene!r} is more than one gene; pass one gene, such as 'CD79A'"


@pytest.mark.parametrize(
    "gene",
    ["CD20/MS4A1", "MS4A1;MS4A1", "MS4A1,", "MS4A1+", "MS4A1.1", "MS4A1;ENSG00000156738", "Ms4a1|ENSMUSG00000024673"],
)
def test_several_names_of_a_gene(gene):
    """Two names of one gene are one gene, and so is a name with a mark or a number behind it."""
    assert gca.db.fact(gene, "B cell").gene == "MS4A1"


@pytest.mark.parametrize("gene", ["HMHA1", "HMHA1/ARHGAP45", "HMHA1_ENSG00000180448", "ENSG00000180448|HMHA1"])
def test_an_older_symbol_beside_a_newer_one(gene):
    """An older symbol is the same gene as its id and its newer symbol."""
    assert gca.db.fact(gene, "leukocyte").gene == "ARHGAP45"


@pytest.mark.parametrize("gene", ["y+LAT-2", "HP1.A", "B5+B5R"])
def test_an_alias_with_a_separator(gene):
    """An alias with a plus or a dot is one gene."""
    with pytest.raises(gca.errors.InputError, match="has no fact about "):
        gca.db.fact(gene, "B cell")


@pytest.mark.parametrize("gene", ["HLA.DRA", "HLA DRA", "HLA_DRA", "HLA-DRA", "GRCh38_HLA-DRA", "rna_HLA-DRA"])
def test_a_gene_with_a_separator(gene):
    """What parts a symbol or stands before it does not make several genes of it."""
    assert gca.db.fact(gene, "B cell").gene == "HLA-DRA"


@pytest.mark.parametrize(
    ("gene", "hint"),
    [
        ("PD1", "PD-1 (PDCD1)"),
        ("pd1", "PD-1 (PDCD1)"),
        ("CD16", "CD16A (FCGR3A), CD16B (FCGR3B)"),
        ("CD32", "CD32A (FCGR2A), CD32B (FCGR2B)"),
        ("IL-2R", "IL2RA, IL2RB, IL2RG"),
        ("HLA-DR", "HLA-DRA"),
        ("HLADR", "HLA-DRA"),
        ("CD3", "CD3D, CD3E, CD3G"),
        ("CD79Q", "CD79A, CD79B"),
        ("CD66", "CD66A (CEACAM1), CD66B (CEACAM8), CD66C (CEACAM6), CD66D (CEACAM3), CD66E (CEACAM5)"),
    ],
)
def test_other_spellings_come_first(gene, hint):
    """A name with other dashes, or with one more letter, is a better guess than a name with another letter."""
    with pytest.raises(gca.errors.InputError) as error:
        gca.db.fact(gene, "B cell")
    assert f"; similar genes are: {hint}" in str(error.value)


def test_an_unknown_ensembl_id():
    """A human Ensembl id that no gene has is no id of another species."""
    with pytest.raises(gca.errors.InputError, match="is not a gene that can be read; pass a symbol, such as 'CD79A'"):
        gca.db.fact("ENSG00000999999", "B cell")


def test_a_symbol_beside_a_mouse_id():
    """The symbol beside a mouse Ensembl id is enough."""
    assert gca.db.fact("Ms4a1_ENSMUSG00000024673", "B cell").gene == "MS4A1"


@pytest.mark.parametrize(("gene", "cell_type"), [("x" * 100_000, "B cell"), ("CD79A", "y" * 10_000)])
def test_a_long_name_is_cut(gene, cell_type):
    """The message shows the beginning and the end of a long name."""
    with pytest.raises(gca.errors.InputError) as error:
        gca.db.fact(gene, cell_type)
    assert len(str(error.value)) < 600


def test_the_nearest_types_come_first():
    """Of the types that have a gene, kinds and ancestors of the type that was asked for come first."""
    with pytest.raises(gca.errors.InputError, match=r"CPA3 marks [^;]*mast cell"):
        gca.db.fact("CPA3", "leukocyte")
