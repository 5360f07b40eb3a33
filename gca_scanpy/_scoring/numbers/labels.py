"""The numbers of the checks of a label, of several models and of states."""

from __future__ import annotations

from attrs import frozen

from gca_scanpy._scoring.numbers.fields import BY_HAND, CHECKS, CLUSTERS, FITTED, MODELS, STATES, UNLIMITED, number
from gca_scanpy._scoring.numbers.genes import OfGenes


@frozen
class OfLabels(OfGenes):
    """Checks of a label, votes of several models, and states."""

    given: tuple[float, ...] = number(
        (3.07, 1.54, -1.82, 2.33),
        "log-odds",
        "Intercept and slopes that a given label is right, on the log score of its best type, on the log best score, "
        "and on whether the best type is a relative or of the same broad type.",
        CHECKS,
        FITTED,
    )
    given_offset: float = number(0.3, "nats", "Added to the scores before their logarithm is taken.", CHECKS, BY_HAND)
    rivals_tried: int = number(
        40,
        "candidates",
        "Only so many of the best candidates are compared with the label.",
        CHECKS,
        BY_HAND,
        neutral=UNLIMITED,
    )
    min_gain: float = number(
        1.0,
        "nats",
        "A gene is specific for a rival if it has this much more information for it than for the label.",
        CHECKS,
        CLUSTERS,
        neutral=0.0,
    )
    min_rival_evidence: float = number(
        2.0, "nats", "Evidence beyond the label's that a rival needs.", CHECKS, CLUSTERS, neutral=0.0
    )
    min_rival_evidence_per_weight: float = number(
        0.35, "nats per weight", "Added to that for each unit of recognized weight.", CHECKS, CLUSTERS, neutral=0.0
    )
    min_rival_genes: int = number(2, "genes", "Specific genes that a rival needs.", CHECKS, CLUSTERS, neutral=0)
    min_rival_genes_of_given: int = number(
        3,
        "genes",
        "The same if a user or a model gave the label, and it is a relative of the best candidate.",
        CHECKS,
        BY_HAND,
        neutral=0,
    )
    min_rival_genes_per_weight: float = number(
        0.2, "genes per weight", "Raises that number for each unit of recognized weight.", CHECKS, CLUSTERS, neutral=0.0
    )
    rival_out_of_tissue: float = number(
        0.5,
        "factor",
        "Multiplies the evidence for a rival that belongs to other tissues only.",
        CHECKS,
        BY_HAND,
        neutral=1.0,
    )
    contradicting_ratio: float = number(
        1.0,
        "ratio",
        "A disjoint rival with a larger ratio of evidence contradicts the label; below, it is a mixture.",
        CHECKS,
        CLUSTERS,
        neutral=UNLIMITED,
    )
    contradicting_ratio_of_kin: float = number(
        2.0,
        "ratio",
        "The same for a rival whose lineage does not exclude the label, if the label was given.",
        CHECKS,
        CLUSTERS,
        neutral=UNLIMITED,
    )
    min_lacked: int = number(
        4,
        "genes",
        "So many of a label's best markers must be measured before their absence denies it.",
        CHECKS,
        BY_HAND,
        neutral=1,
    )
    max_unmapped: float = number(
        0.5,
        "share",
        "If more of the genes have no human ortholog, the confidence is at most Medium.",
        CHECKS,
        BY_HAND,
        neutral=1.0,
    )

    related_support: float = number(
        0.5, "votes", "What an answer adds to the support of its ancestors and descendants.", MODELS, BY_HAND
    )
    min_agreement: float = number(
        2 / 3, "share", "Mean support that the answer of several models needs.", MODELS, BY_HAND
    )

    state_genes_read: int = number(
        50, "genes", "Only so many ranked genes are searched for states.", STATES, BY_HAND, neutral=UNLIMITED
    )
    min_state_genes: int = number(3, "genes", "Core genes of a program that a state needs.", STATES, BY_HAND, neutral=1)
    min_state_share: float = number(
        0.7,
        "share",
        "If this part of the genes belongs to states, the genes that they share with types are theirs as well.",
        STATES,
        BY_HAND,
        neutral=UNLIMITED,
    )
    min_cancer_testis_genes: int = number(
        2, "genes", "Cancer-testis antigens that a suspicion of malignancy needs.", STATES, BY_HAND, neutral=1
    )
