"""Run hooks: functions that are called when a run starts and when it ends. Logging and metrics are two of them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextvars import Token
from types import TracebackType
from typing import Any, Literal, Optional, Protocol

from attrs import define, evolve, field, frozen

from gca_scanpy import _log, _prometheus
from gca_scanpy._arguments import checked
from gca_scanpy.errors import HookWarning, InputError, warn
from gca_scanpy.model import DatasetReport

RunState = Literal["started", "completed", "failed"]


@frozen(kw_only=True)
class RunDetails:
    """What a hook is given: a run that has started or ended.

    Attributes
    ----------
    request_id
        Id of the run, as in its log and in ``report.provenance``.
    species
        ``human`` or ``mouse``.
    n_clusters
        Clusters to label.
    models
        Names of the language models; empty if the offline scorer works alone.
    state
        ``"started"`` in the first call, ``"completed"`` or ``"failed"`` in the second.
    seconds
        Wall time of a run that has ended.
    report
        Report of a completed run, else None.
    error
        The exception that ended a failed run, else None.
    """

    request_id: str
    species: str
    n_clusters: int
    models: tuple[str, ...] = ()
    state: RunState = "started"
    seconds: float = 0.0
    report: Optional[DatasetReport] = None
    error: Optional[BaseException] = None


class RunHook(Protocol):
    """Any callable that takes a :class:`RunDetails`.

    It is called twice for each run, in the thread of the run. It watches the run and cannot change it: if it raises an
    exception, you get a :class:`~gca_scanpy.errors.HookWarning`, and the run goes on.

    Parameters
    ----------
    run
        The run as it starts, or as it ended.
    """

    def __call__(self, run: RunDetails, /) -> object: ...


def log_run(run: RunDetails) -> None:
    """The hook that logs start and end of a run at INFO."""
    if run.state == "started":
        models = ", ".join(run.models) or "offline"
        _log.info("run started", clusters=run.n_clusters, species=run.species, model=models)
    elif run.report is not None:
        _log.info("run finished", **_numbers(run.report), seconds=run.seconds)
    elif run.error is not None:  # its type only: the message may hold what is not for a log
        _log.info("run failed", error=type(run.error).__name__, seconds=run.seconds)


def _numbers(report: DatasetReport) -> dict[str, Any]:
    summary, cost = report.summary, report.telemetry
    return {
        "clusters": summary.total_clusters,
        "supported": summary.supported_clusters,
        "flagged": summary.flagged_clusters,
        "unknown": len(summary.unknown_clusters),
        "requests": cost.requests,
        "cache_hits": cost.cache_hits,
        "unanswered": cost.unanswered,
    }


_DEFAULT: tuple[RunHook, ...] = (log_run, _prometheus.count_run)
_active = _DEFAULT


def get_run_hooks() -> tuple[RunHook, ...]:
    """The hooks that are called at the start and the end of each run.

    Returns
    -------
    tuple of RunHook
        In the order of their calls. By default there are two. ``log_run`` logs. ``count_run`` counts in the registry of
        ``prometheus_client`` if the program has imported that package or ``settings.metrics_textfile`` is set.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> [hook.__name__ for hook in gca.get_run_hooks()]
    ['log_run', 'count_run']
    """
    return _active


@checked()
def set_run_hooks(hooks: Optional[Iterable[RunHook]]) -> None:
    """Choose the hooks that are called at the start and the end of each run, in this process.

    Parameters
    ----------
    hooks
        Callables that take a :class:`RunDetails`; they replace the present ones. An empty list turns off the log of
        runs and all metrics, and None restores the default. Runs that have started keep their hooks.

    Raises
    ------
    InputError
        If ``hooks`` is not an iterable of callables.

    Examples
    --------
    >>> import gca_scanpy as gca
    >>> def show(run):
    ...     print(run.state, run.n_clusters)
    >>> gca.set_run_hooks([*gca.get_run_hooks(), show])
    >>> report = gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B", "BANK1"]}, tissue="blood")
    started 1
    completed 1
    >>> gca.set_run_hooks(None)
    """
    global _active
    try:
        given: Any = hooks
        if isinstance(given, str):
            given = [given]  # one wrong hook, not a list of letters
        chosen = _DEFAULT if given is None else tuple(given)
    except TypeError as error:
        msg = f"hooks must be a list of callables, not {hooks!r}"
        raise InputError(msg) from error
    if not all(map(callable, chosen)):
        msg = f"hooks must be callables that take a RunDetails; there are: {chosen!r}"
        raise InputError(msg)
    _active = chosen


# A class, for a generator would put frames of contextlib between a warning and the user's line.
@define(eq=False)
class Run:
    """Calls the hooks at the start and the end of the ``with`` block, and gives its log events the request id.

    Attributes
    ----------
    details
        The run as it starts.
    report
        Set it when the run is completed.

    Raises
    ------
    InputError
        On entering, if a metrics text file is wanted and prometheus-client is not installed.
    """

    details: RunDetails
    report: Optional[DatasetReport] = None
    _hooks: tuple[RunHook, ...] = field(factory=get_run_hooks, init=False)
    _token: Optional[Token[str]] = field(default=None, init=False)
    _start: float = field(default=0.0, init=False)

    def __enter__(self) -> Run:
        if _prometheus.count_run in self._hooks:
            _prometheus.client()
        self._token = _log.bind(self.details.request_id)
        self._start = time.perf_counter()
        try:
            self._call_hooks(self.details)
        except BaseException:  # Ctrl-C, or a warning that the user made an error
            _log.unbind(self._token)
            raise
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        seconds = round(time.perf_counter() - self._start, 4)
        report = self.report if error is None else None
        state: RunState = "completed" if error is None else "failed"
        try:
            self._call_hooks(evolve(self.details, state=state, seconds=seconds, report=report, error=error))
        finally:
            if self._token is not None:
                _log.unbind(self._token)

    def _call_hooks(self, details: RunDetails) -> None:
        for hook in self._hooks:
            _call(hook, details)


def _call(hook: RunHook, details: RunDetails) -> None:
    try:
        hook(details)
    except Exception as error:
        name = getattr(hook, "__qualname__", type(hook).__qualname__)
        what = f"the run hook {name} failed on a {details.state} run"
        warn(f"{what} ({type(error).__name__}: {error}); the run goes on", HookWarning)
