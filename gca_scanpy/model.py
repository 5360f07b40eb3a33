"""The classes of a report: frozen objects that contain nothing but what JSON can represent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Optional  # these are read at run time, on Python 3.9 too

from attrs import Factory, frozen

from gca_scanpy.errors import MissingKeyError

Status = Literal["supported", "flagged", "unknown"]
Confidence = Literal["Low", "Medium", "High"]
Source = Literal["offline", "model", "user"]
MixtureKind = Literal["two_populations", "doublets", "ambient", "undecided"]
DecisionKind = Literal["accepted", "changed", "mixed", "reopened"]

CONFIDENCE_LEVELS: tuple[Confidence, ...] = ("Low", "Medium", "High")
STATUSES: tuple[Status, ...] = ("supported", "flagged", "unknown")
SCHEMA_VERSION = "1.5"


@frozen
class Witnesses:
    """Who states that a gene marks a type.

    Attributes
    ----------
    fact_of
        Cell Ontology id of the type, or its name if it has none.
    stated_by
        The lists that state it for this very type, by the name of the source.
    nearby
        The sources that state it for a neighbor of the type in the ontology only, as ``panglaodb@CL:0000084``.
    seen_in
        The expression profiles of the type in which the gene stands out.
    measured
        Number of expression profiles of the type that measure the gene.
    """

    fact_of: str
    stated_by: tuple[str, ...] = ()
    nearby: tuple[str, ...] = ()
    seen_in: tuple[str, ...] = ()
    measured: int = 0


@frozen
class Evidence:
    """A marker gene's contribution to the score of a candidate, in nats: positive for it, negative against it."""

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
        Probability of this type among all candidates, 0 to 1.
    supporting
        Genes of the cluster that support this type, strongest first.
    contradicting
        Genes of the cluster that contradict it, strongest first.
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
    """The answer of one of several language models; ``label`` is empty if it gave no answer."""

    model: str
    label: str
    ontology_id: Optional[str]
    confidence_score: float


@frozen
class Panel:
    """The answers of several language models, in the order in which the user named the models.

    Attributes
    ----------
    agreement
        Mean support of the verdict among the models that answered, 0 to 1; an ontology neighbor counts half.
    entropy
        Shannon entropy of the distinct answers, in bits; 0 if all agree.
    """

    answers: tuple[ModelAnswer, ...]
    agreement: float
    entropy: float


@frozen
class Annotation:
    """The label of a cluster: ``proposed_label`` before it was judged, and ``primary_label``, the result."""

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
    """How the evidence agrees with the proposed label.

    Attributes
    ----------
    supporting_markers
        Genes of the cluster, as the data names them, that the database lists for the label.
    missing_markers
        Canonical markers of the label, as symbols, that are not among the cluster's genes although they were measured,
        or if it is not known which genes were measured.
    unmeasured_markers
        Canonical markers of the label, as symbols, that the data do not have, for example because they are not on the
        panel.
    contradictory_markers
        Genes of the cluster that speak against the label, with the cell types they mark. If another type is why the
        label is flagged, these are the genes that are specific for that type, strongest first.
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
    unmeasured_markers: tuple[str, ...] = ()


@frozen
class Part:
    """One lineage of a mixed cluster.

    Attributes
    ----------
    share
        Share of the cluster's cells that express the genes of this lineage and not those of the other, 0 to 1.
    genes
        The genes by which the cells were told apart, as the data names them: specific for it against the other.
    """

    label: str
    ontology_id: Optional[str]
    share: float
    genes: tuple[str, ...]


@frozen
class Mixture:
    """What the cells of a cluster with ``mixed_lineage``, or with the markers of another lineage than the label's, are.

    Attributes
    ----------
    kind
        ``two_populations``; ``doublets`` if the same cells express both lineages; ``ambient`` if the genes of one
        lineage are at a low level in all cells, which other clusters express; or ``undecided``.
    parts
        The proposed label and the other lineage. Empty if it is undecided.
    both
        Share of the cells that express the genes of both, 0 to 1. The remaining cells express too few genes.
    """

    kind: MixtureKind
    parts: tuple[Part, ...] = ()
    both: float = 0.0


@frozen
class ClusterReport:
    """The result for one cluster; ``mixture`` is None if it is not mixed, or its cells could not be read."""

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
    mixture: Optional[Mixture] = None


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
    """The origin of the report.

    Attributes
    ----------
    model
        Names of the language models that answered for any cluster; None if the offline scorer labeled all of them.
    created_at
        UTC in ISO 8601.
    species
        Common name of the species that the run was for.
    genes_of
        ``human`` or ``mouse``: the species whose symbols and markers were used.
    tissues
        What each tissue of the call was understood as, in names of the database.
    """

    versions: Mapping[str, str]
    database_version: str
    database_sha256: str
    ontology_version: str
    model: Optional[str]
    prompt_version: Optional[str]
    request_id: str
    created_at: str
    species: str = ""
    genes_of: str = ""
    tissues: Mapping[str, tuple[str, ...]] = Factory(dict)


@frozen
class Telemetry:
    """The cost of the run; ``seconds`` is wall time per step.

    Attributes
    ----------
    requests, retries
        Numbers of requests that were sent, and that were repeated after a fault.
    reasked
        Number of clusters that were requested a second time.
    unanswered
        Number of clusters that no language model answered in the end.
    invented_clusters
        Cluster ids that a language model made up; these answers were dropped.
    struck_markers
        Number of genes that a language model named as supporting although the cluster does not have them.
    cluster_tokens
        Prompt and completion tokens by cluster: an equal share of each request for it.
    request_seconds
        Duration of each request in order of completion, without the time that it waited for a rate limit.
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
    """A curator's decision about a cluster; the automatic label is kept unchanged in the cluster's report.

    Attributes
    ----------
    kind
        ``accepted`` or ``changed`` for a label, ``mixed`` for cells of several types, which ``why`` names, and
        ``reopened`` if the cluster has no curated label any more.
    from_label, from_ontology_id
        The label before: the curated label, or the automatic one if there was none.
    to_label, to_ontology_id
        The label after; a label in the curator's own words may have no term.
    who, when
        The curator's name, and the time in UTC, ISO 8601.
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
    """The report of a run, with a :class:`ClusterReport` for every cluster in the order of the data.

    Attributes
    ----------
    parameters
        The arguments of the run, as text. For the ranking (``method``, ``rank_key``, ``use_raw``, ``layer``,
        ``gene_symbols``), what was used instead of what was asked for.
    audit
        The curators' decisions, oldest first; entries are only ever added.
    witnesses
        Who states that the genes shown here mark their types: by type (Cell Ontology id, or the label if it has none),
        then by gene, as the data names it. They are here once and not in each cluster, because clusters share them. The
        types are the proposed labels with their supporting markers, and the candidates with their strongest genes.
        ``nearby`` is empty if the type itself has a witness.
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
    witnesses: Mapping[str, Mapping[str, Witnesses]] = Factory(dict)

    def cluster(self, cluster_id: str) -> ClusterReport:
        """The report of one cluster.

        Raises
        ------
        MissingKeyError
            If there is no such cluster; the message lists the existing ones.
        """
        for cluster in self.clusters:
            if cluster.cluster_id == cluster_id:
                return cluster
        msg = f"no cluster {cluster_id!r}; there are: {', '.join(c.cluster_id for c in self.clusters)}"
        raise MissingKeyError(msg)
