"""Gene names to canonical symbols."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gca_scanpy._names.genes import clean, looks_like_human, looks_like_mouse, read_genes
from gca_scanpy.db import _bundled

GENES = _bundled.gene_names()


def human(name):
    """Give the symbol of a human gene."""
    return GENES.canonical(name, "human", {})


def mouse(name, known=()):
    """Give the symbol of a mouse gene."""
    return GENES.canonical(name, "mouse", {symbol.upper(): symbol for symbol in known})


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("ENSG00000000003", "TSPAN6"),
        ("ENSG00000000003.14", "TSPAN6"),
        ("ensg00000000003.15", "TSPAN6"),
        ("ENSG00000000003.14_PAR_Y", "TSPAN6"),
        ("TSPAN6_ENSG00000000003", "TSPAN6"),
        ("TSPAN6_ENSG00000000003.15", "TSPAN6"),
        ("ENSG00000000003_TSPAN6", "TSPAN6"),
        ("ENSG00000000003.14|TSPAN6", "TSPAN6"),
        ("ENSG99999999999", None),
    ],
)
def test_ensembl_ids_and_composites(name, symbol):
    """Ensembl ids, with and without version, and ``TSPAN6_ENSG...`` composites give the symbol."""
    assert human(name) == symbol


@pytest.mark.parametrize(
    ("old", "symbol"),
    [("SEPP1", "SELENOP"), ("KIAA0101", "PCLAF"), ("WISP2", "CCN5"), ("H2AFZ", "H2AZ1"), ("C1ORF112", "FIRRM")],
)
def test_old_symbols(old, symbol):
    """Old symbols (SEPP1, KIAA0101, WISP2, H2AFZ) give the current ones."""
    assert human(old) == symbol


@pytest.mark.parametrize(
    "name", [float("nan"), np.nan, None, "nan", "NaN", "None", "<NA>", "NA", "", "  ", "nan-1", "NaN-12", "NA.1"]
)
def test_missing_symbols(name):
    """NaN symbols are no gene, also where ``var_names_make_unique`` has numbered them; NA is not the alias of XK."""
    assert clean(name) == ""
    assert human(name) is None
    assert mouse(name) is None


@pytest.mark.parametrize("name", ["7105", "225", "52", "225.0", "52-1", 225, 225.0])
def test_entrez_numbers(name):
    """Entrez numbers are no symbols, though some aliases are bare numbers, and NaN makes floats of them."""
    assert human(name) is None


@pytest.mark.parametrize(
    "name",
    ["AB_CD3", "ab-CD3", "ADT_CD4", "prot_CD8", "HTO_1", "CD3E_prot", "CD19_TotalSeqB", "CD14:M5E2|CD14|AHS0173|pAbO"],
)
def test_protein_features(name):
    """A protein feature (``AB_CD3``) is not counted as the gene."""
    assert human(name) is None


@pytest.mark.parametrize("name", ["CD8A-", "-CD8A", "\u2212CD8A", "CD8A\u2212", "[CD8A-]", "GRCh38_CD8A-"])
def test_genes_that_the_cells_lack(name):
    """A minus behind a gene means that the cells lack it, so it is no marker; a plus is none of the name."""
    assert human(name) is None
    assert human("CD8A+") == human("- CD8A") == "CD8A"


@pytest.mark.parametrize("name", ["[CD3E]", "[CD3E", "CD3E]", "(CD3E)", "'CD3E'", '"CD3E"', " cd3e ", "GRCh38_CD3E"])
def test_wrapped_names(name):
    """Bracketed, quoted, padded, lower-case and genome-prefixed genes are the gene."""
    assert human(name) == "CD3E"


@pytest.mark.parametrize(
    ("name", "symbol"),
    [("HLA.A", "HLA-A"), ("NKX2.1", "NKX2-1"), ("NKX2-1", "NKX2-1"), ("MATR3-1", "MATR3"), ("MT.CO1", "MT-CO1")],
)
def test_names_as_r_and_scanpy_change_them(name, symbol):
    """Dots of R's make.names and numbers of make_unique are undone, and a number of the symbol's own stays."""
    assert human(name) == symbol


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("Cd3e", "CD3E"),
        ("mm10___Cd3e", "CD3E"),
        ("mt-Co1", "MT-CO1"),
        ("H2-K1", "HLA-A"),
        ("Gnai3_ENSMUSG00000000001", "GNAI3"),
        ("ENSMUSG00000000001", None),
        ("Gm12345", None),
    ],
)
def test_mouse_genes(name, symbol):
    """Mouse case, and mouse genes of another name, give the human ortholog's symbol."""
    assert mouse(name) == symbol


def test_a_mouse_gene_of_the_database_keeps_its_name():
    """A gene that the database lists as ``Ly6c2`` is found under that name, and orthologs are for mouse only."""
    assert mouse("Ly6c2", known=["Ly6c2"]) == "Ly6c2"
    assert mouse("H2-K1", known=["H2-K1"]) == "H2-K1"
    assert mouse("Ly6c2") is None
    assert human("H2-K1") is None


def test_every_approved_symbol_is_its_own_canonical_symbol():
    """No current human symbol, in any case, is renamed."""
    assert [s for s in GENES.approved.values() if (human(s), human(s.lower())) != (s, s)] == []


names = st.text() | st.text("ENSGMU_|:.-[]()'\" GRCh38mm10CD3ABnaprotHTO", max_size=40) | st.floats() | st.none()


@given(names)
@example("GRCh38_GRCh38_CD3E")
@example("GRCh38_[CD3E]")
@example("hg19_AB_CD3")
@example("[[ CD3E ]]")
@example("TSPAN6_ENSG00000000003_ENSG00000000003")
def test_clean_is_idempotent(name):
    """Cleaning a clean name changes nothing, and no text makes it fail."""
    assert clean(clean(name)) == clean(name)


@given(names | st.sampled_from(sorted([*GENES.approved, *GENES.older, *GENES.orthologs])), st.booleans())
def test_canonical_is_idempotent(name, is_mouse):
    """A canonical symbol stays one when read again as human, and no text makes it fail."""
    symbol = GENES.canonical(name, "mouse" if is_mouse else "human", {})
    assert symbol is None or human(symbol) == symbol


def test_canonical_all_asks_each_name_once():
    """Repeated names give one entry each, in their first order, the unmapped as None."""
    found = GENES.canonical_all(["SEPP1", "AB_CD3", "SEPP1", "cd3e"], "human", {})
    assert list(found.items()) == [("SEPP1", "SELENOP"), ("AB_CD3", None), ("cd3e", "CD3E")]


HUMAN = ["CD3E", "MS4A1", "LYZ", "NKG7", "C1orf56", "GNLY", "HLA-DRA"]
MOUSE = ["Cd3e", "Ms4a1", "Lyz2", "Nkg7", "H2-Aa", "Ly6c2", "Ccl5"]


@pytest.mark.parametrize(
    ("names", "as_human", "as_mouse"),
    [
        (HUMAN, True, False),
        (MOUSE, False, True),
        ([f"mm10_{n}" for n in MOUSE], False, True),
        ([f"{n}_ENSG00000000003" for n in HUMAN], True, False),
        (HUMAN[:4], False, False),
        ([f"ENSG0000000000{i}" for i in range(9)], False, False),
        ([*HUMAN, *MOUSE], False, False),
        ([], False, False),
    ],
)
def test_the_case_tells_the_species(names, as_human, as_mouse):
    """Mouse data called human is seen by its case; few names, Ensembl ids and a mixture say nothing."""
    assert (looks_like_human(names), looks_like_mouse(names)) == (as_human, as_mouse)


def test_tables_are_read_by_column():
    """Symbol, Ensembl number and older names of a line belong together."""
    table = read_genes(lambda: ["h\n", "TSPAN6\t3\tT245,TM4SF6\n", "FAKE1\t\t\n"], ["h\n", "H2-K1\tHLA-A\n"])
    assert table.approved == {"TSPAN6": "TSPAN6", "FAKE1": "FAKE1"}
    assert table.older == {"T245": "TSPAN6", "TM4SF6": "TSPAN6"}
    assert table.ensembl == {"ENSG00000000003": "TSPAN6"}
    assert table.orthologs == {"H2-K1": "HLA-A"}
