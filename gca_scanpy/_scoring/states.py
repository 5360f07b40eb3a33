"""Genes of a cell's state, not of its type: the scorer gives them less weight, and the state is reported."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from gca_scanpy._names.genes import clean, without_shared
from gca_scanpy._scoring import numbers

# Programs as commonly described: G2M/S genes, type I interferon response, dissociation stress, hypoxia.
STATES: dict[str, frozenset[str]] = {
    "proliferating": frozenset(
        "MKI67 TOP2A CENPF CENPE CENPA TYMS RRM1 RRM2 PCLAF TK1 NUSAP1 TPX2 UBE2C BIRC5 CCNB1 CCNB2 CCNA2 CDK1 CDC20 "
        "ASPM KIF11 KIF20B KIF23 NUF2 DLGAP5 HMMR BUB1 BUB1B AURKA AURKB PLK1 PTTG1 CKS1B CKS2 STMN1 H2AZ1 HMGB2 "
        "TUBA1B TUBB MCM2 MCM3 MCM4 MCM5 MCM6 MCM7 PCNA GINS2 CLSPN ZWINT ANLN PRC1 SMC4 HELLS ATAD2 DIAPH3".split()
    ),
    "interferon response": frozenset(
        "ISG15 IFI6 IFI27 IFI44 IFI44L IFIT1 IFIT2 IFIT3 IFIT5 IFITM1 IFITM3 MX1 MX2 OAS1 OAS2 OAS3 OASL RSAD2 IRF7 "
        "STAT1 STAT2 XAF1 HERC5 CMPK2 EPSTI1 LY6E USP18 BST2 SAMD9L RIGI".split()
    ),
    "stressed": frozenset(
        "HSPA1A HSPA1B HSPA6 HSPA8 HSPB1 HSPD1 HSPE1 HSPH1 HSP90AA1 HSP90AB1 DNAJA1 DNAJB1 DNAJB4 BAG3 FOS FOSB JUN "
        "JUNB JUND EGR1 ATF3 IER2 IER3 DUSP1 ZFP36 SOCS3 NR4A1 BTG2 KLF2 KLF4 KLF6 HSPA5 GADD45B".split()
    ),
    "hypoxic": frozenset(
        "VEGFA CA9 NDRG1 ADM BNIP3 BNIP3L EGLN3 PFKFB3 PFKFB4 ANKRD37 HILPDA SLC2A1 LDHA PGK1 ENO1 ALDOA P4HA1 PDK1 "
        "ANGPTL4 KDM3A".split()
    ),
}
_STATE_GENES = frozenset(gene for genes in STATES.values() for gene in genes)
_GENERIC = re.compile(
    r"^(RP[LS]\d|RPLP\d|RPSA$|MRP[LS]\d|MT-|MTRNR|MT[12][A-Z]?$|EEF1|HLA-[ABCEFG]$|B2M$|TMSB|ACTB$|ACTG1$|GAPDH$)"
)
_GENERIC_NAMES = frozenset(
    "MALAT1 NEAT1 XIST TSIX FTL FTH1 TPT1 UBA52 FAU NACA GM42418 AY036118 TXNIP UBC UBB PTMA".split()
)
# These can fill a cluster's list, for example in resting lymphocytes, and say nothing of its type.
_HOUSEKEEPING = re.compile(
    r"^(RP[LS]\d|RPLP\d|RPSA$|MRP[LS]\d|MT-|MTRNR|EEF1[ABDG]|PABPC\d|MALAT1$|GM42418$|AY036118$)", re.I
)


def damping(symbol: str) -> float:
    """The factor of a gene's weight: 1, or less for generic genes, which all types can express."""
    return numbers.NUMBERS.generic_weight if is_generic(symbol) else 1.0


@lru_cache(maxsize=100_000)  # the same thousands of genes in cluster after cluster
def is_generic(symbol: str) -> bool:
    """Whether cells of all types can express a gene: it is one of a state, or a housekeeping gene."""
    return symbol in _STATE_GENES or symbol.upper() in _GENERIC_NAMES or _GENERIC.match(symbol) is not None


def informative(names: Sequence[str], n: int) -> tuple[str, ...]:
    """The first genes of a list without ribosomal, mitochondrial and similar ones; of the whole list if all are."""
    rest = without_shared(names, len(names))  # with a prefix, RPL3 is housekeeping as well
    kept = [
        name for name in names if not any(_HOUSEKEEPING.match(clean(form)) for form in (name, rest.get(name, name)))
    ]
    return tuple((kept or list(names))[:n])


def states(symbols: Iterable[str]) -> tuple[str, ...]:
    """The states of which enough genes are among the given ones."""
    present = set(symbols)
    return tuple(state for state, genes in STATES.items() if len(genes & present) >= numbers.NUMBERS.min_state_genes)
