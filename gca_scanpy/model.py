"""The frozen objects that pass between the steps, and the report that the user gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Optional  # these are read at run time, on Python 3.9 too

from attrs import Factory, frozen

Status = Literal["supported", "flagged", "unknown"]
Confidence = Literal["Low", "Medium", "High"]
Source = Literal["offline", "model", "user"]
DecisionKind = Literal["accepted", "changed", "mixed", "reopened"]

CONFIDENCE_LEVELS: tuple[Confidence, ...] = ("Low", "Medium", "High")
STATUSES: tuple[Status, ...] = ("supported", "flagged", "unknown")
SCHEMA_VERSION = "1.2"


@frozen
class RankedGene:
    """A marker gene of a cluster.

    Attributes
    ----------
    name
        The gene as the data has it, so that plots of the result find it.
    symbol
        Its canonical symbol: HGNC for human and for mouse genes with an ortholog; None where unmapped.
    """

    name: str
    symbol: Optional[str] = None


@frozen
class ClusterMarkers:
    """The ranked marker genes of one cluster, best first.

    Attributes
    ----------
    cluster_id
        The cluster as the data names it, as a string; matched exactly everywhere.
    genes
        Ranked marker genes, best first.
    expressed
        Genes by how far the cluster's cells express them above the others (t-test), best first, where ``genes``
        is a ranking of another kind; empty otherwise.
    present
        Genes that its cells widely express, as much as other clusters do that have them; they tell the lineage where
        all clusters share it. Empty where only a marker table was given.
    absent
        Genes that it lacks although another cluster shows that they can be detected; empty likewise.
    n_cells
        Cells in the cluster; None where only a marker table was given.
    tissue
        Canonical tissue name, or None.
    warnings
        What went wrong while the markers of this cluster were gathered.
    """

    cluster_id: str
    genes: tuple[RankedGene, ...]
    expressed: tuple[RankedGene, ...] = ()
    present: tuple[RankedGene, ...] = ()
    absent: tuple[RankedGene, ...] = ()
    n_cells: Optional[int] = None
    tissue: Optional[str] = None
    warnings: tuple[str, ...] = ()


@frozen
class Evidence:
    """What one marker gene says about a candidate, in nats: positive for it, negative against it."""

    gene: str
    contribution: float


@frozen
class Candidate:
    """A cell type that could explain a cluster.

    Attributes
    ----------
    label
        Name of the Cell Ontology term.
    ontology_id
        Its id, such as ``CL:0000236``.
    score
        Log-likelihood ratio against background genes, in nats; higher is better.
    probability
        Share of the evidence among all candidates, 0 to 1.
    supporting
        Genes of the cluster that speak for this type, strongest first.
    contradicting
        Genes of the cluster that speak against it, strongest first.
    """

    label: str
    ontology_id: Optional[str]
    score: float
    probability: float
    supporting: tuple[Evidence, ...] = ()
    contradicting: tuple[Evidence, ...] = ()


@frozen
class Alternative:
    """Another label that was considered, and why."""

    label: str
    reason: str
    ontology_id: Optional[str] = None


@frozen
class ModelAnswer:
    """What one of several language models answered; ``label`` is empty where it gave no answer."""

    model: str
    label: str
    ontology_id: Optional[str]
    confidence_score: float


@frozen
class Panel:
    """The answers of several language models, in the order in which the models were named.

    Attributes
    ----------
    agreement
        Mean support of the verdict among the models that answered, 0 to 1; an ontology neighbor counts half.
    entropy
        Shannon entropy of the distinct answers, in bits; 0 where all say the same.
    """

    answers: tuple[ModelAnswer, ...]
    agreement: float
    entropy: float


@frozen
class Verdict:
    """A proposed label of one cluster, before the guardrails.

    Attributes
    ----------
    confidence_score
        The proposer's probability that the label is right, 0 to 1.
    source
        ``offline`` for the scorer, ``model`` for a language model, ``user`` for labels to be validated.
    unavailable
        Why a language model that was asked gave no answer; empty where it did, or none was asked.
    struck
        Supporting genes that the model named although the cluster does not have them.
    panel
        The answers behind a verdict of several models.
    """

    cluster_id: str
    label: str
    ontology_id: Optional[str]
    confidence_score: float
    source: Source
    rationale: str = ""
    alternatives: tuple[Alternative, ...] = ()
    caveats: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    unavailable: str = ""
    struck: tuple[str, ...] = ()
    panel: Optional[Panel] = None


@frozen
class Annotation:
    """The label of a cluster as reported: ``primary_label`` after the guardrails, ``proposed_label`` before."""

    primary_label: str
    proposed_label: str
    ontology_id: Optional[str]
    proposed_ontology_id: Optional[str]
    confidence: Confidence
    rationale: str
    alternatives: tuple[Alternative, ...]
    caveats: tuple[str, ...]
    markers: tuple[str, ...]


@frozen
class Validation:
    """How the proposed label stands against the evidence.

    Attributes
    ----------
    supporting_markers
        Genes of the cluster, as the data names them, that the database lists for the label.
    missing_markers
        Canonical markers of the label, as symbols, that are not among the cluster's genes.
    contradictory_markers
        Genes of the cluster that are specific to a disjoint lineage, with the cell types they mark.
    flag_reasons
        Reason codes, as ``docs/scoring.md`` lists them.
    """

    is_supported: bool
    supporting_markers: tuple[str, ...]
    missing_markers: tuple[str, ...]
    contradictory_markers: Mapping[str, tuple[str, ...]]
    ontology_mismatch: bool
    notes: tuple[str, ...]
    support_count: int
    flag_reasons: tuple[str, ...]


@frozen
class ClusterReport:
    """All that is known of one cluster."""

    cluster_id: str
    annotation: Annotation
    validation: Validation
    warnings: tuple[str, ...]
    status: Status
    confidence: Confidence
    confidence_score: float
    broad_label: str
    broad_ontology_id: Optional[str]
    source: Source
    states: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    n_cells: Optional[int] = None
    tissue: Optional[str] = None
    struck_markers: tuple[str, ...] = ()
    panel: Optional[Panel] = None


@frozen
class Summary:
    """Counts of clusters by status; ``unknown_clusters`` lists their ids."""

    total_clusters: int
    supported_clusters: int
    flagged_clusters: int
    unknown_clusters: tuple[str, ...]


@frozen
class Metrics:
    """Shares of clusters by status (0 to 1), counts by reason code and by confidence."""

    support_rate: float
    flagged_rate: float
    unknown_rate: float
    flagged_reasons: Mapping[str, int]
    confidence_counts: Mapping[str, int]


@frozen
class Provenance:
    """Where the report comes from; ``created_at`` is UTC in ISO 8601."""

    versions: Mapping[str, str]
    database_version: str
    database_sha256: str
    ontology_version: str
    model: Optional[str]
    prompt_version: Optional[str]
    request_id: str
    created_at: str


@frozen
class Telemetry:
    """What the run cost; seconds are wall time per step.

    Attributes
    ----------
    requests
        Requests that were sent.
    retries
        How many of them were sent again after a fault.
    reasked
        Clusters asked once more.
    unanswered
        Clusters that no language model answered in the end.
    invented_clusters
        Ids that a language model answered though nobody asked; the answers were dropped.
    struck_markers
        Supporting genes that a language model named although the cluster does not have them.
    cluster_tokens
        Prompt and completion tokens by cluster: an equal share of each request that asked about it.
    request_seconds
        How long each request took, in the order in which they ended; waiting for its turn does not count.
    """

    clusters: int = 0
    cache_hits: int = 0
    cache_misses: int = 0
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    overrides: int = 0
    cells_without_cluster: int = 0
    seconds: Mapping[str, float] = Factory(dict)
    retries: int = 0
    reasked: int = 0
    unanswered: int = 0
    invented_clusters: tuple[str, ...] = ()
    struck_markers: int = 0
    cluster_tokens: Mapping[str, float] = Factory(dict)
    request_seconds: tuple[float, ...] = ()


@frozen
class Decision:
    """What a curator decided about a cluster; the machine's proposal stays beside it as it was.

    Attributes
    ----------
    kind
        ``accepted`` and ``changed`` for a label, ``mixed`` for cells of several types that ``why`` names, ``reopened``
        where the cluster is to be decided again, so that the machine's label stands alone.
    from_label, from_ontology_id
        What stood until then: the curated label, or the machine's where there was none.
    to_label, to_ontology_id
        What stands since; a label in the curator's own words may have no term.
    who, when
        The curator's name; UTC in ISO 8601.
    """

    cluster_id: str
    kind: DecisionKind
    from_label: str
    from_ontology_id: Optional[str]
    to_label: str
    to_ontology_id: Optional[str]
    who: str
    when: str
    why: str = ""


@frozen
class DatasetReport:
    """The report of a run, a :class:`ClusterReport` for every cluster in the order of the data.

    Attributes
    ----------
    parameters
        The arguments of the run, as text.
    audit
        What curators decided, oldest first; it only ever grows.
    """

    schema_version: str
    summary: Summary
    metrics: Metrics
    clusters: tuple[ClusterReport, ...]
    parameters: Mapping[str, str]
    provenance: Provenance
    telemetry: Telemetry
    warnings: tuple[str, ...] = ()
    audit: tuple[Decision, ...] = ()

    def cluster(self, cluster_id: str) -> ClusterReport:
        """The report of one cluster.

        Raises
        ------
        KeyError
            Where there is no such cluster; the message lists those there are.
        """
        for cluster in self.clusters:
            if cluster.cluster_id == cluster_id:
                return cluster
        msg = f"no cluster {cluster_id!r}; there are: {', '.join(c.cluster_id for c in self.clusters)}"
        raise KeyError(msg)
