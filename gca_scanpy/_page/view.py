"""What the page shows, in the order and the words in which it shows it. Pure: no HTML, no file, no clock."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Optional

from attrs import frozen

from gca_scanpy._adata.embedding import Embedding
from gca_scanpy._judging.reasons import meaning
from gca_scanpy._page.cells import CellsView, view_of_cells
from gca_scanpy._page.composition import Color, Colors, ShareView, colors_of, composition
from gca_scanpy._reporting.curation import history, standing
from gca_scanpy.model import CONFIDENCE_LEVELS, Candidate, ClusterReport, DatasetReport, Decision, Evidence

# Only what is an id of the ontology becomes an address; a report may hold any text in its place.
TERM = re.compile(r"CL:(\d{7})")
OBO = "https://purl.obolibrary.org/obo/CL_"
MARKS = {"supported": "✓", "flagged": "!", "unknown": "?"}
SHOWN_FACTS = ("species", "tissue", "groupby", "validate_only")  # parameters that the head of the page shows

Facts = tuple[tuple[str, str], ...]


@frozen
class TermView:
    """An ontology id; ``url`` is None where it is not one of the Cell Ontology."""

    id: str
    url: Optional[str]


@frozen
class FlagView:
    """A reason code with what it means, and in how many clusters it stands."""

    code: str
    meaning: str
    count: int = 1


@frozen
class GeneView:
    """A gene with what is said about it: a weight in nats, or the cell types that it marks."""

    name: str
    said: str = ""


@frozen
class CandidateView:
    """A row of the candidates of a cluster; ``percent`` is 0 to 100."""

    label: str
    term: Optional[TermView]
    score: str
    percent: float
    supporting: tuple[GeneView, ...]
    contradicting: tuple[GeneView, ...]


@frozen
class AlternativeView:
    """Another label that was considered, and why."""

    label: str
    term: Optional[TermView]
    reason: str


@frozen
class AnswerView:
    """What one of several language models answered; ``label`` is empty where it gave no answer."""

    model: str
    label: str
    term: Optional[TermView]
    score: str


@frozen
class DecisionView:
    """What a curator decided; ``stands`` unless a later decision about the cluster took its place."""

    kind: str
    label: str
    term: Optional[TermView]
    who: str
    when: str
    why: str
    stands: bool


@frozen(kw_only=True)
class ClusterView:
    """A cluster: its row in the table, and its section.

    Attributes
    ----------
    anchor
        Name of the section within the page, safe in an address.
    proposed
        The label before the guardrails, empty where it is the label.
    curated
        The label that a curator decided on, empty where there is none.
    decisions
        All that curators decided, oldest first.
    percent
        The confidence, 0 to 100.
    facts
        What else there is in few words: name and value.
    """

    anchor: str
    id: str
    n_cells: str
    label: str
    proposed: str
    proposed_term: Optional[TermView]
    curated: str
    decisions: tuple[DecisionView, ...]
    term: Optional[TermView]
    broad: str
    colors: Colors
    status: str
    mark: str
    confidence: str
    score: str
    percent: float
    facts: Facts
    rationale: str
    supporting: tuple[GeneView, ...]
    missing: tuple[str, ...]
    contradicting: tuple[GeneView, ...]
    struck: tuple[str, ...]
    flags: tuple[FlagView, ...]
    remarks: tuple[str, ...]
    alternatives: tuple[AlternativeView, ...]
    candidates: tuple[CandidateView, ...]
    answers: tuple[AnswerView, ...]
    agreement: str


@frozen(kw_only=True)
class PageView:
    """The whole page.

    Attributes
    ----------
    statuses, confidences
        Counts of clusters by name, in the order of the scale.
    counted, composition
        The broad types, and whether their ``cells`` or their ``clusters`` are counted.
    cells
        The picture of the cells; None where there is none, and ``unseen`` says why, where that needs a word.
    origin
        What of the provenance stands beside each cluster.
    """

    title: str
    created: str
    facts: Facts
    statuses: tuple[tuple[str, str, int], ...]
    confidences: tuple[tuple[str, int], ...]
    counted: str
    composition: tuple[ShareView, ...]
    flags: tuple[FlagView, ...]
    warnings: tuple[str, ...]
    cells: Optional[CellsView]
    unseen: str
    clusters: tuple[ClusterView, ...]
    origin: Facts
    provenance: Facts
    parameters: Facts
    costs: Facts


def view_of(report: DatasetReport, color: Color, embedding: Optional[Embedding] = None, unseen: str = "") -> PageView:
    """The page of a report.

    Parameters
    ----------
    color
        Gives the color of a label and its term.
    embedding
        The cells.
    unseen
        Why there are none.
    """
    summary, provenance = report.summary, report.provenance
    n, without = summary.total_clusters, report.telemetry.cells_without_cluster
    facts = [(name, report.parameters[name]) for name in SHOWN_FACTS if report.parameters.get(name)]
    maker = ("labels from", provenance.model or "the offline scorer")
    facts.append(maker)
    counts = {
        "supported": summary.supported_clusters,
        "flagged": summary.flagged_clusters,
        "unknown": len(summary.unknown_clusters),
    }
    decided = standing(report)
    colors = [colors_of(cluster, position, color) for position, cluster in enumerate(report.clusters)]
    counted, shares = composition(report.clusters, colors)
    return PageView(
        title=f"Cell types of {n:,} cluster{'' if n == 1 else 's'}",
        created=provenance.created_at,
        facts=(*facts, *([("cells without a cluster", f"{without:,}")] if without else [])),
        statuses=tuple((status, MARKS[status], count) for status, count in counts.items()),
        confidences=tuple((level, report.metrics.confidence_counts.get(level, 0)) for level in CONFIDENCE_LEVELS[::-1]),
        counted=counted,
        composition=shares,
        flags=tuple(_flag(code, count) for code, count in report.metrics.flagged_reasons.items()),
        warnings=report.warnings,
        cells=view_of_cells(embedding, len(report.clusters)) if embedding else None,
        unseen=unseen,
        clusters=tuple(
            _cluster(cluster, number, own, _decisions(report, decided.get(cluster.cluster_id), cluster.cluster_id))
            for number, (cluster, own) in enumerate(zip(report.clusters, colors), 1)
        ),
        origin=(
            maker,
            ("marker database", provenance.database_version),
            ("Cell Ontology", provenance.ontology_version),
            ("created", provenance.created_at),
        ),
        provenance=_provenance(report),
        parameters=tuple(report.parameters.items()),
        costs=_costs(report),
    )


def _decisions(report: DatasetReport, stands: Optional[Decision], cluster_id: str) -> tuple[DecisionView, ...]:
    return tuple(
        DecisionView(d.kind, d.to_label, _term(d.to_ontology_id), d.who, d.when, d.why, d is stands)
        for d in history(report, cluster_id)
    )


def _cluster(cluster: ClusterReport, number: int, colors: Colors, decisions: tuple[DecisionView, ...]) -> ClusterView:
    annotation, validation = cluster.annotation, cluster.validation
    changed = annotation.proposed_label != annotation.primary_label
    # The codes of warnings are explained among the flags.
    remarks = (*validation.notes, *annotation.caveats, *cluster.warnings)
    return ClusterView(
        anchor=f"cluster-{number}",
        id=cluster.cluster_id,
        n_cells="" if cluster.n_cells is None else f"{cluster.n_cells:,}",
        label=annotation.primary_label,
        proposed=annotation.proposed_label if changed else "",
        proposed_term=_term(annotation.proposed_ontology_id) if changed else None,
        curated=next((decision.label for decision in decisions if decision.stands), ""),
        decisions=decisions,
        term=_term(annotation.ontology_id),
        broad=cluster.broad_label,
        colors=colors,
        status=cluster.status,
        mark=MARKS[cluster.status],
        confidence=cluster.confidence,
        score=f"{cluster.confidence_score:.2f}",
        percent=_percent(cluster.confidence_score),
        facts=_facts(cluster),
        rationale=annotation.rationale,
        supporting=_supporting(cluster),
        missing=validation.missing_markers,
        contradicting=tuple(GeneView(g, ", ".join(types)) for g, types in validation.contradictory_markers.items()),
        struck=cluster.struck_markers,
        flags=tuple(_flag(code) for code in validation.flag_reasons),
        remarks=tuple(dict.fromkeys(text for text in remarks if text not in validation.flag_reasons)),
        alternatives=tuple(AlternativeView(a.label, _term(a.ontology_id), a.reason) for a in annotation.alternatives),
        candidates=tuple(_candidate(candidate) for candidate in cluster.candidates),
        answers=_answers(cluster),
        agreement=f"{cluster.panel.agreement:.2f}" if cluster.panel else "",
    )


def _facts(cluster: ClusterReport) -> Facts:
    sources = {"offline": "offline scorer", "model": "language model", "user": "given label"}
    found = {
        "broad type": cluster.broad_label,
        "states": ", ".join(cluster.states),
        "tissue": cluster.tissue or "",
        "proposed by": sources[cluster.source],
    }
    return tuple((name, text) for name, text in found.items() if text)


def _supporting(cluster: ClusterReport) -> tuple[GeneView, ...]:
    """The genes for the proposed label, with their weights where it is among the candidates."""
    proposed = cluster.annotation.proposed_ontology_id
    own = (candidate for candidate in cluster.candidates if candidate.ontology_id == proposed is not None)
    said = {gene.name: gene.said for candidate in own for gene in _genes(candidate.supporting)}
    return tuple(GeneView(gene, said.get(gene, "")) for gene in cluster.validation.supporting_markers)


def _candidate(candidate: Candidate) -> CandidateView:
    return CandidateView(
        label=candidate.label,
        term=_term(candidate.ontology_id),
        score=f"{candidate.score:.1f}",
        percent=_percent(candidate.probability),
        supporting=_genes(candidate.supporting),
        contradicting=_genes(candidate.contradicting),
    )


def _answers(cluster: ClusterReport) -> tuple[AnswerView, ...]:
    answers = cluster.panel.answers if cluster.panel else ()
    return tuple(AnswerView(a.model, a.label, _term(a.ontology_id), f"{a.confidence_score:.2f}") for a in answers)


def _genes(evidence: Iterable[Evidence]) -> tuple[GeneView, ...]:
    return tuple(GeneView(item.gene, f"{item.contribution:+.1f}") for item in evidence)


def _flag(code: str, count: int = 1) -> FlagView:
    return FlagView(code, meaning(code), count)


def _term(term_id: Optional[str]) -> Optional[TermView]:
    if not term_id:
        return None
    number = TERM.fullmatch(term_id)
    return TermView(term_id, OBO + number[1] if number else None)


def _percent(share: float) -> float:
    return round(100 * min(max(share, 0.0), 1.0), 1)


def _provenance(report: DatasetReport) -> Facts:
    provenance = report.provenance
    found: Mapping[str, Optional[str]] = {
        "marker database": provenance.database_version,
        "sha256": provenance.database_sha256,
        "Cell Ontology": provenance.ontology_version,
        "language model": provenance.model or "none",
        "prompt": provenance.prompt_version,
        "request": provenance.request_id,
        "created": provenance.created_at,
        "report schema": report.schema_version,
    }
    return (*((name, text) for name, text in found.items() if text), *provenance.versions.items())


def _costs(report: DatasetReport) -> Facts:
    cost = report.telemetry
    found = {
        "requests": cost.requests,
        "sent again": cost.retries,
        "prompt tokens": cost.prompt_tokens,
        "completion tokens": cost.completion_tokens,
        "answers from the cache": cost.cache_hits,
        "clusters without an answer": cost.unanswered,
        "labels overruled": cost.overrides,
    }
    counts = ((name, f"{count:,}") for name, count in found.items() if count)
    return (*counts, ("seconds", f"{sum(cost.seconds.values()):.2f}"))
