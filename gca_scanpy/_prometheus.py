"""Prometheus metrics: counts runs in the registry of ``prometheus_client``, and writes a text file if one is set.

Nothing here opens a port. A program that serves the registry serves these metrics too.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from gca_scanpy import _packages
from gca_scanpy._files import whole
from gca_scanpy._settings import settings
from gca_scanpy.errors import HookWarning, InputError, warn
from gca_scanpy.model import STATUSES, DatasetReport

if TYPE_CHECKING:
    from gca_scanpy._events import RunDetails

OUTCOMES = ("completed", "failed")
BUCKETS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)  # seconds
# Name: the class of prometheus_client, what Prometheus shows as help, and the label if there is one.
METRICS = {
    "gca_runs_total": ("Counter", "Runs by outcome: completed or failed.", "outcome"),
    "gca_run_seconds": ("Histogram", "Wall time of a run, failed runs included."),
    "gca_step_seconds": ("Summary", "Wall time of the steps of completed runs.", "step"),
    "gca_last_completed_timestamp_seconds": ("Gauge", "Unix time of the last completed run."),
    "gca_clusters_total": ("Counter", "Clusters by status: supported, flagged or unknown.", "status"),
    "gca_flag_reasons_total": ("Counter", "Clusters with a flag reason; one may have several.", "reason"),
    "gca_overrides_total": ("Counter", "Clusters whose proposed label the guardrails replaced."),
    "gca_cache_lookups_total": ("Counter", "Answers looked up in the cache: hit or miss.", "result"),
    "gca_model_requests_total": ("Counter", "Requests sent to language models, retries included."),
    "gca_model_request_seconds": ("Histogram", "Duration of requests to language models, failed ones included."),
    "gca_model_retries_total": ("Counter", "Requests that were sent again after a fault."),
    "gca_model_tokens_total": ("Counter", "Tokens as the servers count them: prompt or completion.", "kind"),
    "gca_unanswered_clusters_total": ("Counter", "Clusters that no language model answered."),
    "gca_struck_markers_total": ("Counter", "Genes that a language model named and the cluster does not have."),
}
_LOCK = threading.Lock()
_METERS: dict[str, Any] = {}
_UNWRITABLE: set[Path] = set()


def client() -> Optional[Any]:
    """The module ``prometheus_client`` if the program has imported it or a text file is wanted, else None.

    Raises
    ------
    InputError
        If a text file is wanted and ``prometheus_client`` is not installed.
    """
    if settings.metrics_textfile is None and sys.modules.get("prometheus_client") is None:
        return None
    return _packages.load(
        "observability", InputError, "a metrics text file (GCA_METRICS_TEXTFILE)", ["prometheus_client"]
    )


def count_run(run: RunDetails) -> None:
    """The hook that counts runs."""
    module = client()
    if module is None or run.state not in OUTCOMES:
        return
    meters = _meters(module)
    for outcome in OUTCOMES:  # both, so that a first failure is a step from 0, which Prometheus' rate() sees
        meters["gca_runs_total"].labels(outcome).inc(outcome == run.state)
    meters["gca_run_seconds"].observe(run.seconds)
    if run.report is not None:
        _count_report(meters, run.report)
    if settings.metrics_textfile is not None:
        _write(module, meters, settings.metrics_textfile)


def _meters(module: Any) -> dict[str, Any]:
    """The metrics by name, made on the first call: a registry takes a name once."""
    with _LOCK:
        if not _METERS:
            made = {}
            for name, (kind, text, *labels) in METRICS.items():
                options = {"buckets": BUCKETS} if kind == "Histogram" else {}
                made[name] = getattr(module, kind)(name, text, labels, registry=module.REGISTRY, **options)
            _METERS.update(made)
    return _METERS


def _count_report(meters: Mapping[str, Any], report: DatasetReport) -> None:
    cost, summary = report.telemetry, report.summary
    clusters = (summary.supported_clusters, summary.flagged_clusters, len(summary.unknown_clusters))
    created = datetime.fromisoformat(report.provenance.created_at)
    meters["gca_last_completed_timestamp_seconds"].set(created.timestamp())
    for step, seconds in cost.seconds.items():
        meters["gca_step_seconds"].labels(step).observe(seconds)
    for seconds in cost.request_seconds:
        meters["gca_model_request_seconds"].observe(seconds)
    for name, count in {
        "gca_overrides_total": cost.overrides,
        "gca_model_requests_total": cost.requests,
        "gca_model_retries_total": cost.retries,
        "gca_unanswered_clusters_total": cost.unanswered,
        "gca_struck_markers_total": cost.struck_markers,
    }.items():
        meters[name].inc(count)
    counts: dict[str, Mapping[str, int]] = {
        "gca_clusters_total": dict(zip(STATUSES, clusters)),
        "gca_flag_reasons_total": report.metrics.flagged_reasons,
        "gca_cache_lookups_total": {"hit": cost.cache_hits, "miss": cost.cache_misses},
        # A user's own language model may count as it likes, but a counter must not go down.
        "gca_model_tokens_total": {"prompt": max(0, cost.prompt_tokens), "completion": max(0, cost.completion_tokens)},
    }
    for name, by_label in counts.items():
        for label, count in by_label.items():
            meters[name].labels(label).inc(count)


def _write(module: Any, meters: Mapping[str, Any], path: Path) -> None:
    """Write the metrics to a file, whole or not at all; if that fails, warn once."""
    # These only: the node exporter has process metrics of its own and refuses a second set.
    registry = module.CollectorRegistry()
    for meter in meters.values():
        registry.register(meter)
    try:
        # Locked, or a thread could replace a newer file by an older one. The node exporter reads all files in .prom.
        with _LOCK, whole(path, keep_ending=False) as part:
            part.write_bytes(module.generate_latest(registry))
    except OSError as error:
        if path not in _UNWRITABLE:
            _UNWRITABLE.add(path)
            warn(f"metrics cannot be written to {path} ({error.strerror or error}); the run goes on", HookWarning)
