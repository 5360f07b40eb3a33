"""Genes that tell a state."""

import pytest

from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.states import STATES, damping, states
from gca_scanpy.db import _bundled


@pytest.mark.parametrize(
    "gene",
    [
        "RPL13",
        "RPS4X",
        "RPLP0",
        "RPSA",
        "MRPL12",
        "MT-CO1",
        "MT1X",
        "MT2A",
        "MALAT1",
        "NEAT1",
        "XIST",
        "HLA-A",
        "HLA-E",
        "B2M",
        "ACTB",
        "ACTG1",
        "GAPDH",
        "FTL",
        "TMSB4X",
        "MKI67",
        "ISG15",
        "FOS",
        "HSPA1A",
        "VEGFA",
        "Gm42418",
    ],
)
def test_generic_genes_count_less(gene):
    """Ribosomal, mitochondrial, MALAT1, HLA class I, stress and cell-cycle genes do not name a cluster."""
    assert damping(gene) == numbers.NUMBERS.generic_weight < 1


@pytest.mark.parametrize(
    "gene",
    ["CD3E", "HLA-DRA", "IGHG1", "IGKC", "MS4A1", "ACTA2", "ACTG2", "MTAP", "MT3", "RPE65", "MRC1", "RPL", "FTO"],
)
def test_type_genes_count_in_full(gene):
    """HLA class II, immunoglobulin and type genes keep their weight, though the names begin alike."""
    assert damping(gene) == 1


@pytest.mark.parametrize(
    ("genes", "found"),
    [
        (["CD3E", "MKI67", "TOP2A", "CENPF"], ("proliferating",)),
        (["MKI67", "TOP2A", "CD3E"], ()),
        (["MKI67", "MKI67", "TOP2A"], ()),
        (["FOS", "JUN", "EGR1", "ISG15", "MX1", "IFI6"], ("interferon response", "stressed")),
        (["CA9", "NDRG1", "VEGFA"], ("hypoxic",)),
        ([], ()),
    ],
)
def test_states_need_three_genes(genes, found):
    """A state is reported beside the label from three different genes on, always in the same order."""
    assert states(genes) == found
    assert states(reversed(genes)) == found


def test_every_state_gene_can_be_found():
    """The lists hold current symbols, so none of them waits for a name that no data will have."""
    names = _bundled.gene_names()
    found = {gene: names.canonical(gene, "human", {}) for genes in STATES.values() for gene in genes}
    assert {gene: symbol for gene, symbol in found.items() if symbol != gene} == {}


def test_a_gene_tells_one_state():
    """No gene is evidence of two states."""
    genes = [gene for members in STATES.values() for gene in members]
    assert len(genes) == len(set(genes))
