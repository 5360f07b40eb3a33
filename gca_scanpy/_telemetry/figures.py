"""The metrics there are, and what a finished run adds to each. Pure: a report goes in, numbers come out."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Optional

from attrs import frozen

from gca_scanpy.model import STATUSES, DatasetReport

OUTCOMES = ("completed", "failed")
HISTOGRAM_SECONDS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)


@frozen
class Meter:
    """A metric.

    Attributes
    ----------
    help
        What it counts, in the words that Prometheus shows.
    label
        The name of its one label, or None.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram", "summary"]
    help: str
    label: Optional[str] = None


@frozen
class Figure:
    """What a run adds to a meter; of a gauge, what it is set to."""

    meter: str
    amount: float
    label: Optional[str] = None


METERS = (
    Meter("gca_runs_total", "counter", "Runs by outcome: completed or failed.", "outcome"),
    Meter("gca_run_seconds", "histogram", "Wall time of a run, failed ones included."),
    Meter("gca_step_seconds", "summary", "Wall time of the steps of completed runs.", "step"),
    Meter("gca_last_completed_timestamp_seconds", "gauge", "When the last completed run was, as Unix time."),
    Meter("gca_clusters_total", "counter", "Clusters by status: supported, flagged or unknown.", "status"),
    Meter("gca_flag_reasons_total", "counter", "Clusters with a flag reason; one may have several.", "reason"),
    Meter("gca_overrides_total", "counter", "Clusters whose proposed label the guardrails replaced."),
    Meter("gca_cache_lookups_total", "counter", "Answers looked up in the cache: hit or miss.", "result"),
    Meter("gca_model_requests_total", "counter", "Requests sent to language models, retries included."),
    Meter("gca_model_request_seconds", "histogram", "How long requests to language models took, failed ones included."),
    Meter("gca_model_retries_total", "counter", "Requests that were sent again after a fault."),
    Meter("gca_model_tokens_total", "counter", "Tokens as the servers count them: prompt or completion.", "kind"),
    Meter("gca_unanswered_clusters_total", "counter", "Clusters that no language model answered in the end."),
    Meter("gca_struck_markers_total", "counter", "Genes that a language model named and the cluster does not have."),
)


def of_run(report: Optional[DatasetReport], seconds: float) -> list[Figure]:
    """What a run adds.

    Parameters
    ----------
    report
        The report of a completed run; None where it failed.
    seconds
        Its wall time.
    """
    # Both outcomes each time, so that a first failure is a step from 0, which Prometheus' rate() sees.
    outcome = "failed" if report is None else "completed"
    figures = [Figure("gca_runs_total", float(name == outcome), name) for name in OUTCOMES]
    figures.append(Figure("gca_run_seconds", seconds))
    return figures if report is None else [*figures, *_of_report(report)]


def _of_report(report: DatasetReport) -> list[Figure]:
    spent, summary = report.telemetry, report.summary
    counts = (summary.supported_clusters, summary.flagged_clusters, len(summary.unknown_clusters))
    created = datetime.fromisoformat(report.provenance.created_at).timestamp()
    return [
        *(Figure("gca_step_seconds", seconds, step) for step, seconds in spent.seconds.items()),
        Figure("gca_last_completed_timestamp_seconds", created),
        *(Figure("gca_clusters_total", count, status) for status, count in zip(STATUSES, counts)),
        *(Figure("gca_flag_reasons_total", count, r) for r, count in report.metrics.flagged_reasons.items()),
        Figure("gca_overrides_total", spent.overrides),
        Figure("gca_cache_lookups_total", spent.cache_hits, "hit"),
        Figure("gca_cache_lookups_total", spent.cache_misses, "miss"),
        Figure("gca_model_requests_total", spent.requests),
        *(Figure("gca_model_request_seconds", seconds) for seconds in spent.request_seconds),
        Figure("gca_model_retries_total", spent.retries),
        # A model that the user wrote may count as it likes; a counter does not go down.
        Figure("gca_model_tokens_total", max(0, spent.prompt_tokens), "prompt"),
        Figure("gca_model_tokens_total", max(0, spent.completion_tokens), "completion"),
        Figure("gca_unanswered_clusters_total", spent.unanswered),
        Figure("gca_struck_markers_total", spent.struck_markers),
    ]
