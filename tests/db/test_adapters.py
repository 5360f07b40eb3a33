"""Other people's marker tables, as their makers publish them."""

from __future__ import annotations

import gzip
import os
import pickle
import sys
from pathlib import Path

import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy.db import _bundled
from gca_scanpy.db._formats import recognize
from gca_scanpy.errors import DatabaseError

SOURCES = Path(__file__).parents[2].parent / "shared" / "marker_sources"
PANGLAODB = (
    "species\tofficial gene symbol\tcell type\tcanonical marker\torgan\n"
    "Mm Hs\tCD79A\tB cells\t1\tImmune system\n"
    "Hs\tMS4A1\tB cells\tNA\tImmune system\n"
    "Mm\tCD79B\tB cells\t1\tImmune system\n"
    "None\tALB\tHepatocytes\t1\tLiver\n"
    "Mm Hs\tCSH1\tUndefined placental cells\t1\tPlacenta\n"
)


@pytest.fixture(autouse=True)
def _assets(monkeypatch, tmp_path):
    """An assets folder of the test's own."""
    monkeypatch.delenv("GPT_CELL_ANNOTATOR_ASSETS_HOME", raising=False)
    monkeypatch.setenv("GCA_ASSETS_HOME", str(tmp_path / "assets"))
    (tmp_path / "assets").mkdir()


def facts(database, *columns):
    """Rows of a database as tuples, sorted."""
    return sorted(database.facts[list(columns)].itertuples(index=False, name=None))


def write(path, text):
    """A text file, packed where its name says so."""
    content = text.encode()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("name", ["PanglaoDB_markers_27_Mar_2020.tsv.gz", "table.tsv", "table.txt", "misnamed.csv"])
def test_panglaodb(tmp_path, name):
    """Species, canonical markers and organs of PanglaoDB; the file is told by its header, whatever its name."""
    database = gca.db.load(write(tmp_path / name, PANGLAODB))
    assert facts(database, "cl_id", "gene", "species", "strength", "tissue") == [
        ("CL:0000182", "ALB", "both", "canonical", "liver"),
        ("CL:0000236", "CD79A", "both", "canonical", "general"),
        ("CL:0000236", "CD79B", "mouse", "canonical", "general"),
        ("CL:0000236", "MS4A1", "human", "supporting", "general"),
    ]
    assert set(database.facts["sources"]) == {"panglaodb"}
    assert database.version == name
    assert (
        "1 names in panglaodb fit no Cell Ontology term and were left out: Undefined placental cells" in database.notes
    )


def test_cellmarker_lists(tmp_path):
    """CellMarker's lists: what is listed twice is canonical, the species is the file's or that of the genes' case."""
    text = 'Tissue,CT,Gene\nLiver,Hepatocyte,"ALB, APOA1,ALB,1-Mar"\nLung,B cell,"CD79A,MS4A1"\nBlood,B cell,CD79A\n'
    human = gca.db.load(write(tmp_path / "cellmarker2_human.csv", text))
    assert facts(human, "cell_type", "gene", "strength", "species", "tissue") == [
        ("B cell", "CD79A", "canonical", "human", "blood;lung"),
        ("B cell", "MS4A1", "supporting", "human", "blood;lung"),
        ("hepatocyte", "ALB", "canonical", "human", "liver"),
        ("hepatocyte", "APOA1", "supporting", "human", "liver"),
    ]
    mouse = 'Tissue,CT,Gene\nBlood,B cell,"Cd79a,Ms4a1,Cd19,Pax5,Blnk"\nBlood,Monocyte,"Ly6c2,Csf1r"\n'
    database = gca.db.load(write(tmp_path / "x.csv", mouse))
    assert set(database.facts["species"]) == {"mouse"}
    assert {"CD79A", "Ly6c2"} <= set(database.facts["gene"])
    assert set(database.facts["sources"]) == {"cellmarker2"}


def test_a_papers_whole_table_is_not_a_list_of_markers(tmp_path):
    """Of more than 250 genes in one list only those are taken that another list has too."""
    genes = [f"ZNF{n}" for n in range(300)]
    text = f'Tissue,CT,Gene\nBlood,B cell,"{",".join(genes)}"\nLung,B cell,"ZNF10,ZNF12"\n'
    assert facts(gca.db.load(write(tmp_path / "cellmarker_human.csv", text)), "gene") == [("ZNF10",), ("ZNF12",)]


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_cellmarker_download(tmp_path, kind):
    """The makers' download: a gene a row, both species in one table, ids where a name says nothing to us."""
    table = pd.DataFrame(
        {
            "species": ["Human", "Human", "Mouse", "Human", "Human"],
            "tissue_class": ["Blood", "Blood", "Blood", "Lung", "Blood"],
            "tissue_type": ["Blood", "Blood", "Blood", "Lung", "Blood"],
            "cell_name": ["B cell", "B cell", "B cell", "Nobody's name", "Cancer cell"],
            "cellontology_id": ["CL_0000084", None, None, "CL_0000583", None],
            "marker": ["CD20", "CD79A", "Cd79a", "MARCO", "EPCAM"],
            "Symbol": ["MS4A1", "CD79A", "Cd79a", None, "EPCAM"],
        }
    )
    path = tmp_path / f"Cell_marker_All.{kind}"
    if kind == "xlsx":
        pytest.importorskip("openpyxl")
        table.to_excel(path, index=False)
    else:
        table.to_csv(path, index=False)
    found = facts(gca.db.load(path), "cl_id", "gene", "species")
    assert ("CL:0000236", "MS4A1", "human") in found
    assert ("CL:0000236", "CD79A", "human") in found
    assert ("CL:0000236", "CD79A", "mouse") in found
    assert ("CL:0000583", "MARCO", "human") in found


def test_sctype(tmp_path):
    """Positive and negative lists; a gene that a second name of a type has as positive is not negative."""
    pytest.importorskip("openpyxl")
    pd.DataFrame(
        {
            "tissueType": ["Immune system", "Immune system", "Liver"],
            "cellName": ["Naive B cells", "naive B cell", "Hepatocytes"],
            "geneSymbolmore1": ["MS4A1, CD79A ,Fc-epsilon RI", "SELL", "ALB"],
            "geneSymbolmore2": ["CD3E,CD62L", None, None],
            "shortName": ["B", "B", "H"],
        }
    ).to_excel(tmp_path / "ScTypeDB_full.xlsx", index=False)
    database = gca.db.load(tmp_path / "ScTypeDB_full.xlsx")
    assert facts(database, "cell_type", "gene", "role", "tissue", "sources") == [
        ("hepatocyte", "ALB", "positive", "liver", "sctype"),
        ("naive B cell", "CD3E", "negative", "general", "sctype"),
        ("naive B cell", "CD79A", "positive", "general", "sctype"),
        ("naive B cell", "MS4A1", "positive", "general", "sctype"),
        ("naive B cell", "SELL", "positive", "general", "sctype"),
    ]


def test_celltypist(tmp_path):
    """Ids are taken as they are, but for those that the ontology gave up."""
    pytest.importorskip("openpyxl")
    pd.DataFrame(
        {
            "High-hierarchy cell types": ["B cells", "DC", "pDC"],
            "Low-hierarchy cell types": ["Follicular B cells", "DC", "pDC"],
            "Cell Ontology ID": ["CL:0000843", "CL:0001056", "CL:0001058"],
            "Curated markers": ["CXCR5, CD22", "CLEC10A", "LILRA4"],
        }
    ).to_excel(tmp_path / "Basic_celltype_information.xlsx", index=False)
    database = gca.db.load(tmp_path / "Basic_celltype_information.xlsx")
    assert facts(database, "cl_id", "gene", "sources") == [
        ("CL:0000451", "CLEC10A", "celltypist"),
        ("CL:0000784", "LILRA4", "celltypist"),
        ("CL:0000843", "CD22", "celltypist"),
        ("CL:0000843", "CXCR5", "celltypist"),
    ]
    assert database.notes == ()


@pytest.mark.parametrize("name", ["my_sets.gmt", "my_sets.gmt.gz"])
def test_gmt(tmp_path, name):
    """A set's name, or the id beside it, is the type; a name that nobody knows stays; the file is the source."""
    text = "B_CELL\tna\tMS4A1\tCD79A\t\r\nset 7\thttp://x/CL_0000084\tCD3E,1.0\nmy blob\t\tLYZ\n\nshort\tna\n"
    database = gca.db.load(write(tmp_path / name, text))
    assert facts(database, "cell_type", "cl_id", "gene", "sources") == [
        ("B cell", "CL:0000236", "CD79A", "my_sets"),
        ("B cell", "CL:0000236", "MS4A1", "my_sets"),
        ("T cell", "CL:0000084", "CD3E", "my_sets"),
        ("my blob", "", "LYZ", "my_sets"),
    ]


def test_decoupler(tmp_path):
    """A network's weights below zero are negative markers, those of zero none; as file and as DataFrame."""
    table = pd.DataFrame(
        {"source": ["B cells", "B cells", "B cells"], "target": ["MS4A1", "CD3E", "LYZ"], "weight": [2.5, -1, 0]}
    )
    table.to_csv(tmp_path / "network.csv", index=False)
    database = gca.db.load(tmp_path / "network.csv")
    assert facts(database, "cl_id", "gene", "role", "sources") == [
        ("CL:0000236", "CD3E", "negative", "network"),
        ("CL:0000236", "MS4A1", "positive", "network"),
    ]
    assert facts(gca.db.load(table), "gene", "role") == facts(database, "gene", "role")
    assert facts(gca.db.load(table.drop(columns="weight")), "role") == [("positive",)] * 3


def test_a_pickle_is_not_read(tmp_path):
    """A pickle can run code, so that none is read: it is a DatabaseError that says what is."""
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(_Evil(tmp_path / "ran")))
    with pytest.raises(DatabaseError, match=r"m\.pkl cannot be read as a table: .*; save it as csv, tsv"):
        gca.db.load(tmp_path / "m.pkl")
    assert not (tmp_path / "ran").exists()


class _Evil:
    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return os.mkdir, (self.target,)


def test_excel_without_openpyxl(monkeypatch, tmp_path):
    """If openpyxl is absent, the error is one sentence with the command that installs it."""
    (tmp_path / "x.xlsx").write_bytes(b"PK\x03\x04")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(DatabaseError, match=r"x\.xlsx needs openpyxl: python -m pip install 'gca-scanpy\[excel\]'"):
        gca.db.load(tmp_path / "x.xlsx")


def test_a_damaged_workbook(tmp_path):
    """A workbook that is none is a DatabaseError with its name."""
    pytest.importorskip("openpyxl")
    (tmp_path / "x.xlsx").write_bytes(b"no workbook")
    with pytest.raises(DatabaseError, match=r"x\.xlsx cannot be read"):
        gca.db.load(tmp_path / "x.xlsx")


def test_the_assets_folder(tmp_path):
    """A table that is known by name is read from the assets folder, all of its files together."""
    write(tmp_path / "assets" / "PanglaoDB_markers_27_Mar_2020.tsv.gz", PANGLAODB)
    for species, gene in (("human", "MS4A1"), ("mouse", "Cd79a")):
        write(tmp_path / "assets" / f"cellmarker2_{species}.csv", f"Tissue,CT,Gene\nBlood,B cell,{gene}\n")
    (tmp_path / "assets" / "cellmarker2_readme.md").write_text("no table")
    assert gca.db.load("panglaodb").version == "panglaodb"
    assert facts(gca.db.load("cellmarker2"), "gene", "species") == [("CD79A", "mouse"), ("MS4A1", "human")]


@pytest.mark.parametrize("name", ["panglaodb", "cellmarker2", "sctype", "celltypist"])
def test_a_table_that_is_not_in_the_folder(tmp_path, name):
    """The error says which file to put where, also where there is no folder."""
    with pytest.raises(DatabaseError, match=rf"no table of {name} in .*assets; put .*\.(tsv\.gz|xlsx) from https?://"):
        gca.db.load(name)
    with gca.settings.override(assets_home=tmp_path / "nowhere"), pytest.raises(DatabaseError, match="nowhere; put"):
        gca.db.load(name)


def test_the_older_name_of_the_folders_variable(monkeypatch, tmp_path):
    """GPT_CELL_ANNOTATOR_ASSETS_HOME still holds, and GCA_ASSETS_HOME outranks it."""
    monkeypatch.setenv("GPT_CELL_ANNOTATOR_ASSETS_HOME", str(tmp_path / "older"))
    assert gca.settings.assets_home == tmp_path / "assets"
    monkeypatch.setenv("GCA_ASSETS_HOME", " ")
    assert gca.settings.assets_home == tmp_path / "older"
    monkeypatch.delenv("GPT_CELL_ANNOTATOR_ASSETS_HOME")
    with pytest.raises(DatabaseError, match="gca-scanpy; put"):
        gca.db.load("sctype")


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        (["cell_type", "gene", "source", "target"], None),
        (["Cell Type", "Gene"], None),
        (["type", "symbol"], None),
        (["Species", "Official gene symbol", "Cell type"], "panglaodb"),
        (["tissue", "ct", "gene"], "cellmarker2"),
        (["source", "target"], ""),
    ],
)
def test_formats_are_told_by_their_columns(columns, name):
    """Case does not matter, and a table that has our columns is ours."""
    found = recognize(columns)
    assert (found.name if found else None) == name


def test_a_fact_of_several_tables_has_all_as_sources(tmp_path):
    """Merged, a fact has every table that states it; the first decides on strength and tissue."""
    own = pd.DataFrame({"cell_type": ["hepatocyte"] * 2, "gene": ["ALB", "APOB"], "tissue": "liver;embryo"})
    lists = 'Tissue,CT,Gene\nKidney,Hepatocyte,"ALB,TTR"\nBlood,B cell,CD79A\n'
    merged = gca.db.load(
        [own, write(tmp_path / "p.tsv", PANGLAODB), write(tmp_path / "cellmarker_human.csv", lists)]
    ).facts.set_index("gene")
    assert merged.loc["ALB", ["sources", "species", "strength"]].tolist() == [
        "DataFrame;panglaodb;cellmarker2",
        "both",
        "canonical",
    ]
    assert merged.loc["APOB", "sources"] == "DataFrame"
    assert merged.loc[["ALB", "APOB", "TTR"], "tissue"].tolist() == ["liver;embryo"] * 3
    assert merged.loc["CD79A", ["sources", "tissue"]].tolist() == ["panglaodb;cellmarker2", "general"]


def test_the_bundled_database_is_no_witness_of_itself(tmp_path):
    """Merged, its facts keep their sources and their strength; what a single public table states is weak."""
    database = gca.db.load(["bundled", write(tmp_path / "p.tsv", PANGLAODB.replace("CD79B", "ZNF28"))])
    merged = database.facts
    stranger = merged["gene"].eq("ZNF28")
    assert not merged["sources"].str.contains("gca-scanpy").any()
    assert merged.loc[stranger, ["strength", "sources"]].values.tolist() == [["weak", "panglaodb"]]
    assert set(merged.loc[~stranger, "strength"]) == {"canonical", "supporting"}
    assert any("a single public table state" in note for note in database.notes)


def test_a_table_of_other_genes_changes_no_label():
    """Facts that no cluster has leave the labels as they are."""
    markers = {"0": ["CD3D", "IL7R", "LTB"], "1": ["GNLY", "NKG7", "CD3D"], "2": ["LYZ", "FCN1"], "3": ["CD74", "LTB"]}
    mine = pd.DataFrame({"cell_type": ["MyCell"] * 2, "gene": ["FOO1", "FOO2"]})
    one, two = (gca.annotate_markers(markers, marker_db=source) for source in ("bundled", ["bundled", mine]))
    assert [c.annotation for c in one.clusters] == [c.annotation for c in two.clusters]
    scores = [[c.confidence_score for c in report.clusters] for report in (one, two)]
    assert scores[0] == pytest.approx(scores[1], abs=0.001)


public = pytest.mark.skipif(not SOURCES.is_dir(), reason=f"the public tables are not in {SOURCES.name}")


@public
@pytest.mark.parametrize(
    ("name", "source", "n_types", "known"),
    [
        ("panglaodb_2020-03-27.tsv", "panglaodb", 170, ("CL:0000236", "CD79A")),
        ("cellmarker2_human.csv", "cellmarker2", 400, ("CL:0000182", "ALB")),
        ("cellmarker2_mouse.csv", "cellmarker2", 350, ("CL:0000084", "CD3E")),
        ("sctype_full.xlsx", "sctype", 150, ("CL:0000169", "INS")),
        ("celltypist_pan_immune_v2.xlsx", "celltypist", 60, ("CL:0000788", "TCL1A")),
    ],
)
def test_the_public_tables(name, source, n_types, known):
    """Each table as published is recognized, and every type in it has a Cell Ontology term."""
    if name.endswith("xlsx"):
        pytest.importorskip("openpyxl")
    database = gca.db.load(SOURCES / name)
    assert set(database.facts["sources"]) == {source}
    assert database.facts["cl_id"].ne("").all()
    assert database.facts["cl_id"].nunique() >= n_types
    assert known in set(zip(database.facts["cl_id"], database.facts["gene"]))


@public
def test_the_public_tables_merged():
    """Bundled and public tables make one row for each gene of a type, whatever the order of the rest."""
    parts = [gca.db.load(SOURCES / f"cellmarker2_{species}.csv") for species in ("human", "mouse")]
    parts.append(gca.db.load(SOURCES / "panglaodb_2020-03-27.tsv"))
    merged = gca.db.load(["bundled", *parts]).facts
    assert not merged.duplicated(["cl_id", "gene", "role"]).any()
    assert set(_bundled.database().facts["cl_id"]) <= set(merged["cl_id"])
    assert merged.groupby("cl_id")["cell_type"].nunique().max() == 1
    assert merged.groupby(merged["gene"].str.upper())["gene"].nunique().max() == 1
