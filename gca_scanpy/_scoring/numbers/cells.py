"""The numbers of what is read from cells: rankings, expression, mixtures and samples."""

from __future__ import annotations

from attrs import frozen

from gca_scanpy._scoring.numbers.fields import (
    BY_HAND,
    CLUSTERS,
    CONVENTION,
    DEVELOPMENT_CELLS,
    EXPRESSION,
    MIXTURES,
    RANKINGS,
    SAMPLES,
    UNLIMITED,
    number,
)
from gca_scanpy._scoring.numbers.labels import OfLabels


@frozen
class OfCells(OfLabels):
    """Rankings, expression, mixtures and samples."""

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

    counts_per_cell: float = number(
        1e4, "counts", "Raw counts are normalized to this sum before the logarithm.", RANKINGS, CONVENTION
    )
    max_logged: float = number(
        50,
        "value",
        "If half of the cells have a higher value, the values have no logarithm: log2 of a million is 20.",
        RANKINGS,
        BY_HAND,
    )
    multiple_tolerance: float = number(
        1e-3,
        "ratio",
        "If all values of a cell are this close to multiples of its smallest, they are counts by a size factor.",
        RANKINGS,
        BY_HAND,
    )
    max_infinite: float = number(
        0.01, "share", "If more of the values are infinite, the matrix is refused.", RANKINGS, BY_HAND
    )
    max_p_value: float = number(
        0.05, "p-value, not adjusted", "A gene with a higher p-value marks nothing.", RANKINGS, CONVENTION
    )
    ranked_per_marker: int = number(
        4,
        "genes per marker",
        "So many genes are ranked for each marker used, because housekeeping genes are skipped.",
        RANKINGS,
        BY_HAND,
    )
    min_stored_genes: int = number(
        10,
        "genes",
        "A stored ranking with fewer genes per cluster, and fewer than `n_markers`, is replaced by a new one.",
        RANKINGS,
        CLUSTERS,
    )
    checked_genes: int = number(
        20, "genes", "Leading genes of a stored ranking that are compared with the cells.", RANKINGS, BY_HAND
    )
    min_checked_genes: int = number(
        5, "genes", "With fewer of them in the matrix, a cluster's ranking is not checked.", RANKINGS, BY_HAND
    )
    min_higher: float = number(
        0.5, "share", "If fewer of them are higher in the cluster, the stored ranking is not used.", RANKINGS, BY_HAND
    )

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
