"""Genes that tell a state."""

import pytest

from gca_scanpy._scoring.programs import PROGRAMS, is_generic
from gca_scanpy._scoring.weights import states
from gca_scanpy.db import _bundled

CYCLE = "MKI67 TOP2A CENPF UBE2C CDK1 CCNB1 BIRC5 TPX2"


@pytest.mark.parametrize(
    "gene",
    "RPL13 RPS4X RPLP0 RPSA MRPL12 MT-CO1 MT1X MT2A MALAT1 NEAT1 XIST HLA-A HLA-E B2M ACTB ACTG1 GAPDH FTL TMSB4X "
    "Gm42418".split(),
)
def test_genes_of_all_cells(gene):
    """Ribosomal, mitochondrial, MALAT1 and HLA class I genes do not name a cluster."""
    assert is_generic(gene)


@pytest.mark.parametrize(
    "gene",
    "CD3E HLA-DRA IGHG1 IGKC MS4A1 ACTA2 ACTG2 MTAP MT3 RPE65 MRC1 RPL FTO MKI67 ISG15 FOS HSPA1A VEGFA".split(),
)
def test_genes_of_types_and_of_states(gene):
    """HLA class II and type genes are none of them, though the names begin alike, nor are genes of states."""
    assert not is_generic(gene)


@pytest.mark.parametrize(
    ("genes", "found"),
    [
        ("CD3E MKI67 TOP2A CENPF", {"proliferating": ("MKI67", "TOP2A", "CENPF")}),
        ("MKI67 TOP2A CD3E", {}),
        ("MKI67 MKI67 TOP2A", {}),
        ("CA9 NDRG1 VEGFA", {"hypoxic": ("CA9", "NDRG1", "VEGFA")}),
        ("ISG15 FOS JUN MX1 EGR1 IFI6 IFIT1", {
            "interferon alpha response": ("ISG15", "MX1", "IFI6", "IFIT1"),
            "immediate early": ("FOS", "JUN", "EGR1"),
        }),
        ("CXCL9 STAT1 GBP5 IDO1", {"interferon gamma response": ("CXCL9", "GBP5", "IDO1")}),
        ("", {}),
    ],
)  # fmt: skip
def test_a_state_needs_three_genes_of_its_core(genes, found):
    """A state holds from three different genes on; the one with most genes comes first, its genes in their order."""
    assert list(states(genes.split()).genes.items()) == list(found.items())


def test_the_order_of_genes_changes_no_state():
    """The same states hold in the same order."""
    genes = f"{CYCLE} ISG15 MX1 IFI6 FOS JUN EGR1".split()
    assert list(states(genes).genes) == list(states(genes[::-1]).genes)


def test_a_gene_tells_one_state():
    """What p53 switches on is told once, though cells that die have it, too; three others tell that as well."""
    p53 = "CDKN1A MDM2 SESN1 ZMAT3 FAS BBC3 BAX"
    assert list(states(p53.split()).genes) == ["p53 response"]
    assert list(states(f"{p53} CASP3 BID APAF1 BCL2L11".split()).genes) == ["p53 response", "apoptotic"]


def test_the_genes_that_a_state_explains():
    """Core genes of a state that holds; if hardly another gene is there, those that it shares with types as well."""
    few = states("MKI67 TOP2A CENPF TUBB CD3D CD3E CD3G".split())
    assert few.bound == {"MKI67", "TOP2A", "CENPF"}
    assert (few.fill_the_list, few.note) == (False, "")
    most = states(f"{CYCLE} TUBB CD3D".split())
    assert {*CYCLE.split(), "TUBB"} <= most.bound
    assert "CD3D" not in most.bound
    assert most.fill_the_list
    assert most.note == (
        "the genes show a state of the cells, not their type: proliferating (MKI67, TOP2A, CENPF, UBE2C, CDK1)"
    )


def test_housekeeping_genes_dilute_no_state():
    """A list of a state with ribosomal genes between is still a list of nothing else."""
    assert states(f"{CYCLE} RPL3 RPL4 RPS6 RPS8 MT-CO1 MALAT1 RPL10 RPL11".split()).share == 1


def test_only_the_first_genes_are_read():
    """A state at the end of a long list is none of the cluster."""
    assert states([*(f"G{i}" for i in range(50)), *CYCLE.split()]).genes == {}


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_every_gene_of_a_program_can_be_found(program):
    """The lists hold current symbols, so none waits for a name that no data will have; core and others are disjoint."""
    names = _bundled.gene_names()
    found = {gene: names.canonical(gene, "human", {}) for gene in program.genes}
    assert {gene: symbol for gene, symbol in found.items() if symbol != gene} == {}
    assert not program.core & program.more
    assert program.source


def test_names_of_states():
    """Each state has one program."""
    assert len({program.name for program in PROGRAMS}) == len(PROGRAMS)
