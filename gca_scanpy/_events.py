"""What a run reports while it works: log events, and hooks that are called when it starts and ends."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextvars import ContextVar, Token
from datetime import datetime, timezone
from types import TracebackType
from typing import Any, Literal, Optional, Protocol, TypeVar

from attrs import define, evolve, field, frozen

from gca_scanpy import _prometheus
from gca_scanpy._arguments import checked
from gca_scanpy.errors import HookWarning, InputError, warn
from gca_scanpy.model import DatasetReport

LOGGER = logging.getLogger("gca_scanpy")
_REQUEST: ContextVar[str] = ContextVar("gca_scanpy_request", default="")
RunState = Literal["started", "completed", "failed"]


def bind(request_id: str) -> Token[str]:
    """Give the events of this thread or task a request id, until the token is passed to :func:`unbind`."""
    return _REQUEST.set(request_id)


def unbind(token: Token[str]) -> None:
    """Undo :func:`bind`."""
    _REQUEST.reset(token)


def info(event: str, **facts: Any) -> None:
    """Log the start or the end of a run."""
    _log(logging.INFO, event, facts)


def debug(event: str, **facts: Any) -> None:
    """Log one step of a run."""
    _log(logging.DEBUG, event, facts)


def on_terminal_only() -> contextlib.AbstractContextManager[object]:
    """Drop what a library writes to standard error, such as its progress bar, unless that is a terminal."""
    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    return contextlib.nullcontext() if is_terminal else contextlib.redirect_stderr(io.StringIO())


def progress_bar(total: int, what: str, unit: str) -> Any:
    """A progress bar on a terminal or in a notebook; a disabled one if there is nothing to do.

    ``TQDM_DISABLE`` is read here, because the argument ``disable`` would override it.
    """
    from tqdm.auto import tqdm

    disabled = not total or bool(os.environ.get("TQDM_DISABLE"))
    return tqdm(total=total, desc=what, unit=unit, leave=False, disable=True if disabled else None)


def tell_scanpy(message: str, level: Literal["info", "hint"] = "info") -> None:
    """Print a line as Scanpy's tools do, if Scanpy is in use and its ``settings.verbosity`` is 2, or 3 for a hint."""
    scanpy: Any = sys.modules.get("scanpy")
    if hasattr(scanpy, "logging"):
        getattr(scanpy.logging, level)(message)


Item = TypeVar("Item")


class Clock:
    """Times the steps of a run and logs each step when it ends.

    Attributes
    ----------
    seconds
        Duration by step, in seconds, without the steps inside it.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inside = 0.0  # seconds of the steps inside the one that is running

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time the body of the ``with`` block."""
        start, before, self._inside = time.perf_counter(), self._inside, 0.0
        try:
            yield
        finally:
            took = time.perf_counter() - start
            self._end(name, took - self._inside)
            self._inside = before + took

    def each(self, name: str, items: Iterator[Item]) -> Iterator[Item]:
        """Time the making of items, each of which is made when it is read, perhaps inside another step."""
        total = 0.0
        while True:
            start = time.perf_counter()
            item = next(items, None)
            took = time.perf_counter() - start
            total, self._inside = total + took, self._inside + took
            if item is None:
                break
            yield item
        self._end(name, total)

    def _end(self, name: str, seconds: float) -> None:
        self.seconds[name] = round(seconds, 4)
        debug("step", step=name, seconds=self.seconds[name])


def now() -> str:
    """The current time in UTC, in ISO 8601 to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _log(level: int, event: str, facts: dict[str, Any]) -> None:
    if _REQUEST.get():
        facts = {"request_id": _REQUEST.get(), **facts}
    # An unconfigured structlog prints to stdout, which is for results. A configured one is already imported.
    structlog = sys.modules.get("structlog")
    if structlog is not None and structlog.is_configured():
        # Use the method of the level's name: not every structlog logger accepts a number.
        getattr(structlog.get_logger(LOGGER.name), logging.getLevelName(level).lower())(event, **facts)
    elif LOGGER.isEnabledFor(level):
        text = " ".join(f"{name}={_format(value)}" for name, value in facts.items())
        LOGGER.log(level, "%s: %s", event, text, extra=facts, stacklevel=3)


def _format(value: Any) -> str:
    """The value as text without spaces and line breaks, so that one event stays on one line."""
    text = str(value)
    return text if text.isprintable() and " " not in text else repr(text)


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
    """The hook that logs start and end of a run at INFO, and tells Scanpy's log."""
    if run.state == "started":
        models = ", ".join(run.models) or "offline"
        info("run started", clusters=run.n_clusters, species=run.species, model=models)
        tell_scanpy(f"labeling {run.n_clusters} clusters ({models})")
    elif run.report is not None:
        numbers = _numbers(run.report)
        info("run finished", **numbers, seconds=run.seconds)
        counts = ", ".join(f"{numbers[status]} {status}" for status in ("supported", "flagged", "unknown"))
        tell_scanpy(f"    finished: {counts} ({run.seconds:.1f} s)")
    elif run.error is not None:  # its type only: the message may hold what is not for a log
        info("run failed", error=type(run.error).__name__, seconds=run.seconds)


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
        self._token = bind(self.details.request_id)
        self._start = time.perf_counter()
        try:
            self._call_hooks(self.details)
        except BaseException:  # Ctrl-C, or a warning that the user made an error
            unbind(self._token)
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
                unbind(self._token)

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
