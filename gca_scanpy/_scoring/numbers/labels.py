"""The numbers of what is judged and read: checks of a label, and values of cells."""

from __future__ import annotations

from attrs import frozen

from gca_scanpy._scoring.numbers.genes import (
    BY_HAND,
    CHECKS,
    CLUSTERS,
    DEVELOPMENT_CELLS,
    EXPRESSION,
    FITTED,
    MATRICES,
    MIXTURES,
    SAMPLES,
    UNLIMITED,
    OfGenes,
    number,
)


@frozen(init=False, eq=False, repr=False)  # only the whole of the numbers is made
class OfLabels(OfGenes):
    """Checks of a label."""

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
        "The same if a user or a model gave the label, and it is a relative of the best candidate, or if the cells may "
        "be malignant.",
        CHECKS,
        BY_HAND,
        neutral=0,
    )
    spared_genes_of_user: int = number(
        1,
        "genes",
        "A user's label needs so many genes less than `min_support`, but one at least, if it is a relative of the best "
        "candidate.",
        CHECKS,
        CLUSTERS,
        neutral=0,
    )
    min_rival_genes_per_weight: float = number(
        0.2, "genes per weight", "Raises that number for each unit of recognized weight.", CHECKS, CLUSTERS, neutral=0.0
    )
    min_lineage_evidence: float = number(
        5.5,
        "nats",
        "Evidence beyond the label's that all types of a broad type together need, without a matrix.",
        CHECKS,
        CLUSTERS,
        neutral=0.0,
    )
    min_lineage_evidence_per_weight: float = number(
        0.55, "nats per weight", "The same for each unit of recognized weight.", CHECKS, CLUSTERS, neutral=0.0
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


@frozen(init=False, eq=False, repr=False)  # only the whole of the numbers is made
class OfCells(OfLabels):
    """Expression, mixtures and samples."""

    present_fraction: float = number(
        1 / 3,
        "share",
        "A present gene is expressed by at least this share of the cluster's cells.",
        EXPRESSION,
        BY_HAND,
    )
    present_ratio: float = number(
        0.5,
        "ratio",
        "Its mean is at least this part of the highest cluster mean; ambient RNA stays far below.",
        EXPRESSION,
        BY_HAND,
    )
    detected_fraction: float = number(
        0.25,
        "share",
        "A gene can be absent only if at least this share of some cluster's cells expresses it.",
        EXPRESSION,
        BY_HAND,
    )
    absent_fraction: float = number(
        0.1, "share", "An absent gene is expressed by at most this share of the cluster's cells.", EXPRESSION, BY_HAND
    )
    absent_ratio: float = number(
        0.1, "ratio", "Its mean is at most this part of the highest cluster mean.", EXPRESSION, BY_HAND
    )
    min_cluster_cells: int = number(
        10, "cells", "In smaller clusters neither present nor absent genes are used.", EXPRESSION, BY_HAND
    )
    sampled_cells: int = number(
        200, "cells", "Cells of each cluster that are read next to a ranking.", EXPRESSION, BY_HAND
    )

    off_level: float = number(
        0.05,
        "ratio",
        "A gene is off if its mean is at most this part of the highest cluster mean, and on if it is the highest.",
        EXPRESSION,
        MATRICES,
    )
    usual_share: float = number(
        0.2, "share", "The share of clusters that have a gene on, before any was seen.", EXPRESSION, MATRICES
    )
    usual_clusters: float = number(
        2, "clusters", "That share counts as much as this many clusters.", EXPRESSION, MATRICES
    )
    on_per_strength: float = number(
        0.3,
        "share per strength",
        "The share of a type's clusters that have a marker of strength 1 on; other strengths in proportion.",
        EXPRESSION,
        MATRICES,
    )
    max_on: float = number(
        0.7,
        "share",
        "The highest such share, and the part of the usual share that a negative marker takes away.",
        EXPRESSION,
        MATRICES,
    )
    cell_candidates: int = number(
        30,
        "candidates",
        "So many of the best candidates are compared by the genes that the cells have on and off.",
        EXPRESSION,
        BY_HAND,
    )
    cell_weight: float = number(
        0.3,
        "factor",
        "Weight of the genes that are on and off, from one lineage to the other.",
        EXPRESSION,
        MATRICES,
        neutral=0.0,
    )
    cell_weight_of_kin: float = number(
        4.0, "factor", "The same between types of one broad type.", EXPRESSION, MATRICES, neutral=0.0
    )
    max_kin_nats: float = number(
        2.0, "nats", "What it may be at most, before it is weighted.", EXPRESSION, MATRICES, neutral=UNLIMITED
    )
    standing_weight: float = number(
        0.5,
        "log-odds per standard error",
        "Added to the log-odds that the genes are not random, for each standard error by which the cells have the "
        "markers of the term on more than other genes.",
        EXPRESSION,
        MATRICES,
        neutral=0.0,
    )
    max_standing: float = number(
        5.0, "standard errors", "More of them do not count.", EXPRESSION, BY_HAND, neutral=UNLIMITED
    )
    min_standing_genes: float = number(
        5, "genes", "So many markers of the term must be measured for that.", EXPRESSION, BY_HAND, neutral=0
    )
    distinct: tuple[float, ...] = number(
        (-11.0, 20.0),
        "log-odds",
        "Intercept and slope of what is added to the log-odds that the genes are not random, on how far the best known "
        "genes are on beyond the share of the other clusters that have them on.",
        EXPRESSION,
        MATRICES,
    )
    max_distinct: float = number(5.0, "log-odds", "That is at most this, for or against.", EXPRESSION, MATRICES, 0.0)
    distinct_genes: int = number(10, "genes", "So many of these genes are averaged.", EXPRESSION, BY_HAND)

    mixture_cells: int = number(
        2_000, "cells", "So many cells of a mixed cluster are read to find out what it consists of.", MIXTURES, BY_HAND
    )
    expressed_part: float = number(
        0.2,
        "factor",
        "A cell expresses a gene if it has more than this part of what the gene has in cells that express it well.",
        MIXTURES,
        DEVELOPMENT_CELLS,
    )
    min_lineage_genes: int = number(
        2, "genes", "So many genes of each lineage must tell the two apart.", MIXTURES, BY_HAND
    )
    min_rate_gap: float = number(
        0.1,
        "share",
        "A gene tells the lineages apart if the shares of cells with it differ this much between clusters.",
        MIXTURES,
        BY_HAND,
    )
    rate_prior: float = number(
        20, "cells", "The shares in other clusters count as much as this many cells.", MIXTURES, DEVELOPMENT_CELLS
    )
    min_part: float = number(
        0.04, "share", "A smaller part of the cells that express either lineage is no population.", MIXTURES, BY_HAND
    )
    min_part_evidence: float = number(
        5.0, "nats", "A part exists if the cells are so much better explained with it than without.", MIXTURES, BY_HAND
    )
    max_odds_ratio: float = number(
        0.25,
        "odds ratio",
        "Two populations exclude each other: a cell with one lineage has the other so much less often.",
        MIXTURES,
        DEVELOPMENT_CELLS,
    )
    min_doublets: float = number(
        0.7,
        "share",
        "If both lineages also occur alone, so many of the cells that express either must have both to be doublets.",
        MIXTURES,
        DEVELOPMENT_CELLS,
    )
    min_told: float = number(
        0.5, "share", "If fewer cells express either lineage, nothing is decided.", MIXTURES, BY_HAND
    )
    min_source: float = number(
        0.75,
        "share",
        "Doublets and ambient RNA need another cluster that expresses the genes of one lineage alone so often.",
        MIXTURES,
        DEVELOPMENT_CELLS,
    )

    min_second_share: float = number(
        0.1,
        "ratio",
        "Another lineage is looked for if half of its genes have this part of their share of cells in its own cluster.",
        MIXTURES,
        MATRICES,
        neutral=UNLIMITED,
    )
    min_second_part: float = number(
        0.12, "share", "So many cells must be of either lineage to flag the cluster.", MIXTURES, MATRICES, UNLIMITED
    )
    min_second_doublets: float = number(0.5, "share", "Or so many must be doublets.", MIXTURES, MATRICES, UNLIMITED)
    min_level_of_doublets: float = number(
        0.65,
        "0 to 1",
        "These have the genes of the other lineage on at least so far; half of the highest cluster mean is 0.77.",
        MIXTURES,
        MATRICES,
        neutral=UNLIMITED,
    )

    min_sample_cells: int = number(
        10,
        "cells",
        "A sample has a vote on a cluster if it has so many cells of the cluster, and so many others.",
        SAMPLES,
        BY_HAND,
    )
    max_differing: float = number(
        0.25,
        "share",
        "If so many of the samples with a vote differ, `sample_disagreement` is raised.",
        SAMPLES,
        BY_HAND,
        UNLIMITED,
    )
    min_share_of_one: float = number(
        0.9,
        "share",
        "For `one_sample`, so many of the cluster's cells must come from one sample.",
        SAMPLES,
        BY_HAND,
        UNLIMITED,
    )
    min_ratio_of_one: float = number(
        1.5,
        "ratio",
        "That share must be so much larger than the sample's share of the other clusters' cells.",
        SAMPLES,
        BY_HAND,
    )
