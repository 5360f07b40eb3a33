"""States and disease stand beside the type: neither is ever taken for one, and neither hides one."""

from __future__ import annotations

import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy.db import _bundled

ONTOLOGY = _bundled.ontology()
ONLY_STATES = [
    ("ER stress", "DDIT3 HERPUD1 ATF4 XBP1 SDF2L1 CRELD2 MANF HSPA5 PDIA4 DNAJB9"),
    ("interferon gamma response", "CXCL9 CXCL10 STAT1 GBP1 GBP2 IRF1 WARS1 GBP4 GBP5 TAP1"),
    ("acute phase", "SAA1 SAA2 LCN2 HP CRP ORM1 SERPINA3 C3 CFB LBP"),
    ("interferon alpha response", "ISG15 IFIT1 IFIT3 MX1 IFI44L OAS1 IFI6 RSAD2 LY6E IFITM3"),
    ("interferon alpha response", "IFI27 BST2 STAT1 XAF1 EPSTI1 SAMD9 IRF7 UBE2L6 PARP14 TNFSF10"),
    ("interferon gamma response", "CIITA HLA-DRA CD74 HLA-DPA1 IDO1 CXCL11 IRF1 SOCS1 PSMB9 TAP1"),
    ("interferon gamma response", "UBD CD274 IDO1 CXCL10 CXCL9 GBP5 ICAM1 LAP3 NLRC5 APOL6"),
    ("NF-kB activation", "NFKBIA TNFAIP3 CXCL1 CXCL2 CXCL8 IL6 ICAM1 BIRC3 SOD2 CCL20"),
    ("NF-kB activation", "IL1B TNF CCL3 CCL4 NFKB1 TNFAIP3 PTGS2 IER3 CXCL3 NFKBIZ"),
    ("NF-kB activation", "CCL2 CXCL6 CXCL5 CSF3 LIF IL6 TNFAIP6 SOD2 TNFAIP2 VCAM1"),
    ("metal response", "MT1X MT2A MT1E MT1F MT1G MT1M MT1H MT1A SLC30A1 HMOX1"),
    ("cholesterol synthesis", "HMGCS1 HMGCR LDLR INSIG1 SQLE IDI1 FDFT1 MSMO1 SC5D LSS"),
    ("cholesterol synthesis", "FDPS CYP51A1 DHCR7 DHCR24 STARD4 PCSK9 ACAT2 SCD FASN FADS2"),
    ("hypoxic", "VEGFA CA9 NDRG1 ADM BNIP3 EGLN3 PFKFB4 ANKRD37 SLC2A1 P4HA1"),
    ("glycolytic", "LDHA PGK1 ENO1 ALDOA SLC2A3 PDK1 ANGPTL4 LOX STC2 IGFBP3"),
    ("glycolytic", "SLC2A1 CA9 KRT17 LDHA PGK1 TPI1 MIF NDRG1 ENO1 GAPDH"),
    ("heat shock", "HSPA1A HSPA1B HSPA6 DNAJB1 HSPH1 HSPE1 HSPD1 BAG3 HSPB1 DNAJA1"),
    ("heat shock", "HSP90AA1 HSPA8 CRYAB CACYBP CHORDC1 HSPA4L SERPINH1 HSPA1L DNAJB4 MRPL18"),
    ("immediate early", "FOS FOSB JUN JUNB EGR1 ATF3 IER2 DUSP1 ZFP36 NR4A1"),
    ("immediate early", "FOSB EGR3 NR4A2 NR4A3 KLF4 CCN1 KLF6 BTG2 SOCS3 ARC"),
    ("proliferating", "MKI67 TOP2A CDK1 CCNB1 BIRC5 UBE2C CENPF NUSAP1 TPX2 AURKB"),
    ("proliferating", "MCM5 PCNA TYMS FEN1 MCM2 GINS2 CLSPN DTL UHRF1 CDC45"),
    ("proliferating", "H4C3 H1-5 H1-3 H2AZ1 STMN1 TUBA1B HMGB2 TUBB PCLAF TYMS"),
    ("p53 response", "CDKN1A MDM2 GDF15 BBC3 SESN1 FAS ZMAT3 RRM2B TP53I3 FDXR"),
    ("p53 response", "BAX PHLDA3 TNFRSF10B XPC DDB2 AEN TRIAP1 BTG2 PLK3 CCNG1"),
    ("oxidative stress", "NQO1 TXNRD1 GCLM SLC7A11 SRXN1 HMOX1 AKR1C1 AKR1B10 G6PD OSGIN1"),
    ("oxidative stress", "GCLC AKR1C2 AKR1C3 ME1 PGD TALDO1 TXN PRDX1 ALDH3A1 GPX2"),
    ("glycolytic", "PGK1 PGAM1 ENO1 ALDOA GPI TPI1 PKM LDHA GAPDH HK2"),
    ("apoptotic", "BBC3 BAX BID BCL2L11 CASP3 CASP8 FAS APAF1 PMAIP1 CYCS"),
    ("senescent", "CDKN1A CDKN2A GDF15 SERPINE1 IL6 CXCL8 MMP1 MMP3 IGFBP3 CCL2"),
    ("senescent", "CDKN2B CDKN2A IL1A MMP10 PLAUR INHBA IGFBP5 IGFBP7 CCND1 HMGA1"),
    ("ER stress", "ASNS TRIB3 CHAC1 DDIT3 ATF4 PSAT1 SESN2 SLC7A11 VLDLR DDIT4"),
    ("ER stress", "HSPA5 HSP90B1 PDIA6 PDIA3 CALR SEC61B HYOU1 DNAJC3 SELENOK SEL1L"),
    ("ER stress", "XBP1 DERL3 SSR3 FKBP11 SEC11C SPCS2 HERPUD1 PRDX4 SDF2L1 PPIB"),
    ("ER stress, hypoxic", "DDIT3 HERPUD1 VEGFA CA9 XBP1 NDRG1 HSPA5 ADM TRIB3 BNIP3"),
    ("interferon alpha response, proliferating", "ISG15 MKI67 IFIT1 TOP2A MX1 CENPF IFI6 CDK1 OAS1 UBE2C"),
    ("heat shock, immediate early", "FOS HSPA1A JUN HSPA1B EGR1 DNAJB1 IER2 HSPH1 ATF3 BAG3"),
    ("acute phase, NF-kB activation", "SAA1 CXCL8 LCN2 CXCL1 HP TNFAIP3 CRP ICAM1 ORM1 CCL20"),
    ("metal response, cholesterol synthesis", "MT1X HMGCS1 MT2A LDLR MT1G SQLE MT1E INSIG1 MT1F IDI1"),
    ("interferon gamma response, acute phase", "CXCL9 SAA1 GBP1 SAA2 CXCL10 LCN2 IDO1 CRP GBP5 C3"),
    (
        "ER stress",
        "DDIT3 HERPUD1 ATF4 XBP1 SDF2L1 CRELD2 MANF HSPA5 PDIA4 DNAJB9 SEL1L HYOU1 DNAJC3 TRIB3 CHAC1 SESN2 PPP1R15A",
    ),
    ("acute phase", "SAA1 SAA2 SAA4 LCN2 HP CRP ORM1 ORM2 SERPINA3 C3 CFB LBP FGA FGB FGG HAMP ITIH3 CP HPX SERPINA1"),
    (
        "NF-kB activation",
        "NFKBIA TNFAIP3 CXCL1 CXCL2 CXCL3 CXCL8 IL6 IL1B ICAM1 BIRC3 SOD2 CCL20 CCL2 TNFAIP2 NFKBIZ IER3 RELB NFKB2",
    ),
    (
        "immediate early",
        "FOS FOSB JUN JUNB JUND EGR1 EGR2 ATF3 IER2 IER3 IER5 DUSP1 ZFP36 NR4A1 NR4A2 KLF4 KLF6 BTG2 SOCS3 MYC",
    ),
]
TYPES = [
    ("pulmonary alveolar type 2 cell", "MKI67 TOP2A PCNA STMN1 SFTPC SFTPB SFTPA1 NAPSA LAMP3 ABCA3"),
    ("mast cell", "MKI67 TOP2A PCNA STMN1 TPSAB1 TPSB2 CPA3 KIT HDC MS4A2"),
    ("T cell", "STMN1 TUBB MKI67 HMGB2 TYMS CD3D CD3E CD8A GZMK TRAC"),
    ("macrophage", "STMN1 MKI67 TOP2A H2AZ1 TUBA1B TYROBP FCER1G C1QA CD68 APOC1"),
    ("hepatocyte", "Alb Apoa1 Saa1 Saa2 Orm1 Hp Lcn2 Ttr Serpina3n Apoe"),
    ("hepatocyte", "ALB APOA1 HP CRP SAA1 APOA2 TTR FGB SERPINA1 ORM1"),
    ("hepatocyte", "ALB APOA1 HP CRP SAA1"),
    ("hepatocyte", "SAA1 SAA2 CRP HP ORM1 ALB APOA1 FGA LBP APOC3"),
    ("hepatocyte", "HP FGB FGA FGG SERPINA1 ORM1 AMBP TTR APOA2 RBP4"),
    ("plasma cell", "XBP1 MZB1 JCHAIN SDC1 DERL3"),
    ("plasma cell", "IGHG1 JCHAIN MZB1 XBP1 DERL3 HERPUD1 SSR4 SEC11C FKBP11 SDF2L1"),
    ("plasma cell", "XBP1 HSP90B1 SSR4 SEC61B HERPUD1 MZB1 TNFRSF17 PRDX4 FKBP11 IGKC"),
    ("plasma cell", "MKI67 TOP2A TYMS STMN1 MZB1 JCHAIN IGHG1 XBP1 HSP90B1 SDF2L1"),
    ("macrophage", "CXCL9 CXCL10 GBP1 GBP5 STAT1 IDO1 LYZ CD68 C1QA C1QB"),
    ("macrophage", "CXCL9 CXCL10 CXCL11 LYZ CD68 C1QA WARS1 GBP1 ANKRD22 CD14"),
    ("monocyte", "IL1B CXCL8 NFKBIA CCL3 TNFAIP3 LYZ S100A8 S100A9 FCN1 VCAN"),
    ("monocyte", "ISG15 IFI6 IFIT1 MX1 IFI44L LYZ S100A8 FCN1 CD14 VCAN"),
    ("neutrophil", "CXCL8 IL1B G0S2 NFKBIA SOD2 FCGR3B CSF3R CXCR2 S100A8 S100A9"),
    ("endothelial cell", "KLF2 KLF4 PECAM1 VWF CDH5 JUN FOS EGR1 CLDN5 EGFL7"),
    ("T cell", "CCR7 SELL LEF1 TCF7 KLF2 IL7R CD3E CD3D TRAC LDHB"),
    ("T cell", "MKI67 TOP2A CENPF UBE2C CDK1 TYMS STMN1 CD3D CD3E TRAC"),
    ("T cell", "MKI67 TOP2A PCLAF RRM2 TYMS NUSAP1 BIRC5 CD3E CD2 CD8A CD8B TRBC2"),
    ("T cell", "MDM2 CDKN1A CCNG1 CD3D CD3E TRAC CD2 IL7R CDK4 PHLDA3"),
    ("basal cell", "MKI67 TOP2A CENPF HMGB2 TPX2 CDK1 KRT5 KRT14 KRT15 TP63"),
    ("monocyte", "MKI67 TOP2A STMN1 TYMS CENPF LYZ S100A8 CD14 CST3 FCN1"),
    ("macrophage", "TOP2A MKI67 CENPF NUSAP1 UBE2C C1QA C1QB C1QC CD68 APOE"),
    ("erythroid lineage cell", "MKI67 TOP2A PCNA TYMS CENPF GYPA KLF1 HBB HBA1 AHSP CA1"),
    ("B cell", "MKI67 TOP2A CDK1 STMN1 HMGB2 CD79A MS4A1 CD19 RGS13 MME"),
    ("fibroblast", "HSPA1A HSPA1B DNAJB1 FOS JUN COL1A1 COL1A2 DCN LUM PDGFRA"),
    ("fibroblast", "CXCL1 CXCL2 CXCL8 IL6 CCL2 SOD2 COL1A1 DCN LUM COL3A1"),
    ("epithelial cell of proximal tubule", "MT1X MT1G MT2A MT1F MT1H GPX3 ALDOB PDZK1IP1 LRP2 CUBN"),
    ("type II cell of adrenal cortex", "STAR CYP17A1 CYP11B1 HSD3B2 CYP21A2 MC2R LDLR HMGCS1 SQLE INSIG1"),
    ("oligodendrocyte", "HMGCS1 MSMO1 SQLE IDI1 FDFT1 PLP1 MBP MOBP MAG MOG"),
    ("goblet cell", "MUC2 TFF3 SPINK4 FCGBP ZG16 CLCA1 AGR2 XBP1 ITLN1 HERPUD1"),
    ("epithelial cell", "CA9 NDRG1 VEGFA ADM SLC2A1 EPCAM KRT8 KRT18 KRT19 CLDN4"),
    ("basal cell", "FOS JUN EGR1 ATF3 DUSP1 KRT5 KRT14 KRT15 COL17A1 DST"),
    ("endothelial cell", "CXCL9 CXCL10 GBP5 IDO1 CXCL11 PECAM1 VWF CDH5 CLDN5 KDR"),
    ("neuron", "FOS ARC NPAS4 EGR1 FOSB SNAP25 SYT1 RBFOX3 SLC17A7 CAMK2A"),
    ("chondrocyte", "VEGFA NDRG1 ADM SLC2A1 PFKFB4 COL2A1 ACAN COMP SOX9 MATN3"),
    ("type B pancreatic cell", "HERPUD1 DDIT3 ATF4 HSPA5 TRIB3 INS IAPP PDX1 MAFA NKX6-1"),
    ("natural killer cell", "MKI67 TOP2A TYMS PCLAF NKG7 GNLY KLRD1 KLRF1 NCAM1 PRF1"),
    ("hematopoietic precursor cell", "MKI67 TOP2A TYMS PCNA CD34 SPINK2 MPO AZU1 KIT GATA2"),
]
TUMORS = [
    ("melanocyte", "skin", "MLANA PMEL PRAME MAGEA4 TYR SOX10 MIA S100B CSAG1 MITF"),
    ("melanocyte", "skin", "PRAME MAGEA3 MAGEA6 CSAG2 MLANA DCT TYRP1 SOX10 GPNMB CAPG"),
    ("plasma cell", "bone marrow", "SDC1 TNFRSF17 CCND1 MZB1 IGKC JCHAIN FRZB DKK1 CTAG2 MAGEC2"),
    ("plasma cell", "bone marrow", "NSD2 FGFR3 IGHA1 JCHAIN XBP1 MZB1 SDC1 LAMP5 ITGB7 CST3"),
    ("oligodendrocyte precursor cell", "brain", "EGFR SEC61G PTPRZ1 SOX2 GFAP OLIG1 OLIG2 CHI3L1 PDGFRA BCAN"),
    ("astrocyte", "brain", "EGFR CDK4 MDM2 GFAP AQP4 CLU S100B CHI3L1 IGFBP2 VIM"),
    ("hepatocyte", "liver", "AFP GPC3 ALB APOA1 APOA2 SPINK1 AKR1B10 TTR APOC3 PEG10"),
    ("hepatocyte", "liver", "ALB GPC3 AKR1B10 APOH FGB MAGEA1 COX7B2 ORM1 SERPINA1 AMBP"),
    ("intestinal epithelial cell", "large intestine", "CDX1 PHGR1 LGALS4 KRT8 EPCAM SLCO1B3 LEMD1 FOXQ1 TGFBI ETV4"),
    ("hematopoietic precursor cell", "bone marrow", "CD34 MPO AZU1 HOXA9 MEIS1 WT1 CCNA1 FLT3 KIT PRAME"),
    ("epithelial cell", "breast", "ERBB2 GRB7 MIEN1 STARD3 PGAP3 KRT19 KRT8 EPCAM GATA3 MUCL1"),
    ("epithelial cell", "breast", "ESR1 GATA3 KRT18 KRT8 TFF3 AGR2 CCND1 FADD CTTN XBP1"),
    ("luminal cell of prostate epithelium", "prostate", "KLK3 KLK2 ACP3 NKX3-1 AMACR PCA3 ERG TMPRSS2 FOLH1 HPN"),
    ("epithelial cell", "lung", "NAPSA SFTPB NKX2-1 KRT7 CEACAM6 CEACAM5 SPINK1 MDK EPCAM FAM83A"),
    ("basal cell", "lung", "KRT5 KRT6A TP63 SOX2 KRT14 MAGEA3 MAGEA4 GPC1 AKR1C2 DSG3"),
    ("neuroendocrine cell", "lung", "ASCL1 CHGA DLL3 INSM1 GRP SYP NCAM1 SOX11 CALCA LIN28B"),
    ("pancreatic ductal cell", "pancreas", "KRT19 KRT7 MSLN CEACAM6 CEACAM5 TFF1 TFF2 S100P CLDN18 MUC1"),
    ("neuron associated cell|neuroblast", "adrenal gland", "PHOX2B PHOX2A MYCN DBH TH HAND2 STMN2 LIN28B CHGA GATA3"),
    ("myoblast", "muscle", "MYOD1 MYOG DES MYH3 CHRNA1 FGFR4 MYMX PAX7 IGF2BP1 MYCN"),
    ("B cell", "lymph node", "CCND1 SOX11 MS4A1 CD79A CD79B CD19 PAX5 CD5 IGHM CD37"),
    ("B cell", "blood", "CD5 FCER2 MS4A1 CD79A CD19 ROR1 FMOD LEF1 CD200 TCL1A"),
    ("T cell", "blood", "CD3D CD3E CD4 KIR3DL2 PLS3 TWIST1 TOX DNM3 TRAC CCR4"),
]
HEALTHY = [
    "MAGEA4 MAGEB2 UTF1 DMRT1 KIT DDX4 SSX2 PAGE5 CT45A1 TEX101",
    "XAGE2 XAGE3 GCM1 CGA PAGE4 KRT7 GATA3 TFAP2A PEG10 ERVFRD-1",
    "AFP ALB DLK1 APOA1 IGF2 H19 FGB TTR PEG10 AHSG",
    "SOX11 DCX STMN2 IGF2BP1 IGF2BP3 TUBB3 SOX4 NEUROD1 DLX2 CD24",
    "SOX2 LIN28B IGF2BP1 IGF2BP3 SOX11 PAX6 HES5 NES VIM CRABP1",
    "PDGFRA OLIG1 OLIG2 PTPRZ1 EGFR SOX10 CSPG4 BCAN PCDH15 TNR",
    "PAX7 MYF5 MYOD1 FGFR4 CHRNA1 DES CDH15 ITGA7 MYOG NCAM1",
    "IGHG1 JCHAIN MZB1 XBP1 SDC1 TNFRSF17 PRDM1 DERL3 CCND2 CD38",
    "RGS5 NDUFA4L2 KCNJ8 ABCC9 PDGFRB NOTCH3 HIGD1B COX4I2 CSPG4 MCAM",
    "CD34 AVP CRHBP HLF MEIS1 HOXA9 MECOM SPINK2 MSI2 PROM1",
    "LGR5 ASCL2 OLFM4 SMOC2 EPHB2 AXIN2 RGMB SLC12A2 CDX2 EPCAM",
    "ASCL1 GRP CALCA CHGA SYP INSM1 DLL3 SCG2 SCG5 NCAM1",
    "TFF1 MUC5AC GKN1 GKN2 CLDN18 S100P CEACAM6 CEACAM5 PSCA MSLN",
    "MLANA PMEL TYR DCT TYRP1 MITF SOX10 S100B KIT PAX3",
    "MDM2 CDKN1A CCNG1 CD3D CD3E TRAC CD2 IL7R CDK4 PHLDA3",
]
pytestmark = pytest.mark.filterwarnings("ignore::gca_scanpy.errors.GeneNameWarning")


def named(lists, tissue=None):
    """Annotate lists of genes; the reports of the clusters in their order."""
    return gca.annotate_markers({str(i): genes.split() for i, genes in enumerate(lists)}, tissue=tissue).clusters


def is_a(cluster, *names):
    """Whether the finest guess is one of these types, or a kind of it, and the label shown is on the way to it."""
    term = cluster.path[-1].ontology_id
    above = {term, *ONTOLOGY.ancestors(term)}
    return cluster.annotation.ontology_id in above and any(ONTOLOGY.resolve(name) in above for name in names)


@pytest.mark.parametrize("tissue", [None, "blood", "skin", "liver"])
def test_nothing_but_states(tissue):
    """Ten or twenty genes of one state, or of two, are Unknown in every tissue, and the states are named."""
    for (states, genes), found in zip(ONLY_STATES, named([genes for _, genes in ONLY_STATES], tissue)):
        assert (found.annotation.primary_label, found.status) == (UNKNOWN_LABEL, "unknown"), genes
        assert set(states.split(", ")) <= set(found.states), (genes, found.states)
        assert set(found.state_genes) == set(found.states)


def test_why_a_state_is_unknown():
    """Rationale and note say that the genes show a state, and which."""
    (found,) = named(["DDIT3 HERPUD1 ATF4 XBP1 SDF2L1 CRELD2 MANF HSPA5 PDIA4 DNAJB9"])
    text = "the genes show a state of the cells, not their type: ER stress (DDIT3, HERPUD1, ATF4, XBP1, SDF2L1)"
    assert found.annotation.rationale == f"No cell type: {text}."
    assert found.validation.notes == (text,)


def test_types_in_a_state():
    """A state among the genes of a type hides nothing, though some types always express genes of one."""
    for (name, genes), found in zip(TYPES, named([genes for _, genes in TYPES])):
        assert found.status == "supported", (genes, found.validation.notes)
        assert is_a(found, name), (genes, found.annotation.primary_label)


def test_one_gene_of_a_state_is_a_marker():
    """Where a state does not hold, its genes keep their information."""
    for genes, gene in (("KLF2 CCR7 SELL TCF7 CD3E", "KLF2"), ("XBP1 MZB1 JCHAIN SDC1 CD79A", "XBP1")):
        (found,) = named([genes])
        assert found.states == ()
        assert gene in found.validation.supporting_markers


@pytest.mark.parametrize(("name", "tissue", "genes"), TUMORS)
def test_tumors_have_the_type_that_they_come_from(name, tissue, genes):
    """The lineage is the label, and the suspicion stands beside it with its genes."""
    (found,) = named([genes], tissue)
    assert found.status == "supported", found.validation.notes
    assert is_a(found, *name.split("|")), found.annotation.primary_label
    assert "malignant?" in found.states
    assert set(found.state_genes["malignant?"]) <= set(genes.split())


def test_healthy_cells_raise_no_suspicion():
    """Germ cells, placenta, fetal and stem cells, and the healthy neighbors of tumors."""
    assert [found.states for found in named(HEALTHY) if "malignant?" in found.states] == []


@pytest.mark.parametrize("label", ["malignant cell", "tumor cells", "neoplastic cell"])
def test_a_label_of_the_disease_is_not_contradicted(label):
    """Cells of any lineage can be malignant: the suspicion supports the label, healthy genes leave it open."""
    lists = {"tumor": TUMORS[0][2].split(), "healthy": "MLANA PMEL TYR DCT TYRP1 MITF".split()}
    tumor, healthy = gca.validate_markers(lists, dict.fromkeys(lists, label)).clusters
    assert tumor.status == "supported", tumor.validation.notes
    assert {"PRAME", "MAGEA4", "CSAG1"} <= set(tumor.validation.supporting_markers)
    assert tumor.confidence != "High"  # a suspicion
    assert healthy.validation.flag_reasons == ("low_marker_overlap",)


def test_where_the_states_are_shown(tmp_path):
    """Table, CSV and page name the states, CSV and page with their genes."""
    report = gca.annotate_markers({"0": "MS4A1 CD79A CD79B MKI67 TOP2A CENPF BANK1 CD19".split()})
    assert gca.get.clusters(report).loc["0", "states"] == "proliferating"
    gca.io.to_csv(report, tmp_path / "c.csv")
    assert pd.read_csv(tmp_path / "c.csv").loc[0, "state_genes"] == "proliferating (MKI67, TOP2A, CENPF)"
    assert "proliferating (MKI67, TOP2A, CENPF)" in gca.io.to_html(report)
