"""Gene names as platforms, file formats and spreadsheets write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._names.genes import clean, dates_among, genome_of, is_date, is_merged, members, without_shared
from gca_scanpy.db import _bundled

GENES = _bundled.gene_names()
KNOWN = {gene.upper(): gene for gene in _bundled.database().facts["gene"].unique()}
ALL_NAMES = [*GENES.approved.values(), *GENES.orthologs, *KNOWN.values()]


def human(name, known=()):
    """Give the symbol of a human gene."""
    return GENES.canonical(name, "human", {symbol.upper(): symbol for symbol in known})


def mouse(name):
    """Give the symbol of a mouse gene, as the database names it."""
    return GENES.canonical(name, "mouse", KNOWN)


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("LAG-3", "LAG3"),
        ("lag-3", "LAG3"),
        ("LAG\u20113", "LAG3"),
        ("LAG\u20133", "LAG3"),
        ("LAG\u22123", "LAG3"),
        ("LAG.3", "LAG3"),
        ("PD-1", "PDCD1"),
        ("PD-L1", "CD274"),
        ("CTLA-4", "CTLA4"),
        ("TIM-3", "HAVCR2"),
        ("IL-7R", "IL7R"),
        ("IRX-1", "IRX1"),
        ("AGO-1", "AGO1"),
        ("HLA-DRA", "HLA-DRA"),
        ("HLA.DRA", "HLA-DRA"),
        ("HLA_DRA", "HLA-DRA"),
        ("MT-CO1", "MT-CO1"),
        ("MT_CO1", "MT-CO1"),
        ("NKX2-1", "NKX2-1"),
        ("NKX2.1", "NKX2-1"),
        ("KLRB1", "KLRB1"),
        ("CD4-11", "CD4"),
        ("CXCL1-2", "CXCL1"),
        ("CCL1.1", "CCL1"),
        ("JUN-1", "JUN"),
        ("MATR3_1", "MATR3"),
        ("HLA.A.1", "HLA-A"),
        ("APOBEC3A_B", "APOBEC3A_B"),
        ("STMN-99", None),
        ("LAG-33", None),
        ("MAR-xy", None),
    ],
)
def test_a_dash_is_the_symbols_own_or_left_out(name, symbol):
    """A dash is never a place to cut at, unless the rest is official and a copy's number was cut off."""
    assert human(name) == symbol


def test_what_is_cut_off_is_never_looked_up_among_older_names():
    """LAG is an older name of STMN1, but LAG-2 is not: no older name becomes a gene with a number behind it."""
    names = [name for name in list(GENES.older)[::20] if name[-1].isalpha() and name not in GENES.approved]
    assert len(names) > 300
    read = {f"{name}-12": human(f"{name}-12") for name in names}
    wrong = {name: symbol for name, symbol in read.items() if symbol == GENES.older[name[:-3]]}
    assert {name for name in wrong if name[:-3].replace(".", "-") not in GENES.approved} == set()


DATES = [
    "Mar-01",
    "1-Mar",
    "01-Mar",
    "MAR-01",
    "mar-1",
    "Mar.01",
    "X1.Mar",
    "2-Sep",
    "Sep-02",
    "Sept-9",
    "9-Sept",
    "Dec-01",
    "1-Dec",
    "4-Oct",
    "Jun-01",
    "1-Jun",
    "1-Mar-21",
    "Mar-2001",
    "01. Mrz",
    "1. Mär",
    "01-mars",
    "02-set",
    "01/mar",
    "1 Mar",
    "2001-03-01",
    "2001-03-01 00:00:00",
    "2001-03-01T00:00:00",
    "3/1/2001",
    "01.03.2021",
    "3/1/21",
]


@pytest.mark.parametrize("name", DATES)
def test_a_date_of_a_spreadsheet_is_nobodys_gene(name):
    """Excel's dates give no symbol, for human and mouse, though MAR is an older name of IRF1."""
    assert is_date(name)
    assert (clean(name), human(name), mouse(name)) == ("", None, None)


def test_no_gene_is_taken_for_a_date():
    """Neither a current symbol nor a gene of the database is a date; nor are the old names of the MARCH family."""
    assert [name for name in ALL_NAMES if is_date(name)] == []
    assert [human(name) for name in ("MARCH1", "SEPT2", "MARC1")] == ["MARCHF1", "SEPTIN2", "MTARC1"]


@pytest.mark.parametrize(
    ("names", "dates"),
    [
        ([*"CD3D CD3E CD4 CD8A LYZ CD14 NKG7 GNLY MS4A1 CD79A".split(), "44256"], ["44256"]),
        ([*"CD3D CD3E CD4 CD8A LYZ CD14 NKG7 GNLY MS4A1 CD79A".split(), "44256.0", "1-Mar"], ["44256.0", "1-Mar"]),
        ([*"CD3D CD3E CD4 CD8A LYZ CD14 NKG7 GNLY MS4A1 CD79A".split(), "925"], []),
        (["44256", "44257", "925", "914"], []),
        ([], []),
    ],
)
def test_a_day_number_is_a_date_only_among_symbols(names, dates):
    """44256 is the first of March 2021 for Excel; in a list of Entrez ids it is an id."""
    assert dates_among(names, len(names)) == dates


@pytest.mark.parametrize(
    ("probe", "genes"),
    [
        ("FCGR3A/B", "FCGR3A FCGR3B"),
        ("HBA1/2", "HBA1 HBA2"),
        ("TPSAB1/B2", "TPSAB1 TPSB2"),
        ("CCL3/L1/L3", "CCL3 CCL3L1 CCL3L3"),
        ("CCL4/L1/L2", "CCL4 CCL4L1 CCL4L2"),
        ("KRT6A/B/C", "KRT6A KRT6B KRT6C"),
        ("HLA-DQB1/2", "HLA-DQB1 HLA-DQB2"),
        ("MZT2A/B", "MZT2A MZT2B"),
        ("CXCL1/2/3", "CXCL1 CXCL2 CXCL3"),
        ("XCL1/2", "XCL1 XCL2"),
        ("IFNA1/13", "IFNA1 IFNA13"),
        ("GNG11/4", "GNG11 GNG4"),
        ("PF4/V1", "PF4 PF4V1"),
        ("EIF5A/L1", "EIF5A EIF5AL1"),
        ("KIR3DL1/S1", "KIR3DL1 KIR3DS1"),
        ("CD3D/E/G", "CD3D CD3E CD3G"),
        ("FCGR3A|FCGR3B", "FCGR3A FCGR3B"),
        ("HBA1;HBA2", "HBA1 HBA2"),
        ("HBA1,HBA2", "HBA1 HBA2"),
        ("HBA1+HBA2", "HBA1 HBA2"),
        ("SIRPA/B1/G", "SIRPA SIRPB1 SIRPG"),
        ("IGKV1-39/1D-39", "IGKV1-39 IGKV1D-39"),
        ("CD3D///CD3E", "CD3D CD3E"),
        ("CD3D /// C3", "CD3D C3"),
    ],
)
def test_the_genes_of_a_merged_probe(probe, genes):
    """The parts of a merged probe are full names, endings that are appended, or endings that replace others."""
    assert list(members(probe, GENES.approved.get)) == genes.split()
    assert human(probe) == genes.split()[0]


@pytest.mark.parametrize(
    ("probe", "known", "symbol"),
    [
        ("FCGR3A/B", ["FCGR3B"], "FCGR3B"),
        ("FCGR3A/B", ["FCGR3A", "FCGR3B"], "FCGR3A"),
        ("A1BG /// CD3D", ["CD3D"], "CD3D"),
        ("SEPP1|APOE", [], "SELENOP"),
        ("CD3D|915", [], "CD3D"),
        ("?|100130426", [], None),
        ("1-Mar;2-Sep", [], None),
        ("FCGR3A.B", [], "FCGR3A"),
        ("CCL3.L1.L3", ["CCL3L3"], "CCL3L3"),
        ("FOXP3.AS9", [], None),
        ("HS.CD3D", [], None),  # HS is an alias of MAP3K14
        ("MAR.CD3D", [], None),
        ("AC012345.1", [], None),
        ("nothing/else", [], None),
        ("/", [], None),
    ],
)
def test_what_a_merged_probe_is_evidence_of(probe, known, symbol):
    """It is the first of its genes that the database knows, otherwise the first that is a gene."""
    assert human(probe, known) == symbol


def test_merged_probes_of_the_mouse():
    """Mouse names are completed as human names are."""
    assert mouse("Hba-a1/2") == mouse("Hba-a1")
    assert [mouse(name) for name in ("H2-Ab1", "H2.Ab1", "H2_Ab1")] == ["H2-Ab1"] * 3


@pytest.mark.parametrize(
    ("name", "genome"),
    [
        ("GRCh38-CD3D", "human"),
        ("GRCh38_CD3D", "human"),
        ("GRCh38.CD3D", "human"),
        ("GRCh38______CD3D", "human"),
        ("GRCh38-2020-A_CD3D", "human"),
        ("GRCh37_CD3D", "human"),
        ("hg19_CD3D", "human"),
        ("hg38-CD3D", "human"),
        ("GRCh38.p13_CD3D", "human"),
        ("hs_CD3D", "human"),
        ("human_CD3D", "human"),
        ("HUMAN-CD3D", "human"),
        ("homo_sapiens_CD3D", "human"),
        ("GRCh38_ENSG00000167286", "human"),
        ("CD3D-ENSG00000167286", "human"),
        ("ENSG00000167286-CD3D", "human"),
        ("CD3D_ENSG00000167286.12", "human"),
        ("gene:ENSG00000167286", "human"),
        ("gene:ENSG00000167286.5", "human"),
        ("CD3D (ENSG00000167286)", "human"),
        ("CD3D(ENSG00000167286.1)", "human"),
        ("CD3D [ENSG00000167286]", "human"),
        ("CD3D ENSG00000167286", "human"),
        ("ENSG00000167286 (CD3D)", "human"),
        ("ENSG00000167286-1", "human"),
        ("not_a_symbol-ENSG00000167286", "human"),
        ("mm10---Cd3d", "mouse"),
        ("mm10___Cd3d", "mouse"),
        ("GRCm39-Cd3d", "mouse"),
        ("mouse_Cd3d", "mouse"),
        ("mm_Cd3d", "mouse"),
        ("Cd3d-ENSMUSG00000032094", "mouse"),
        ("rn7_Cd3d", "rat"),
        ("gene-CD3D", None),
        ("gene:CD3D", None),
        ("rna_CD3D", None),
        ("sct_CD3D", None),
        ("CD3D (915)", None),
        ("CD3D", None),
    ],
)
def test_the_genome_and_the_id_beside_a_gene(name, genome):
    """A gene is found behind a genome, a kind of feature or an id, and before an id; the genome tells the species."""
    assert human(name) == "CD3D"
    assert genome_of(name) == genome


@pytest.mark.parametrize("name", ["SCT_1", "SCT-2"])
def test_a_gene_that_looks_like_a_prefix(name):
    """SCT is a gene, and not Seurat's assay, if only a number follows."""
    assert human(name) == "SCT"


def test_no_symbol_is_cut():
    """Each current symbol, mouse symbol and gene of the database is itself when it is cleaned."""
    assert [name for name in ALL_NAMES if clean(name) != name] == []


def test_a_current_symbol_is_nothing_else():
    """A current symbol has no genome, no older name and no second gene in it, so it is looked up as it stands."""
    assert [name for name in GENES.approved if clean(name) != name or genome_of(name) or is_merged(name)] == []
    assert [GENES.is_current(name) for name in ("CD3D", "Cd3d", "SEPP1", "CD3D.1", "hg38_CD3D", "\uff23D3D")] == [
        *(True, True),
        *(False,) * 4,
    ]


LIST = "CD3D CD3E HLA-DRA MT-CO1 SEPP1".split()


@pytest.mark.parametrize("form", ["foo_{}", "FOO-{}", "my_data_{}", "a--{}", "{}_foo", "{}-sample.1", "x:{}"])
def test_a_prefix_or_suffix_of_nearly_all_names(form):
    """An unknown prefix or suffix that nearly all names share is left out; other names stay as they are."""
    names = [*(form.format(gene) for gene in LIST), "LYZ"]
    assert list(GENES.canonical_all(names, "human", {}).values()) == [*LIST[:4], "SELENOP", "LYZ"]


@pytest.mark.parametrize(
    "names",
    [
        ["HLA-A", "HLA-B", "HLA-C", "HLA-DRA"],
        ["foo_CD3D", "foo_CD3E", "LYZ", "CD14", "MS4A1"],
        ["foo_1", "foo_2", "foo_3", "foo_4"],
        ["RP11-1", "RP11-2", "RP11-3"],
    ],
)
def test_no_other_prefix_is_cut(names):
    """A prefix of some names, of symbols, or before what is no gene, is not cut."""
    alone = {name: human(name) for name in names}
    assert GENES.canonical_all(names, "human", {}) == alone
    assert without_shared([], 0) == {}


@given(st.text("GRCh38mm10_-/|;.: CD3ABENSG0123()Mar", max_size=40))
def test_any_text_is_read(text):
    """No text makes the reading of a merged, prefixed or composite name fail, and only symbols come out."""
    symbol = human(text)
    assert symbol is None or human(symbol) == symbol
    assert all(isinstance(member, str) for member in members(text, GENES.approved.get))
