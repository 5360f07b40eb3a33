"""How a number is declared, and the numbers of genes: from rankings to the path of levels, and of states."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

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
SAMPLES = "Samples"

UNLIMITED = 1_000_000  # neutral value of a number that limits something


def number(value: Any, unit: str, effect: str, section: str, origin: str, neutral: Any = None) -> Any:
    metadata = {"unit": unit, "effect": effect, "section": section, "origin": origin, "neutral": neutral}
    return field(default=value, metadata=metadata)


@frozen(init=False, eq=False, repr=False)  # only the whole of the numbers is made
class OfGenes:
    """From a matrix to ranked genes, weights, information, scores, levels, votes of several models, and states."""

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
    rank_half: int = number(
        25, "rank", "A gene at this rank has half the weight of the first gene.", WEIGHTS, CLUSTERS, neutral=UNLIMITED
    )
    generic_weight: float = number(
        0.25,
        "factor",
        "Multiplies the weight of ribosomal, mitochondrial and similar genes.",
        WEIGHTS,
        CLUSTERS,
        neutral=1.0,
    )
    state_weight: float = number(
        0.25, "factor", "Multiplies the weight of the genes of a state that holds.", WEIGHTS, CLUSTERS, neutral=1.0
    )
    level_exponent: float = number(
        0.5,
        "exponent",
        "A gene's mean relative to the highest of any cluster, to this power, multiplies its weight.",
        WEIGHTS,
        MATRICES,
        neutral=0.0,
    )
    t_test_share: float = number(
        0.85,
        "share",
        "Part of a gene's weight that a t-test gives when the stored ranking is a logistic regression.",
        WEIGHTS,
        CLUSTERS,
        neutral=0.5,
    )
    present_weight: float = number(
        0.3,
        "weight",
        "Weight of a gene that the cells widely express but that is not ranked.",
        WEIGHTS,
        BY_HAND,
        neutral=0.001,  # a weight of 0 would not let present genes contradict either
    )
    absent_weight: float = number(
        0.3, "weight", "Weight of a canonical marker that the cells lack.", WEIGHTS, BY_HAND, neutral=0.0
    )

    canonical: float = number(1.0, "strength", "Strength of a canonical marker.", INFORMATION, CONVENTION)
    supporting: float = number(0.75, "strength", "Strength of a supporting marker.", INFORMATION, CLUSTERS, neutral=1.0)
    weak: float = number(
        0.35, "strength", "Strength of a marker that only one public table lists.", INFORMATION, CLUSTERS, neutral=0.75
    )
    corroboration: float = number(
        0.3,
        "factor",
        "Added to the strength, times log2(1 + n), for n independent lists.",
        INFORMATION,
        CLUSTERS,
        neutral=0.0,
    )
    seen: float = number(
        0.3,
        "factor",
        "Added to the strength if half of the profiles of the type show the gene.",
        INFORMATION,
        CLUSTERS,
        neutral=0.0,
    )
    never_seen: float = number(
        0.6,
        "factor",
        "Multiplies the strength if the gene stands out in no profile of the type.",
        INFORMATION,
        CLUSTERS,
        neutral=1.0,
    )
    min_unseen: int = number(
        2,
        "profiles",
        "So many profiles must measure the gene before it counts as never seen.",
        INFORMATION,
        BY_HAND,
        neutral=1,
    )
    min_types: int = number(
        500,
        "types",
        "A smaller database counts as one of this many types when the information of a gene is computed.",
        INFORMATION,
        CLUSTERS,
        neutral=1,
    )
    length_exponent: float = number(
        0.1,
        "exponent",
        "The total strength of a type's markers, to this power, divides their information.",
        INFORMATION,
        CLUSTERS,
        neutral=0.0,
    )
    inherited: float = number(
        0.3,
        "factor",
        "Part of a gene's information that a subtype inherits within the same broad type.",
        INFORMATION,
        CLUSTERS,
        neutral=0.0,
    )
    inherited_far: float = number(
        0.15,
        "factor",
        "Part that a subtype inherits from an ancestor beyond its broad type.",
        INFORMATION,
        CLUSTERS,
        neutral=0.0,
    )
    max_copy_suffix: int = number(
        2,
        "characters",
        "A mouse gene counts as its human ortholog if its name is longer by at most this suffix.",
        INFORMATION,
        BY_HAND,
        neutral=UNLIMITED,
    )

    max_expression_part: float = number(
        0.5,
        "share",
        "Present genes may add, and absent genes subtract, at most this part of the ranked genes' score.",
        SCORES,
        BY_HAND,
        neutral=UNLIMITED,
    )
    negative_factor: float = number(
        0.75,
        "factor",
        "A negative marker subtracts this part of its information for the type that it marks best.",
        SCORES,
        CLUSTERS,
        neutral=0.0,
    )
    negative_information: float = number(1.0, "nats", "Its information if it marks no type.", SCORES, BY_HAND, 0.0)
    in_tissue: float = number(
        1.1, "factor", "Multiplies the score of a type of the given tissue.", SCORES, CLUSTERS, neutral=1.0
    )
    out_of_tissue: float = number(
        0.7,
        "factor",
        "Multiplies the score of a type that belongs to other tissues only.",
        SCORES,
        CLUSTERS,
        neutral=1.0,
    )
    per_source: float = number(
        0.07,
        "factor per source",
        "Raises the score of a type for each source that has markers of it.",
        SCORES,
        CLUSTERS,
        neutral=0.0,
    )
    max_sources: int = number(4, "sources", "More do not raise it further.", SCORES, BY_HAND, neutral=UNLIMITED)

    prior_common: float = number(
        0.3,
        "nats",
        "Added to the score of a type that is common in the tissue, when scores become shares.",
        PATH,
        CLUSTERS,
        neutral=0.0,
    )
    prior_rare: float = number(-0.5, "nats", "The same for a type that is rare there.", PATH, CLUSTERS, neutral=0.0)
    temperature: float = number(
        0.7, "nats", "Temperature of the softmax that turns scores into shares.", PATH, CLUSTERS
    )
    negligible_share: float = number(
        1e-4, "share", "Candidates with a smaller share are not added to their ancestors.", PATH, BY_HAND, neutral=0.0
    )
    min_level_share: float = number(
        0.01,
        "share",
        "A term of which it and its subtypes have a smaller share is no level of the path.",
        PATH,
        BY_HAND,
        neutral=0.0,
    )
    min_lists: int = number(
        5,
        "lists",
        "So many independent lists describe a term that can be a label; one is enough if it is common in a tissue.",
        PATH,
        CLUSTERS,
        neutral=0,
    )
    level: tuple[float, ...] = number(
        (-1.95, 0.25, 0.96, -0.83, 0.235),
        "log-odds",
        "Intercept and slopes of a term's probability on the log-odds of its share, on the log best score, on the log "
        "recognized weight, and on log(1 + its subtypes).",
        PATH,
        FITTED,
    )
    chance: tuple[float, ...] = number(
        (-13.5, 3.59, -3.45, 4.77),
        "log-odds",
        "Intercept and slopes of the probability that the genes are not random, on the log best score, on the log "
        "recognized weight, and on the log evidence for the broad type of the best candidate.",
        PATH,
        FITTED,
    )
    min_recognized: float = number(
        0.1, "weight or nats", "Smaller values count as this one, because their logarithm is taken.", PATH, BY_HAND
    )
    medium: float = number(0.6, "probability", "Confidence from which the level is Medium.", PATH, CLUSTERS)
    high: float = number(0.8, "probability", "Confidence from which the level is High.", PATH, CLUSTERS)
    max_rival_of_high: float = number(
        0.45,
        "ratio",
        "If the evidence for another lineage is more than this part of the label's, the confidence is at most Medium.",
        PATH,
        CLUSTERS,
        neutral=UNLIMITED,
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

    related_types: int = number(
        8,
        "types",
        "So many competitors of a label are looked for among its cells.",
        MIXTURES,
        MATRICES,
        neutral=0,
    )
    dividing: tuple[float, float] = number(
        (0.2, 0.8), "shares", "A gene that fewer or more of the cells have does not divide them.", MIXTURES, BY_HAND
    )
    max_correlation: float = number(
        -0.2,
        "correlation",
        "In cells of two related types, those with more genes of one type have this clearly fewer of the other.",
        MIXTURES,
        BY_HAND,
        neutral=1.0,
    )
    min_related_part: float = number(
        0.25, "share", "So many of the cells must be of either of two related types.", MIXTURES, BY_HAND
    )
