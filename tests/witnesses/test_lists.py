"""The public lists, from tiny files."""

from __future__ import annotations

import gzip

import pytest
from witnesses import citations, lists

from gca_scanpy.db import _bundled

ONTOLOGY, GENES = _bundled.ontology(), _bundled.gene_names()
B_CELL, T_CELL, FOLLICULAR = "CL:0000236", "CL:0000084", "CL:0000843"
PANGLAO = "species\tofficial gene symbol\tcell type\tcanonical marker\torgan\nMm Hs\tMS4A1\tB cells\t1\tImmune system\n"
SCTYPE = "tissueType\tcellName\tgeneSymbolmore1\tgeneSymbolmore2\nImmune system\tB cells\tCD19\tCD3E\n"
CELLMARKER = "Tissue,CT,Gene\nBlood,B cell,CD79A\n"
CELLTYPIST = (
    "High-hierarchy cell types,Low-hierarchy cell types,Cell Ontology ID,Curated markers\n"
    f'B cells,Follicular B cells,{FOLLICULAR},"CXCR5, CD22"\n'
)
ASCTB = f"""organ,cl_id,gene,sign,refs,version
kidney,{B_CELL},CD79A,+,PMID:1;doi:10.1/a,v1.8
kidney,{B_CELL},CD79A,+,doi:10.1/b,v1.8
skin,{B_CELL},CD79A,+,PMID:1,v1.5
lung,{B_CELL},MARCH1,+,,v1.6
lung,{B_CELL},CD3E,-,doi:10.1/c,v1.6
lung,CL:9999999,CD3E,+,doi:10.1/c,v1.6
"""
ACCORDION = f"""species,cl_id,gene,role,resource
human,{B_CELL},PAX5,positive,Abcam
human,{B_CELL},PAX5,positive,ThermoFisher
human,{B_CELL},PAX5,positive,bdbiosciences
human,{B_CELL},PAX5,positive,Cell Signaling TECHNOLOGY
human,{B_CELL},BLK,positive,ASCT+B
mouse,{B_CELL},Cd3e,negative,Cell Taxonomy
mouse,{T_CELL},Cd3e,positive,singleCellBase
mouse,CL:9999999,Cd3e,positive,singleCellBase
"""


@pytest.fixture
def folder(tmp_path):
    """Write every kind of list into a folder."""
    texts = {
        "PanglaoDB.tsv": PANGLAO, "ScTypeDB.tsv": SCTYPE, "cellmarker2_human.csv": CELLMARKER,
        "celltypist.csv": CELLTYPIST, "asctb.csv": ASCTB,
    }  # fmt: skip
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "accordion.csv.gz").write_bytes(gzip.compress(ACCORDION.encode()))
    return tmp_path


def test_all_readers(folder):
    """Each list gives its facts by term, current symbol and role; each resource of the accordion is a list."""
    listed, unread = lists.read(folder, ONTOLOGY, GENES, {})
    assert unread == []
    assert listed == {
        "panglaodb": {(B_CELL, "MS4A1", "positive")},
        "cellmarker2": {(B_CELL, "CD79A", "positive")},
        "sctype": {(B_CELL, "CD19", "positive"), (B_CELL, "CD3E", "negative")},
        "celltypist": {(FOLLICULAR, "CXCR5", "positive"), (FOLLICULAR, "CD22", "positive")},
        "asctb": {(B_CELL, "CD79A", "positive"), (B_CELL, "MARCHF1", "positive"), (B_CELL, "CD3E", "negative")},
        "abcam": {(B_CELL, "PAX5", "positive")},
        "thermofisher": {(B_CELL, "PAX5", "positive")},
        "bd_biosciences": {(B_CELL, "PAX5", "positive")},
        "cell_signaling": {(B_CELL, "PAX5", "positive")},
        "cell_taxonomy": {(B_CELL, "CD3E", "negative")},
        "singlecellbase": {(T_CELL, "CD3E", "positive")},
    }


def test_every_list_has_a_row_in_the_table_of_sources(folder):
    """What is read can be recorded, and vendors count as one source."""
    listed, _ = lists.read(folder, ONTOLOGY, GENES, {})
    sources = _bundled.sources_by_name()
    assert listed.keys() <= sources.keys()
    vendors = ("abcam", "thermofisher", "bd_biosciences", "cell_signaling")
    assert {sources[name].group for name in vendors} == {"vendor"}
    assert len({sources[name].group for name in listed}) == len(listed) - 3


def test_an_older_copy_is_no_second_witness(folder):
    """The accordion's own copy of ASCT+B is not read."""
    listed, _ = lists.read(folder, ONTOLOGY, GENES, {})
    assert not any(gene == "BLK" for facts in listed.values() for _, gene, _ in facts)


def test_an_empty_folder(tmp_path):
    """A folder without lists gives none, and nothing that cannot be read."""
    assert lists.read(tmp_path, ONTOLOGY, GENES, {}) == ({}, [])


def test_a_file_that_cannot_be_read(folder):
    """A table that is damaged is reported with its name, and the others are read."""
    (folder / "PanglaoDB.tsv").write_text("a\tb\n1\t2\n")
    listed, unread = lists.read(folder, ONTOLOGY, GENES, {})
    assert "panglaodb" not in listed
    assert "asctb" in listed
    assert len(unread) == 1
    assert unread[0].startswith("panglaodb: the marker table panglaodb has no column")


def test_citations(folder):
    """A fact of ASCT+B has a row for each table that states it, with all references of that table."""
    assert citations.read(folder, GENES, {}) == {
        (B_CELL, "CD79A", "positive"): {"kidney v1.8": {"PMID:1", "doi:10.1/a", "doi:10.1/b"}, "skin v1.5": {"PMID:1"}},
        (B_CELL, "MARCHF1", "positive"): {"lung v1.6": set()},
        (B_CELL, "CD3E", "negative"): {"lung v1.6": {"doi:10.1/c"}},
        ("CL:9999999", "CD3E", "positive"): {"lung v1.6": {"doi:10.1/c"}},
    }


@pytest.mark.parametrize(
    ("given", "restored"),
    [
        ("10.1016/s0002-94401061680-x", "10.1016/s0002-9440(10)61680-x"),
        ("10.1016/S0002-94401061694-X", "10.1016/S0002-9440(10)61694-X"),
        ("10.1016/s0092-867400806823", "10.1016/s0092-867400806823"),  # no check character: another form
        ("10.1016/s1471-490x0102060-9", "10.1016/s1471-490x(01)02060-9"),
        ("10.1016/0006-89939290583-u", "10.1016/0006-8993(92)90583-u"),
        ("10.1016/s0065-1281(97)80024-4", "10.1016/s0065-1281(97)80024-4"),
        ("10.1016/j.cell.2019.06.029", "10.1016/j.cell.2019.06.029"),
        ("10.1007/s10571-014-0062-9", "10.1007/s10571-014-0062-9"),
        ("10.1002/(sici)1096-9861(19990816)411:1", ""),
        ("10.1002/(SICI)1096-9861(19990816)411:1<1::AID-CNE1>3.0.CO;2-X", ""),  # cells are split at the semicolon
        ("10.1002/(sici)1520-6777(2000)19:2%3c185::aid-nau9%3e3.0.co", ""),
        ("10.1290/1071-2690(2001)037", ""),
        ("10.1290/1071-2690(2001)037<0001:iv>2.0.co", ""),
        ("10.1061/(asce)0733-9399(2001)127:8(743)", "10.1061/(asce)0733-9399(2001)127:8(743)"),
    ],
)
def test_broken_references(folder, given, restored):
    """An Elsevier id gets back the parentheses that it lost; a SICI, which no cell can hold, is left out."""
    text = f"organ,cl_id,gene,sign,refs,version\nlung,{B_CELL},CD19,+,PMID:1;doi:{given};PMID:2,v1.6\n"
    (folder / "asctb.csv").write_text(text)
    cited = citations.read(folder, GENES, {})[B_CELL, "CD19", "positive"]["lung v1.6"]
    assert cited == {"PMID:1", "PMID:2", *([f"doi:{restored}"] if restored else [])}


def test_rows_of_citations(folder):
    """The rows are sorted, have each reference once, and write genes as the database does."""
    cited = citations.read(folder, GENES, {})
    facts = [(B_CELL, "CD79A", "positive"), (B_CELL, "Cd79a", "negative"), (B_CELL, "Marchf1", "positive")]
    assert citations.rows(cited, [*facts, *facts]) == (
        (B_CELL, "CD79A", "kidney v1.8", "PMID:1;doi:10.1/a;doi:10.1/b"),
        (B_CELL, "CD79A", "skin v1.5", "PMID:1"),
        (B_CELL, "Marchf1", "lung v1.6", ""),
    )


def test_a_symbol_of_the_database_comes_first(folder):
    """A mouse symbol that the database has is kept, in capitals."""
    table = f"species,cl_id,gene,role,resource\nmouse,{T_CELL},Gm1,positive,SHOGoiN\n"
    (folder / "accordion.csv.gz").write_bytes(gzip.compress(table.encode()))
    listed, _ = lists.read(folder, ONTOLOGY, GENES, {"GM1": "Gm1"})
    assert listed["shogoin"] == {(T_CELL, "GM1", "positive")}
