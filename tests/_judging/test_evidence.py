"""What the genes of a cluster say for a label and against it; mixtures of two lineages and pure lists."""

from __future__ import annotations

from itertools import combinations

import pytest

import gca_scanpy as gca
from gca_scanpy._judging import evidence
from gca_scanpy._prepare import index_of
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.case import Case, Limits
from gca_scanpy._steps import ClusterMarkers, RankedGene
from gca_scanpy.db import _bundled

ONTOLOGY, LINEAGES = _bundled.ontology(), _bundled.lineages()
INDEX = index_of(_bundled.database(), "human")
# Textbook markers, best first, by the Cell Ontology name that they must give.
PLANTED = {
    "B cell": "MS4A1 CD79A CD79B CD19 BANK1 PAX5 CD22 FCRL1 VPREB3 BLK",
    "T cell": "CD3D CD3E CD3G TRAC CD2 CD5 CD6 BCL11B TRAT1 IL7R",
    "natural killer cell": "GNLY NKG7 KLRD1 KLRF1 NCR1 PRF1 GZMB NCAM1 FGFBP2 SPON2",
    "monocyte": "CD14 FCN1 S100A8 S100A9 S100A12 VCAN LYZ CSTA MNDA CD300E",
    "neutrophil": "FCGR3B CSF3R CXCR2 CXCR1 S100A8 S100A9 CMTM2 MMP25 G0S2 S100A12",
    "mast cell": "TPSAB1 TPSB2 CPA3 MS4A2 HDC KIT HPGDS GATA2 SLC18A2 CMA1",
    "erythroid lineage cell": "HBB HBA1 HBA2 ALAS2 AHSP GYPA GYPB HBD SLC4A1 KLF1",
    "endothelial cell": "PECAM1 VWF CDH5 CLDN5 EGFL7 EMCN KDR ESAM TIE1 PLVAP",
    "fibroblast": "COL1A1 COL1A2 COL3A1 DCN LUM PDGFRA FBLN1 COL6A3 MFAP5 PI16",
    "smooth muscle cell": "ACTA2 MYH11 TAGLN CNN1 DES ACTG2 SYNPO2 MYLK LMOD1 CASQ2",
    "hepatocyte": "ALB APOA1 APOC3 TTR CYP3A4 SERPINA1 TF FGB AHSG HP",
    "enterocyte": "FABP2 APOA4 SI ALPI RBP2 ANPEP FABP1 APOB VIL1 LCT",
    "podocyte": "NPHS1 NPHS2 PODXL WT1 SYNPO PTPRO CLIC5 PLA2R1 NPNT MAFB",
    "astrocyte": "AQP4 GFAP SLC1A3 SLC1A2 GJA1 ALDH1L1 S100B FGFR3 AGT SLC4A4",
    "oligodendrocyte": "MBP PLP1 MOG MAG MOBP CNP CLDN11 OPALIN ERMN UGT8",
    "neuron": "RBFOX3 SNAP25 SYT1 STMN2 GAP43 MAP2 NEFL NEFM TUBB3 ELAVL4",
    "cardiac muscle cell": "TNNT2 MYH6 MYH7 ACTC1 TNNI3 MYL2 NPPA MYBPC3 RYR2 PLN",
    "keratinocyte": "KRT14 KRT5 KRT1 KRT10 DSG3 DSC3 KRTDAP SFN LGALS7 TP63",
    "melanocyte": "PMEL MLANA TYR DCT TYRP1 MITF SLC45A2 OCA2 TRPM1 CAPN3",
    "pulmonary alveolar type 2 cell": "SFTPC SFTPB SFTPA1 SFTPA2 ABCA3 LAMP3 NAPSA SLC34A2 PGC SFTPD",
}
GENES = {label: genes.split() for label, genes in PLANTED.items()}
DISJOINT = [(a, b) for a, b in combinations(GENES, 2) if LINEAGES.disjoint(ONTOLOGY.resolve(a), ONTOLOGY.resolve(b))]


def gather(label, genes):
    """Sort a cluster's genes by what they say of a label."""
    cluster = ClusterMarkers("0", tuple(RankedGene(gene, gene) for gene in genes.split()))
    term = ONTOLOGY.resolve(label)
    return evidence.gather(evidence.family(term, label, INDEX), term, Case.of(cluster, INDEX, (), Limits(2, 0.2, 0.6)))


def test_pure_lists_are_supported():
    """Ten textbook markers of a type give that type, a kind of it or what it is a kind of, supported and unflagged."""
    for cluster in gca.annotate_markers(GENES).clusters:
        wanted = ONTOLOGY.resolve(cluster.cluster_id)
        assert cluster.status == "supported", cluster.cluster_id
        assert ONTOLOGY.related(wanted, cluster.annotation.ontology_id), cluster.cluster_id
        assert LINEAGES.lineage(cluster.annotation.ontology_id) == LINEAGES.lineage(wanted)
        assert cluster.validation.flag_reasons == ()


@pytest.mark.no_cover
@pytest.mark.parametrize("shuffled", [False, True])
def test_mixtures_of_two_lineages_are_flagged(shuffled):
    """Of clusters with the markers of two disjoint lineages at least nine in ten are flagged as mixed."""

    def mixed(a, b):
        pairs = [gene for pair in zip(GENES[a], GENES[b]) for gene in pair]
        return sorted(pairs) if shuffled else pairs

    report = gca.annotate_markers({f"{a} + {b}": mixed(a, b) for a, b in DISJOINT})
    assert len(DISJOINT) > 150
    assert report.metrics.flagged_reasons.get("mixed_lineage", 0) >= 0.9 * len(DISJOINT)
    flagged = [c for c in report.clusters if "mixed_lineage" in c.validation.flag_reasons]
    assert {c.annotation.primary_label for c in flagged} == {"Unknown or Novel"}
    assert {c.status for c in flagged} == {"flagged"}
    assert all(" is supported beside " in " ".join(c.validation.notes) for c in flagged)


def test_the_flag_names_the_pair():
    """The note of a mixture names both types with genes, so that a doublet can be recognized."""
    mixed = [gene for pair in zip(GENES["B cell"], GENES["hepatocyte"]) for gene in pair]
    (note,) = gca.annotate_markers({"0": mixed}).clusters[0].validation.notes
    assert "B cell" in note
    assert "hepatocyte" in note
    assert "ALB" in note or "CD79A" in note


@pytest.mark.parametrize(
    ("label", "genes"),
    [
        ("CD8-positive, alpha-beta T cell", "CD3D CD3E TRAC CD2"),  # an ancestor's
        ("T cell", "CD8A CD8B FOXP3 CXCR5"),  # descendants'
        ("CD8-positive, alpha-beta T cell", "CD4 CD40LG FOXP3 IL2RA"),  # a sibling's
        ("T cell", "PTPRC CD52 CORO1A"),  # of all leukocytes
        ("classical monocyte", "FCGR3A CDKN1C LYPD2"),  # a sibling's
    ],
)
def test_relatives_contradict_nothing(label, genes):
    """Genes of an ancestor, a descendant or a sibling of the label are no contradiction and no second lineage."""
    found = gather(label, genes)
    assert found.contradictory == {}
    assert found.rival is None


def test_a_compatible_lineage_contradicts_nothing():
    """NK genes in a T-cell cluster and neutrophil genes in monocytes are what such cells may have."""
    assert gather("T cell", " ".join(GENES["natural killer cell"])).rival is None
    assert gather("monocyte", " ".join(GENES["neutrophil"])).contradictory == {}


def test_specific_genes_of_another_lineage_contradict():
    """Hepatocyte genes in a T-cell cluster are named with the types that they mark."""
    found = gather("T cell", "CD3D CD3E TRAC APOC3 AHSG FGB CYP3A4 APOA1")
    assert {"APOC3", "AHSG"} <= set(found.contradictory)
    assert "hepatocyte" in found.contradictory["AHSG"]
    assert found.rival is not None
    assert LINEAGES.disjoint(ONTOLOGY.resolve("T cell"), ONTOLOGY.resolve(found.rival.label))
    assert {"APOC3", "AHSG", "FGB"} <= set(found.rival.genes)
    assert not {"CD3D", "CD3E", "TRAC"} & set(found.rival.genes)


def test_support_is_what_the_family_has():
    """Support counts the genes of the label, its kinds and its close ancestors, and nothing of another lineage."""
    found = gather("T cell", "CD3D CD8A ALB ZNF10")
    assert set(found.support) == {"CD3D", "CD8A"}
    assert all(nats > 0 for nats in found.support.values())


def test_one_stray_gene_is_no_second_lineage():
    """Ambient RNA, one strong gene of another lineage, makes no mixture."""
    assert gather("T cell", "CD3D CD3E TRAC ALB").rival is None
    stray = gca.annotate_markers({"0": [*GENES["T cell"][:9], "ALB"]}).clusters[0]
    assert stray.status == "supported"


def test_the_share_of_a_rival_grows_with_its_genes():
    """The more of the genes are another lineage's, the larger its share; without any of the label's it is infinite."""
    shares = [
        gather("T cell", f"CD3D CD3E CD3G TRAC CD2 {' '.join(GENES['hepatocyte'][:n])}").rival.share for n in (3, 6, 10)
    ]
    assert shares == sorted(shares)
    assert shares[0] < shares[2]
    assert gather("T cell", " ".join(GENES["hepatocyte"])).rival.share == float("inf")


def test_a_label_outside_the_ontology():
    """Of a user's own label nothing is known, so nothing contradicts it."""
    found = gather("my blob", " ".join(GENES["hepatocyte"]))
    assert (found.support, found.contradictory, found.rival) == ({}, {}, None)
    assert evidence.family(None, "my blob", INDEX) == ()


def test_the_family_stays_within_the_broad_type():
    """A leukocyte's gene does not support the label T cell; those of lymphocyte subsets of T cells do."""
    t_cell, leukocyte = ONTOLOGY.resolve("T cell"), ONTOLOGY.resolve("leukocyte")
    own = evidence.family(t_cell, "T cell", INDEX)
    assert t_cell in own
    assert leukocyte not in own
    assert ONTOLOGY.resolve("regulatory T cell") in own


# Two types of the second lineage share its genes, so neither alone has enough of them.
SHARED_OUT = (
    "lung",
    "WFDC2 COL1A2 FXYD3 DCN KRT18 MFAP4 CAPS ACTA2 TSPAN1 DES KRT8 CNN1 C20orf85 MYH11 KRT19 PLN AGR2 LUM",
)


def test_all_types_of_a_lineage_together_are_a_rival():
    """The genes of two types of a lineage count together, as those of the label's subtypes do; each names its types."""
    found = gather("epithelial cell", SHARED_OUT[1]).rival
    assert found is not None
    assert LINEAGES.disjoint(ONTOLOGY.resolve("epithelial cell"), found.ontology_id)
    for gene, types in found.genes.items():
        assert types, gene
        assert all(ONTOLOGY.resolve(label) in INDEX.hits[gene] for label in types if ONTOLOGY.resolve(label)), gene


def test_a_lineage_of_several_types_is_flagged_in_a_list():
    """A list with the genes of two lineages is flagged, although no single type has enough of those of the second."""
    tissue, genes = SHARED_OUT
    (cluster,) = gca.annotate_markers({"0": genes.split()}, tissue=tissue).clusters
    assert cluster.status == "flagged"
    assert {"mixed_lineage", "contradictory_markers"} & set(cluster.validation.flag_reasons)


def test_rivals_of_other_tissues_count_less():
    """A rival that belongs to other tissues only has half of its evidence; in its tissue, or without one, all of it."""
    genes = "MS4A1 ALB CD79A APOA1 CD19 TTR BANK1 APOC3"
    shares = {}
    for tissue in (None, "liver", "blood"):
        cluster = ClusterMarkers("0", tuple(RankedGene(gene, gene) for gene in genes.split()))
        case = Case.of(cluster, INDEX, (tissue,) if tissue else (), Limits(2, 0.2, 0.6))
        term = ONTOLOGY.resolve("B cell")
        rival = evidence.gather(evidence.family(term, "B cell", INDEX), term, case).rival
        shares[tissue] = (rival.label, rival.share)
    assert shares[None] == shares["liver"]
    label, share = shares["blood"]
    assert label != "hepatocyte" or share == pytest.approx(shares[None][1] * numbers.NUMBERS.rival_out_of_tissue)
    assert share < shares[None][1]
