"""The report from verdicts and judgments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import get_args

from attrs import evolve

from gca_scanpy._judging.judge import Judgment
from gca_scanpy._judging.reasons import ADVISORY
from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._names.labels import term_of
from gca_scanpy._names.ontology import Lineages
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.case import Case
from gca_scanpy._steps import Verdict
from gca_scanpy.model import (
    CONFIDENCE_LEVELS,
    SCHEMA_VERSION,
    Annotation,
    ClusterReport,
    Confidence,
    Consensus,
    DatasetReport,
    Level,
    Metrics,
    Provenance,
    Summary,
    Telemetry,
    Validation,
    VoteRelation,
    Witnesses,
)

REPORTED_CANDIDATES = 5


def level(score: float) -> Confidence:
    """The confidence level of a score from 0 to 1."""
    return "High" if score >= numbers.NUMBERS.high else "Medium" if score >= numbers.NUMBERS.medium else "Low"


def cluster_report(case: Case, judgment: Judgment, *, force_unknown: bool) -> ClusterReport:
    """The report of one cluster; with ``force_unknown`` only a supported label stands."""
    verdict = judgment.verdict
    cluster, lineages = case.markers, case.index.lineages
    reasons = judgment.validation.flag_reasons
    proposed_id = term_of(verdict.label, verdict.ontology_id, lineages.ontology, case.tissues) or verdict.ontology_id
    keeps_label = judgment.status == "supported" or not force_unknown
    label = (verdict.label if keeps_label else "") or UNKNOWN_LABEL
    term = proposed_id if label != UNKNOWN_LABEL and "ontology_mismatch" not in reasons else None
    broad = lineages.broad(term)
    path = verdict.path or _path(proposed_id or verdict.label, case)
    finest = verdict.path[-1] if verdict.path else None
    score = final_score(case, verdict, judgment)
    annotation = Annotation(
        primary_label=label,
        proposed_label=finest.label if finest else verdict.label or UNKNOWN_LABEL,
        ontology_id=term,
        proposed_ontology_id=finest.ontology_id if finest else proposed_id,
        confidence=level(verdict.confidence_score),
        rationale=verdict.rationale,
        alternatives=verdict.alternatives,
        caveats=(*verdict.caveats, *judgment.caveats),
        markers=tuple(g for g in verdict.markers if g not in judgment.validation.contradictory_markers),
    )
    return ClusterReport(
        cluster_id=cluster.cluster_id,
        annotation=annotation,
        validation=judgment.validation,
        warnings=(*cluster.warnings, *(reason for reason in reasons if reason in ADVISORY)),
        status=judgment.status,
        mixture=judgment.mixture,
        confidence=level(score),
        confidence_score=score,
        broad_label=broad.label if broad else label,
        broad_ontology_id=broad.id if broad else None,
        source=verdict.source,
        candidates=case.candidates[:REPORTED_CANDIDATES],
        states=tuple(case.state_genes),
        state_genes=case.state_genes,
        n_cells=cluster.n_cells,
        tissue=cluster.tissue,
        struck_markers=verdict.struck,
        panel=verdict.panel,
        path=path,
        consensus=verdict.consensus,
        asked_again=verdict.asked_again,
        judged_label=verdict.label or UNKNOWN_LABEL,
        judged_ontology_id=proposed_id,
    )


def described(one: Consensus) -> str:
    """A sentence on who stands behind a consensus, and who does not."""
    by_kind = {kind: listed([v.key for v in one.votes if v.relation == kind]) for kind in get_args(VoteRelation)}
    if by_kind["no consensus"]:
        return f"There is no cell type on which enough of the votes agree: {by_kind['no consensus']}."
    if not one.ontology_id:
        return "No column gives these cells a cell type."
    words = {"same": "this type", "finer": "a subtype", "broader": "a broader type", "related": "a related type"}
    words |= {"other lineage": "a type of another lineage", "abstained": "no type"}
    if one.by_markers:
        start = f"The votes are split, and the marker genes decide (agreement {one.agreement:.0%})"
    else:
        start = f"Agreement {one.agreement:.0%}"
    parts = [f"{what} by {by_kind[kind]}" for kind, what in words.items() if by_kind[kind]]
    return f"{start}: {'; '.join(parts)}."


def listed(names: Sequence[str]) -> str:
    """Names as in a sentence, with "and" before the last."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else ""


def voted_report(cluster_id: str, one: Consensus, n_cells: int, lineages: Lineages) -> ClusterReport:
    """The report of cells whose label comes from votes alone, without markers; the agreement is its probability."""
    label = one.label or UNKNOWN_LABEL
    broad = lineages.broad(one.ontology_id)
    confidence = level(one.agreement)
    return ClusterReport(
        cluster_id=cluster_id,
        annotation=Annotation(
            primary_label=label,
            proposed_label=label,
            ontology_id=one.ontology_id,
            proposed_ontology_id=one.ontology_id,
            confidence=confidence,
            rationale=described(one),
            alternatives=(),
            caveats=(),
            markers=(),
        ),
        validation=Validation(
            is_supported=one.ontology_id is not None,
            supporting_markers=(),
            missing_markers=(),
            contradictory_markers={},
            ontology_mismatch=False,
            notes=(),
            support_count=0,
            flag_reasons=(),
        ),
        warnings=(),
        status="supported" if one.ontology_id else "unknown",
        confidence=confidence,
        confidence_score=one.agreement,
        broad_label=broad.label if broad else label,
        broad_ontology_id=broad.id if broad else None,
        source="user",
        n_cells=n_cells,
        path=one.path,
        consensus=one,
    )


def _path(key: str, case: Case) -> tuple[Level, ...]:
    """The levels through a label that was given; none if the index does not know it, or no gene marks a type."""
    known = key in case.index.types or key in case.index.lineages.ontology
    return case.levels.path(key) if case.candidates and known else ()


def final_score(case: Case, verdict: Verdict, judgment: Judgment) -> float:
    """The verdict's score, capped at Low for a label that is not supported and at Medium for one with a reserve."""
    used, score = numbers.NUMBERS, verdict.confidence_score
    if judgment.status != "supported":
        return min(score, round(used.medium - 0.01, 4))
    has_rival = case.strength is not None and case.strength.rival > used.max_rival_of_high
    if has_rival or ADVISORY.intersection(judgment.validation.flag_reasons):
        return min(score, round(used.high - 0.01, 4))
    return score


def dataset_report(
    clusters: Sequence[ClusterReport],
    parameters: Mapping[str, str],
    provenance: Provenance,
    telemetry: Telemetry,
    warnings: Sequence[str],
    witnesses: Mapping[str, Mapping[str, Witnesses]],
) -> DatasetReport:
    """The report of all clusters."""
    total = len(clusters)
    by_status = Counter(c.status for c in clusters)
    reasons = Counter(reason for c in clusters for reason in c.validation.flag_reasons)
    confidences = Counter(c.confidence for c in clusters)
    return DatasetReport(
        schema_version=SCHEMA_VERSION,
        summary=Summary(
            total_clusters=total,
            supported_clusters=by_status["supported"],
            flagged_clusters=by_status["flagged"],
            unknown_clusters=tuple(c.cluster_id for c in clusters if c.status == "unknown"),
        ),
        metrics=Metrics(
            support_rate=_rate(by_status["supported"], total),
            flagged_rate=_rate(by_status["flagged"], total),
            unknown_rate=_rate(by_status["unknown"], total),
            flagged_reasons=dict(sorted(reasons.items())),
            confidence_counts={name: confidences[name] for name in CONFIDENCE_LEVELS},
        ),
        clusters=tuple(clusters),
        parameters=dict(parameters),
        provenance=provenance,
        telemetry=telemetry,
        warnings=tuple(warnings),
        witnesses=witnesses,
    )


def with_counts(
    cost: Telemetry, clusters: Sequence[ClusterReport], cells_without_cluster: int, seconds: Mapping[str, float]
) -> Telemetry:
    """What the language models cost, with what the run counted and how long each step took."""
    return evolve(
        cost,
        clusters=len(clusters),
        overrides=sum(1 for c in clusters if c.stopped_label),
        cells_without_cluster=cells_without_cluster,
        seconds=seconds,
        struck_markers=sum(len(c.struck_markers) for c in clusters),
    )


def makers(report: DatasetReport) -> str:
    """Who proposed the labels, in words: whose answers were used, not who was asked; with numbers if several were."""
    names = {
        "offline": "the offline scorer",
        "model": report.provenance.model or "a language model",
        "user": "the consensus of the given labels"
        if any(c.consensus for c in report.clusters)
        else "the given labels",
    }
    counts = Counter(cluster.source for cluster in report.clusters)
    if not counts:
        return names["model" if report.provenance.model else "offline"]
    if len(counts) == 1:
        return names[next(iter(counts))]
    return ", ".join(
        f"{names[source]} ({count} {'cluster' if count == 1 else 'clusters'})" for source, count in counts.most_common()
    )


def _rate(count: int, total: int) -> float:
    return round(count / total, 4) if total else 0.0
