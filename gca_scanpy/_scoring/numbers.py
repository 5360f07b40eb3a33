"""Every hand-set number that decides an answer, with its unit, its effect and its origin.

Code reads ``numbers.NUMBERS.<name>`` at the time of the call, never a copy of it, so that :func:`override` can replace
the numbers for an experiment. ``scripts/write_scoring.py`` writes the table in docs/scoring.md from this module.
Sizes of what is displayed are not here: they change no answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from attrs import evolve, field, frozen

CLUSTERS = "development clusters"  # public clusters that experts labeled; docs/accuracy.md describes them
FITTED = "logistic regression, `scripts/fit_levels.py`"
CONVENTION = "convention"
BY_HAND = "by hand"
MATRICES = "clusters of eleven public matrices"
DEVELOPMENT_CELLS = "mixtures of cells of eleven public matrices"

WEIGHTS = "Gene weights"
INFORMATION = "Information of a gene for a type"
SCORES = "Scores"
PATH = "From candidates to a path of levels"
CHECKS = "Checks of a label"
MODELS = "Several language models"
STATES = "Cell states"
EXPRESSION = "Expression"
RANKINGS = "Rankings"
MIXTURES = "Mixed clusters"

UNLIMITED = 1_000_000  # neutral value of a number that limits something


def _number(value: Any, unit: str, effect: str, section: str, origin: str, neutral: Any = None) -> Any:
    metadata = {"unit": unit, "effect": effect, "section": section, "origin": origin, "neutral": neutral}
    return field(default=value, metadata=metadata)


@frozen
class Numbers:
    """The numbers of the scorer, of the checks and of the rankings.

    The metadata of each field has its ``unit``, its ``effect`` in one sentence, the ``section`` of the documentation
    that it belongs to, its ``origin``: what it was set on, and the ``neutral`` value with which it has no effect; None
    if there is none. ``scripts/ablate.py`` measures what the neutral values change.
    """

    rank_half: int = _number(
        25, "rank", "A gene at this rank has half the weight of the first gene.", WEIGHTS, CLUSTERS, neutral=UNLIMITED
    )
    generic_weight: float = _number(
        0.25,
        "factor",
        "Multiplies the weight of ribosomal, mitochondrial and similar genes.",
        WEIGHTS,
        CLUSTERS,
        neutral=1.0,
    )
    state_weight: float = _number(
        0.25, "factor", "Multiplies the weight of the genes of a state that holds.", WEIGHTS, CLUSTERS, neutral=1.0
    )
    level_exponent: float = _number(
        0.5,
        "exponent",
        "A gene's mean relative to the highest of any cluster, to this power, multiplies its weight.",
        WEIGHTS,
        MATRICES,
        neutral=0.0,
    )
    t_test_share: float = _number(
        0.85,
        "share",
        "Part of a gene's weight that a t-test gives when the stored ranking is a logistic regression.",
        WEIGHTS,
        CLUSTERS,
        neutral=0.5,
    )
    present_weight: float = _number(
        0.3,
        "weight",
        "Weight of a gene that the cells widely express but that is not ranked.",
        WEIGHTS,
        BY_HAND,
        neutral=0.0,
    )
    absent_weight: float = _number(
        0.3, "weight", "Weight of a canonical marker that the cells lack.", WEIGHTS, BY_HAND, neutral=0.0
    )

    canonical: float = _number(1.0, "strength", "Strength of a canonical marker.", INFORMATION, CONVENTION)
    supporting: float = _number(
        0.75, "strength", "Strength of a supporting marker.", INFORMATION, CLUSTERS, neutral=1.0
    )
    weak: float = _number(
        0.35, "strength", "Strength of a marker that only one public table lists.", INFORMATION, CLUSTERS, neutral=0.75
    )
    corroboration: float = _number(
        0.3,
        "factor",
        "Added to the strength, times log2(1 + n), for n independent lists.",
        INFORMATION,
        CLUSTERS,
        neutral=0.0,
    )
    seen: float = _number(
        0.3,
        "factor",
        "Added to the strength if half of the profiles of the type show the gene.",
        INFORMATION,
        CLUSTERS,
        neutral=0.0,
    )
    never_seen: float = _number(
        0.6,
        "factor",
        "Multiplies the strength if the gene stands out in no profile of the type.",
        INFORMATION,
        CLUSTERS,
        neutral=1.0,
    )
    min_unseen: int = _number(
        2,
        "profiles",
        "So many profiles must measure the gene before it counts as never seen.",
        INFORMATION,
        BY_HAND,
        neutral=1,
    )
    min_types: int = _number(
        500,
        "types",
        "A smaller database counts as one of this many types when the information of a gene is computed.",
        INFORMATION,
        CLUSTERS,
        neutral=1,
    )
    length_exponent: float = _number(
        0.1,
        "exponent",
        "The total strength of a type's markers, to this power, divides their information.",
        INFORMATION,
        CLUSTERS,
        neutral=0.0,
    )
    inherited: float = _number(
        0.3,
        "factor",
        "Part of a gene's information that a subtype inherits within the same broad type.",
        INFORMATION,
        CLUSTERS,
        neutral=0.0,
    )
    inherited_far: float = _number(
        0.15,
        "factor",
        "Part that a subtype inherits from an ancestor beyond its broad type.",
        INFORMATION,
        CLUSTERS,
        neutral=0.0,
    )
    max_copy_suffix: int = _number(
        2,
        "characters",
        "A mouse gene counts as its human ortholog if its name is longer by at most this suffix.",
        INFORMATION,
        BY_HAND,
        neutral=UNLIMITED,
    )

    max_expression_part: float = _number(
        0.5,
        "share",
        "Present genes may add, and absent genes subtract, at most this part of the ranked genes' score.",
        SCORES,
        BY_HAND,
        neutral=UNLIMITED,
    )
    max_state_part: float = _number(
        0.5,
        "share",
        "The genes of a state that holds may add at most this part of what the other ranked genes tell.",
        SCORES,
        CLUSTERS,
        neutral=UNLIMITED,
    )
    negative_factor: float = _number(
        0.75,
        "factor",
        "A negative marker subtracts this part of its information for the type that it marks best.",
        SCORES,
        CLUSTERS,
        neutral=0.0,
    )
    negative_information: float = _number(
        1.0, "nats", "Information of a negative marker that marks no type.", SCORES, BY_HAND, neutral=0.0
    )
    in_tissue: float = _number(
        1.1, "factor", "Multiplies the score of a type of the given tissue.", SCORES, CLUSTERS, neutral=1.0
    )
    out_of_tissue: float = _number(
        0.7,
        "factor",
        "Multiplies the score of a type that belongs to other tissues only.",
        SCORES,
        CLUSTERS,
        neutral=1.0,
    )
    per_source: float = _number(
        0.07,
        "factor per source",
        "Raises the score of a type for each source that has markers of it.",
        SCORES,
        CLUSTERS,
        neutral=0.0,
    )
    max_sources: int = _number(
        4, "sources", "More sources of a type do not raise its score.", SCORES, BY_HAND, neutral=UNLIMITED
    )

    prior_common: float = _number(
        0.3,
        "nats",
        "Added to the score of a type that is common in the tissue, when scores become shares.",
        PATH,
        CLUSTERS,
    )
    prior_rare: float = _number(-0.5, "nats", "The same for a type that is rare there.", PATH, CLUSTERS)
    temperature: float = _number(
        0.7, "nats", "Temperature of the softmax that turns scores into shares.", PATH, CLUSTERS
    )
    negligible_share: float = _number(
        1e-4, "share", "Candidates with a smaller share are not added to their ancestors.", PATH, BY_HAND, neutral=0.0
    )
    min_level_share: float = _number(
        0.01,
        "share",
        "A term of which it and its subtypes have a smaller share is no level of the path.",
        PATH,
        BY_HAND,
        neutral=0.0,
    )
    level: tuple[float, ...] = _number(
        (-1.95, 0.25, 0.96, -0.83, 0.235),
        "log-odds",
        "Intercept and slopes of a term's probability on the log-odds of its share, on the log best score, on the log "
        "recognized weight, and on log(1 + its subtypes).",
        PATH,
        FITTED,
    )
    chance: tuple[float, ...] = _number(
        (-13.14, 3.73, -3.34, 4.49),
        "log-odds",
        "Intercept and slopes of the probability that the genes are not random, on the log best score, on the log "
        "recognized weight, and on the log evidence for the broad type of the best candidate.",
        PATH,
        FITTED,
    )
    min_recognized: float = _number(
        0.1, "weight or nats", "Smaller values count as this one, because their logarithm is taken.", PATH, BY_HAND
    )
    medium: float = _number(0.6, "probability", "Confidence from which the level is Medium.", PATH, CLUSTERS)
    high: float = _number(0.8, "probability", "Confidence from which the level is High.", PATH, CLUSTERS)
    max_rival_of_high: float = _number(
        0.45,
        "ratio",
        "If the evidence for another lineage is more than this part of the label's, the confidence is at most Medium.",
        PATH,
        CLUSTERS,
        neutral=UNLIMITED,
    )

    given: tuple[float, ...] = _number(
        (3.07, 1.54, -1.82, 2.33),
        "log-odds",
        "Intercept and slopes that a given label is right, on the log score of its best type, on the log best score, "
        "and on whether the best type is a relative or of the same broad type.",
        CHECKS,
        FITTED,
    )
    given_offset: float = _number(0.3, "nats", "Added to the scores before their logarithm is taken.", CHECKS, BY_HAND)
    rivals_tried: int = _number(
        40,
        "candidates",
        "Only so many of the best candidates are compared with the label.",
        CHECKS,
        BY_HAND,
        neutral=UNLIMITED,
    )
    min_gain: float = _number(
        1.0,
        "nats",
        "A gene is specific for a rival if it has this much more information for it than for the label.",
        CHECKS,
        CLUSTERS,
        neutral=0.0,
    )
    min_rival_evidence: float = _number(
        2.0, "nats", "Evidence beyond the label's that a rival needs.", CHECKS, CLUSTERS, neutral=0.0
    )
    min_rival_evidence_per_weight: float = _number(
        0.35, "nats per weight", "Added to that for each unit of recognized weight.", CHECKS, CLUSTERS, neutral=0.0
    )
    min_rival_genes: int = _number(2, "genes", "Specific genes that a rival needs.", CHECKS, CLUSTERS, neutral=0)
    min_rival_genes_of_given: int = _number(
        3,
        "genes",
        "The same if a user or a model gave the label, and it is a relative of the best candidate.",
        CHECKS,
        BY_HAND,
        neutral=0,
    )
    min_rival_genes_per_weight: float = _number(
        0.2, "genes per weight", "Raises that number for each unit of recognized weight.", CHECKS, CLUSTERS, neutral=0.0
    )
    rival_out_of_tissue: float = _number(
        0.5,
        "factor",
        "Multiplies the evidence for a rival that belongs to other tissues only.",
        CHECKS,
        BY_HAND,
        neutral=1.0,
    )
    contradicting_ratio: float = _number(
        1.0,
        "ratio",
        "A disjoint rival with a larger ratio of evidence contradicts the label; below, it is a mixture.",
        CHECKS,
        CLUSTERS,
        neutral=UNLIMITED,
    )
    contradicting_ratio_of_kin: float = _number(
        2.0,
        "ratio",
        "The same for a rival whose lineage does not exclude the label, if the label was given.",
        CHECKS,
        CLUSTERS,
        neutral=UNLIMITED,
    )
    min_lacked: int = _number(
        4,
        "genes",
        "So many of a label's best markers must be measured before their absence denies it.",
        CHECKS,
        BY_HAND,
        neutral=1,
    )
    max_unmapped: float = _number(
        0.5,
        "share",
        "If more of the genes have no human ortholog, the confidence is at most Medium.",
        CHECKS,
        BY_HAND,
        neutral=1.0,
    )

    related_support: float = _number(
        0.5, "votes", "What an answer adds to the support of its ancestors and descendants.", MODELS, BY_HAND
    )
    min_agreement: float = _number(
        2 / 3, "share", "Mean support that the answer of several models needs.", MODELS, BY_HAND
    )

    state_genes_read: int = _number(
        50, "genes", "Only so many ranked genes are searched for states.", STATES, BY_HAND, neutral=UNLIMITED
    )
    min_state_genes: int = _number(
        3, "genes", "Core genes of a program that a state needs.", STATES, BY_HAND, neutral=1
    )
    min_state_share: float = _number(
        0.7,
        "share",
        "If this part of the genes belongs to states, the genes that they share with types are theirs as well.",
        STATES,
        BY_HAND,
        neutral=UNLIMITED,
    )
    min_cancer_testis_genes: int = _number(
        2, "genes", "Cancer-testis antigens that a suspicion of malignancy needs.", STATES, BY_HAND, neutral=1
    )

    present_fraction: float = _number(
        1 / 3,
        "share",
        "A present gene is expressed by at least this share of the cluster's cells.",
        EXPRESSION,
        BY_HAND,
    )
    present_ratio: float = _number(
        0.5,
        "ratio",
        "Its mean is at least this part of the highest cluster mean; ambient RNA stays far below.",
        EXPRESSION,
        BY_HAND,
    )
    detected_fraction: float = _number(
        0.25,
        "share",
        "A gene can be absent only if at least this share of some cluster's cells expresses it.",
        EXPRESSION,
        BY_HAND,
    )
    absent_fraction: float = _number(
        0.1, "share", "An absent gene is expressed by at most this share of the cluster's cells.", EXPRESSION, BY_HAND
    )
    absent_ratio: float = _number(
        0.1, "ratio", "Its mean is at most this part of the highest cluster mean.", EXPRESSION, BY_HAND
    )
    min_cluster_cells: int = _number(
        10, "cells", "In smaller clusters neither present nor absent genes are used.", EXPRESSION, BY_HAND
    )
    sampled_cells: int = _number(
        200, "cells", "Cells of each cluster that are read next to a ranking.", EXPRESSION, BY_HAND
    )

    counts_per_cell: float = _number(
        1e4, "counts", "Raw counts are normalized to this sum before the logarithm.", RANKINGS, CONVENTION
    )
    max_logged: float = _number(
        50,
        "value",
        "If half of the cells have a higher value, the values have no logarithm: log2 of a million is 20.",
        RANKINGS,
        BY_HAND,
    )
    multiple_tolerance: float = _number(
        1e-3,
        "ratio",
        "If all values of a cell are this close to multiples of its smallest, they are counts by a size factor.",
        RANKINGS,
        BY_HAND,
    )
    max_infinite: float = _number(
        0.01, "share", "If more of the values are infinite, the matrix is refused.", RANKINGS, BY_HAND
    )
    max_p_value: float = _number(
        0.05, "p-value, not adjusted", "A gene with a higher p-value marks nothing.", RANKINGS, CONVENTION
    )
    ranked_per_marker: int = _number(
        4,
        "genes per marker",
        "So many genes are ranked for each marker used, because housekeeping genes are skipped.",
        RANKINGS,
        BY_HAND,
    )
    min_stored_genes: int = _number(
        10,
        "genes",
        "A stored ranking with fewer genes per cluster, and fewer than `n_markers`, is replaced by a new one.",
        RANKINGS,
        CLUSTERS,
    )
    checked_genes: int = _number(
        20, "genes", "Leading genes of a stored ranking that are compared with the cells.", RANKINGS, BY_HAND
    )
    min_checked_genes: int = _number(
        5, "genes", "With fewer of them in the matrix, a cluster's ranking is not checked.", RANKINGS, BY_HAND
    )
    min_higher: float = _number(
        0.5, "share", "If fewer of them are higher in the cluster, the stored ranking is not used.", RANKINGS, BY_HAND
    )

    mixture_cells: int = _number(
        2_000, "cells", "So many cells of a mixed cluster are read to find out what it consists of.", MIXTURES, BY_HAND
    )
    expressed_part: float = _number(
        0.2,
        "factor",
        "A cell expresses a gene if it has more than this part of what the gene has in cells that express it well.",
        MIXTURES,
        DEVELOPMENT_CELLS,
    )
    min_lineage_genes: int = _number(
        2, "genes", "So many genes of each lineage must tell the two apart.", MIXTURES, BY_HAND
    )
    min_rate_gap: float = _number(
        0.1,
        "share",
        "A gene tells the lineages apart if the shares of cells with it differ this much between clusters.",
        MIXTURES,
        BY_HAND,
    )
    rate_prior: float = _number(
        20, "cells", "The shares in other clusters count as much as this many cells.", MIXTURES, DEVELOPMENT_CELLS
    )
    min_part: float = _number(
        0.04, "share", "A smaller part of the cells that can be told is no population.", MIXTURES, BY_HAND
    )
    min_part_evidence: float = _number(
        5.0, "nats", "A part exists if the cells are so much better explained with it than without.", MIXTURES, BY_HAND
    )
    max_odds_ratio: float = _number(
        0.25,
        "odds ratio",
        "Two populations exclude each other: a cell with one lineage has the other so much less often.",
        MIXTURES,
        DEVELOPMENT_CELLS,
    )
    min_doublets: float = _number(
        0.7,
        "share",
        "If both lineages also occur alone, so many of the cells that can be told must have both to be doublets.",
        MIXTURES,
        DEVELOPMENT_CELLS,
    )
    min_told: float = _number(
        0.5, "share", "If fewer cells express either lineage, nothing is decided.", MIXTURES, BY_HAND
    )
    min_source: float = _number(
        0.75,
        "share",
        "Doublets and ambient RNA need another cluster that expresses the genes of one lineage alone so often.",
        MIXTURES,
        DEVELOPMENT_CELLS,
    )


NUMBERS = Numbers()


@contextmanager
def override(**changes: Any) -> Iterator[Numbers]:
    """Use other numbers within a ``with`` block, to fit or to test them.

    Build the marker index within the block, because it keeps the information that it has computed. All threads see
    the change.

    Examples
    --------
    >>> with override(rank_half=10) as numbers:
    ...     numbers.rank_half
    10
    """
    global NUMBERS
    before = NUMBERS
    NUMBERS = evolve(before, **changes)
    try:
        yield NUMBERS
    finally:
        NUMBERS = before
