"""A run as the outside sees it."""

from __future__ import annotations

import time
from contextvars import Token
from types import TracebackType
from typing import Any, Optional

from attrs import define, field

from gca_scanpy import _log
from gca_scanpy._pipeline import Request
from gca_scanpy._telemetry import figures
from gca_scanpy._telemetry.exporter import Exporter, exporter
from gca_scanpy.model import DatasetReport


# A class, for a generator would put frames of contextlib between a warning and the user's line.
@define(eq=False)
class Run:
    """Tells start and end of what is inside the ``with`` block, and adds its figures to the metrics.

    Attributes
    ----------
    n_clusters
        Clusters that are to be labeled.
    report
        Set it where the run is completed; a run that ends without is a dry run, and in no metric.

    Raises
    ------
    InputError
        On entering, where metrics are asked for and prometheus-client is not installed.
    """

    request: Request
    n_clusters: int
    report: Optional[DatasetReport] = None
    _exporter: Optional[Exporter] = field(default=None, init=False)
    _token: Optional[Token[str]] = field(default=None, init=False)
    _start: float = field(default=0.0, init=False)

    def __enter__(self) -> Run:
        self._exporter = exporter(self.request.settings)
        self._token = _log.bind(self.request.request_id)
        self._start = time.perf_counter()
        models = ", ".join(self.request.proposer.models)
        _log.info("run started", clusters=self.n_clusters, species=self.request.species, model=models or "offline")
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        seconds = round(time.perf_counter() - self._start, 4)
        if kind is not None:
            _log.info("run failed", error=kind.__name__, seconds=seconds)
        elif self.report is None:
            _log.info("dry run finished", seconds=seconds)
        else:
            _log.info("run finished", **_facts(self.report), seconds=seconds)
        if self._token is not None:
            _log.unbind(self._token)
        if self._exporter is not None and (kind is not None or self.report is not None):
            self._exporter.add(figures.of_run(self.report, seconds))
            if self.request.settings.metrics_textfile is not None:
                self._exporter.write(self.request.settings.metrics_textfile)


def _facts(report: DatasetReport) -> dict[str, Any]:
    summary, spent = report.summary, report.telemetry
    return {
        "clusters": summary.total_clusters,
        "supported": summary.supported_clusters,
        "flagged": summary.flagged_clusters,
        "unknown": len(summary.unknown_clusters),
        "requests": spent.requests,
        "cache_hits": spent.cache_hits,
        "unanswered": spent.unanswered,
    }
