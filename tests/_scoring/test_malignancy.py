"""Genes that raise the suspicion of malignancy."""

import pytest

from gca_scanpy._scoring.malignancy import SUSPICIONS, malignancy
from gca_scanpy.db import _bundled


@pytest.mark.parametrize(
    ("genes", "told"),
    [
        ("MLANA PMEL PRAME MAGEA4 CSAG1", "PRAME MAGEA4 CSAG1"),
        ("KRT5 MAGEA3 CT45A1 XAGE1B GAGE2A", "MAGEA3 CT45A1 XAGE1B GAGE2A"),
        ("KRT5 MAGED1 MAGEE1 MAGEH1", ""),  # of all tissues
        ("ALB APOA1 AFP GPC3 TTR", "AFP GPC3"),
        ("EPCAM LIN28B IGF2BP1 IGF2BP3", "LIN28B IGF2BP1 IGF2BP3"),
        ("GFAP EGFR SEC61G OLIG2", "EGFR SEC61G"),
        ("KRT14 EGFR SEC61G TP63", ""),
        ("MDM2 CDK4 COL1A1 DCN", "MDM2 CDK4"),
        ("MDM2 CDK4 CDKN1A CD3D", ""),  # the answer of p53, in a cell that divides
        ("MS4A1 CD79A CD79B CCND1", "CCND1"),
        ("JCHAIN MZB1 IGKC CCND1", "CCND1"),
        ("EPCAM KRT8 KRT18 CCND1", ""),
        ("ERBB2 GRB7 MIEN1 KRT19", "ERBB2 GRB7 MIEN1"),
        ("CD3D CD3E CD4 KIR3DL2 PLS3 TWIST1", "KIR3DL2 PLS3 TWIST1"),
        ("KLK3 KLK2 AMACR PCA3", "AMACR PCA3"),
        ("PAX8 CA9 COXFA4L2", "CA9 COXFA4L2"),
        ("RGS5 COXFA4L2 CA9", ""),
        ("CD3D CD3E TRAC", ""),
        ("PRAME", ""),
        ("", ""),
    ],
)
def test_genes_out_of_place(genes, told):
    """Two or three genes that the lineage does not have raise the suspicion; one, or a healthy setting, does not."""
    assert malignancy(genes.split()) == tuple(told.split())


@pytest.mark.parametrize(
    ("genes", "lineage"),
    [
        ("MAGEA4 MAGEB2 SSX2 PRAME", "germ"),
        ("XAGE2 XAGE3 PAGE2", "trophoblast"),
        ("SOX11 IGF2BP1 IGF2BP3 LIN28B", "neural progenitor"),
        ("SOX11 IGF2BP1 IGF2BP3", "neuron"),
    ],
)
def test_healthy_lineages(genes, lineage):
    """Germ cells, placenta and developing neurons express these genes."""
    assert malignancy(genes.split(), lineage) == ()
    assert malignancy(genes.split(), "epithelial") == tuple(genes.split())


def test_genes_out_of_place_in_a_tissue():
    """The stomach has these genes, the pancreas does not."""
    genes = "KRT19 CLDN18 S100P MSLN TFF2"
    assert malignancy(genes.split(), "epithelial", ("pancreas",)) == ("CLDN18", "S100P", "MSLN", "TFF2")
    assert malignancy(genes.split(), "epithelial", ("stomach",)) == ()


def test_every_gene_can_be_found():
    """The lists hold current symbols; a suspicion in a setting says how much of it is needed."""
    names = _bundled.gene_names()
    genes = {gene for row in SUSPICIONS for gene in (*row.genes, *row.beside, *row.unless)}
    assert {gene for gene in genes if names.canonical(gene, "human", {}) != gene} == set()
    assert all(bool(row.beside) == bool(row.least_beside) for row in SUSPICIONS)
