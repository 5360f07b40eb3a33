"""The classes of a run's result: the clusters, and what holds for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Optional  # these are read at run time, on Python 3.9 too

from attrs import Factory, frozen

from gca_scanpy.errors import MissingKeyError
from gca_scanpy.model.clusters import ClusterReport, Witnesses
from gca_scanpy.model.votes import html_table

DecisionKind = Literal["accepted", "changed", "mixed", "reopened"]

SCHEMA_VERSION = "1.6"


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


@frozen(repr=False)
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

    def __repr__(self) -> str:
        return f"<DatasetReport: {self._counts()}>"

    def _repr_html_(self) -> str:
        columns = ("cluster", "cells", "label", "id", "confidence", "status", "why", "supporting_genes")
        return html_table(self._counts(), columns, [cluster.row for cluster in self.clusters])

    def _counts(self) -> str:
        n, summary = self.summary.total_clusters, self.summary
        counts = f"{summary.supported_clusters} supported, {summary.flagged_clusters} flagged"
        return f"{n} cluster{'' if n == 1 else 's'}: {counts}, {len(summary.unknown_clusters)} unknown"

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
