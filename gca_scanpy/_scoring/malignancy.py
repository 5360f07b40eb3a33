"""Genes that healthy cells of a lineage hardly express: a suspicion that cells are malignant, beside their type.

A suspicion changes no label. It is never raised from genes that any healthy type of the lineage has, so that many
tumors raise none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Optional

from attrs import field, frozen

from gca_scanpy._names.ontology import Lineages
from gca_scanpy._scoring import numbers

MALIGNANT = "malignant?"
_LINEAGE, _NEOPLASTIC = "malignant", "CL:0001063"
_TESTIS = re.compile(
    r"^(MAGEA\d+B?|MAGEB\d+|MAGEC\d|CSAG\d|CT45A\d+|CT47[AB]\d+|CT83|CTAG1[AB]|CTAG2|GAGE\d+[A-Z]?|PAGE[1235][A-Z]?|"
    r"XAGE1[AB]|XAGE[235]|SSX\d[AB]?|PRAME|BAGE\d?|SAGE1|PASD1|COX7B2|DCAF4L2|CTCFL|ROPN1B?|LUZP4|ACTL8|DSCR8|TEX19)$"
)
_GERM = frozenset({"germ", "trophoblast", "embryonic"})
_IMMATURE = _GERM | {"neural progenitor", "neuron"}


def _genes(text: str) -> frozenset[str]:
    return frozenset(text.split())


def names_a_disease(term: Optional[str], lineages: Lineages) -> bool:
    """Whether a term says that cells are malignant, which those of every type can be, instead of their type."""
    return term == _NEOPLASTIC or lineages.lineage(term) == _LINEAGE


@frozen
class Suspicion:
    """Genes that together make malignancy likely.

    Attributes
    ----------
    why
        What the genes are.
    genes
        The genes; ``least`` of them are needed.
    beside
        Genes of the lineage in which they are out of place; ``least_beside`` of them are needed.
    unless
        Genes that explain the others without malignancy; any one of them is enough.
    healthy
        Lineages whose healthy cells express the genes.
    tissues
        Tissues in which the genes are out of place; empty for all.
    """

    why: str
    genes: frozenset[str] = field(converter=_genes)
    least: int = 2
    beside: frozenset[str] = field(default="", converter=_genes)
    least_beside: int = 0
    unless: frozenset[str] = field(default="", converter=_genes)
    healthy: frozenset[str] = _GERM
    tissues: frozenset[str] = frozenset()

    def told_by(self, symbols: frozenset[str], lineage: Optional[str], tissues: frozenset[str]) -> frozenset[str]:
        """The genes that raise the suspicion in a cluster of this lineage; empty if they do not."""
        told = self.genes & symbols
        if len(told) < self.least or len(self.beside & symbols) < self.least_beside:
            return frozenset()
        is_healthy = lineage in self.healthy or bool(self.unless & symbols)
        return frozenset() if is_healthy or (self.tissues and not self.tissues & tissues) else told


_B = "MS4A1 CD79A CD79B CD19 CD22 PAX5 FCER2 CD37 BANK1 FCRLA BLK TNFRSF13C"
_PLASMA = "JCHAIN MZB1 SDC1 TNFRSF17 XBP1 IGKC IGHG1 IGHG3 IGHA1 IGLC2 DERL3 PRDM1 TXNDC5 FCRL5"
_GLIA = "GFAP OLIG1 OLIG2 PTPRZ1 SOX2 BCAN AQP4 S100B CSPG5 PDGFRA NCAN FABP7 ATP1A2"
_KERATIN = "KRT5 KRT6A KRT6B KRT14 KRT15 KRT16 KRT17 TP63 DSG3"

SUSPICIONS = (
    Suspicion(
        "oncofetal",
        "IGF2BP1 IGF2BP3 LIN28A LIN28B HMGA2 SOX11 TRIM71 AFP GPC3 CRABP1",
        least=3,
        healthy=_IMMATURE,
    ),
    Suspicion(
        "amplified together",
        "MDM2 CDK4",
        unless="CDKN1A BBC3 SESN1 FDXR ZMAT3 PHLDA3 TP53I3 RRM2B EDA2R AEN TRIAP1",  # targets of p53, as MDM2 is
    ),
    Suspicion(
        "amplified at 12q13-15", "CDK4 HMGA2 FRS2 CPM TSPAN31 YEATS4 METTL1 AVIL AGAP2 TSFM MARCHF9 DYRK2", least=3
    ),
    Suspicion("amplified at 17q12", "ERBB2 GRB7 MIEN1 PGAP3 STARD3"),
    Suspicion("amplified at 11q13", "CCND1 LTO1 FADD CTTN ANO1 FGF19 FGF3 FGF4 PPFIA1 MYEOV", least=3),
    Suspicion("amplified at 8p11", "FGFR1 NSD3 PLPP5 LSM1 BAG4 DDHD2 ADGRA2 ZNF703 ASH2L ERLIN2 BRF2", least=3),
    Suspicion("amplified at 2p24", "MYCN DDX1 NBAS MYCNOS"),
    Suspicion("amplified at 7p11", "EGFR SEC61G LANCL2 VOPP1", beside=_GLIA, least_beside=1),
    Suspicion(
        "glioma",
        "EGFR SEC61G LANCL2 VOPP1 CDK4 MDM2 CHI3L1 IGFBP2 IL13RA2 SOX11 TMT1B TERT HOXA10 HOXD9 HOXD10 MEOX2 CDKN2A",
        least=3,
        beside=_GLIA,
        least_beside=2,
        healthy=_IMMATURE,
    ),
    Suspicion("CCND1 in B cells", "CCND1", least=1, beside=_B, least_beside=3),
    Suspicion("CCND1 in plasma cells", "CCND1", least=1, beside=_PLASMA, least_beside=3),
    Suspicion(
        "myeloma",
        "CCND1 NSD2 FGFR3 MAF FRZB DKK1 LAMP5 HGF NCAM1 UCHL1 MYEOV EDNRB KIT NES",
        beside=_PLASMA,
        least_beside=2,
    ),
    Suspicion("B-cell lymphoma", "CCND1 SOX11 ROR1 FMOD CNR1 WNT3 KSR2 MYEOV TERT IGF2BP3", beside=_B, least_beside=2),
    Suspicion(
        "T-cell lymphoma or leukemia",
        "KIR3DL2 PLS3 TWIST1 DNM3 EPHA4 NEDD4L CDO1 CADM1 TLX1 TLX3 TAL1 NKX2-1",
        beside="CD3D CD3E CD3G TRAC CD2 CD4 CD5",
        least_beside=2,
    ),
    Suspicion(
        "myeloid leukemia",
        "WT1 CCNA1 PRAME HOXB-AS3 TRH",
        beside="CD34 MPO AZU1 PRTN3 KIT FLT3 LYZ ELANE MEIS1 HOXA9 CD33 CTSG",
        least_beside=2,
    ),
    Suspicion(
        "liver cancer",
        "AFP GPC3 AKR1B10 SPINK1 COX7B2 CAP2 TERT MAGEA1 IGF2BP3",
        beside="ALB APOA1 APOA2 APOC3 APOH TTR FGB TF AMBP SERPINA1",
        least_beside=2,
    ),
    Suspicion(
        "colorectal cancer",
        "DPEP1 LEMD1 SLCO1B3 KRT23 FOXQ1 CDH3 ETV4 NKD1 NOTUM CRIPTO MMP7 CEMIP CLDN1 TACSTD2",
        least=3,
        beside="CDX1 CDX2 KRT20 PHGR1 LGALS4 CDH17 VIL1",
        least_beside=1,
    ),
    Suspicion(
        "prostate cancer",
        "AMACR PCA3 ERG ETV1 ETV4 PCAT14 SCHLAP1 DLX1 DLX2 HOXC6 TDRD1",
        beside="KLK3 KLK2 ACP3 NKX3-1 TMPRSS2 FOLH1 KLK4",
        least_beside=2,
    ),
    Suspicion("renal cell cancer", "CA9 COXFA4L2", beside="PAX8 PAX2 CRYAB FABP7 CUBN", least_beside=1),
    Suspicion(
        "lung cancer",
        "SACK1A CEACAM5 SPINK1 CST1 PITX1 IGF2BP3 HMGA2 TERT COL11A1",
        beside="NAPSA SFTPB SFTPC SFTA2 NKX2-1 SFTPA1 SFTPA2",
        least_beside=1,
    ),
    Suspicion(
        "small cell or neuroendocrine cancer",
        "SOX11 LIN28B IGF2BP1 IGF2BP3 POU4F1 HMGA2 SOX2 PRAME",
        beside="CHGA CHGB INSM1 ASCL1 SYP GRP",
        least_beside=2,
        healthy=_IMMATURE,
    ),
    Suspicion(
        "squamous cancer with papillomavirus",
        "CDKN2A SYCP2 SMC1B STAG3 MEI1 RIBC2",
        beside=_KERATIN,
        least_beside=1,
    ),
    Suspicion(
        "pancreatic cancer",
        "MSLN CLDN18 S100P CEACAM5 CEACAM6 MUC16 LEMD1 GABRP TFF1 TFF2 MUC5AC CST1",
        least=3,
        tissues=_genes("pancreas"),
    ),
    Suspicion(
        "melanoma",
        "PRAME MIA BIRC7 FABP7 CDKN2A TERT TRIM51 CD70 NGFR SOX11 HMGA2",
        beside="MLANA PMEL TYR DCT TYRP1 SOX10 MITF",
        least_beside=2,
    ),
    Suspicion(
        "neuroblastoma",
        "MYCN LIN28B ALK LMO1 DDX1 NBAS TERT PRAME",
        beside="PHOX2B PHOX2A HAND2 DBH TH GATA3",
        least_beside=2,
        healthy=_GERM,
    ),
    Suspicion(
        "rhabdomyosarcoma",
        "MYCN FGFR4 PIPOX TFAP2B CDH3 NOS1 HMGA2 ALK IGF2BP1 IGF2BP3 LIN28B",
        beside="MYOD1 MYOG DES MYMX CHRNA1 PAX7 PAX3",
        least_beside=2,
    ),
    Suspicion("Ewing sarcoma", "NR0B1 LIPI NKX2-2 STEAP1 GYG2 XAGE1A XAGE1B JAKMIP2", least=3),
)


def malignancy(symbols: Iterable[str], lineage: Optional[str] = None, tissues: Iterable[str] = ()) -> tuple[str, ...]:
    """The genes that raise the suspicion of malignancy, in the order of the list; empty if they are too few.

    Parameters
    ----------
    lineage
        The lineage of the cluster's best type: healthy germ cells, for example, express cancer-testis antigens.
    tissues
        Canonical tissues, empty if unknown.
    """
    listed = tuple(dict.fromkeys(symbols))[: numbers.NUMBERS.state_genes_read]
    present, places = frozenset(listed), frozenset(tissues)
    told = {gene for row in SUSPICIONS for gene in row.told_by(present, lineage, places)}
    antigens = {gene for gene in listed if _TESTIS.match(gene)}
    if lineage not in _GERM and len(antigens | told) >= numbers.NUMBERS.min_cancer_testis_genes:
        told |= antigens
    return tuple(gene for gene in listed if gene in told)
