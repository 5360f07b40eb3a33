"""What a run tells: events in the standard logging or in structlog, and hooks of the user with what they are given."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
import structlog

import gca_scanpy as gca
from gca_scanpy import _events
from gca_scanpy.errors import HookWarning, InputError, ModelError

LOGGER = "gca_scanpy"
STEPS = ["database", "markers", "genes", "scoring", "verdicts", "guardrails"]


@pytest.fixture
def _structlog_as_it_was():
    yield
    structlog.reset_defaults()


@pytest.fixture
def events(caplog):
    """Log at a level: a function that gives the events so far, as message and record."""

    def at(level):
        caplog.set_level(level, logger=LOGGER)
        return lambda: [(r.getMessage().split(":")[0], r) for r in caplog.records if r.name == LOGGER]

    return at


def test_info_has_start_and_end(events, cells):
    """At INFO a run is two lines, which have the request id of its report and its numbers."""
    told = events(logging.INFO)
    gca.tl.annotate(cells, "cluster", tissue="blood")
    report = gca.get.report(cells)
    (start, first), (end, last) = told()
    assert (start, end) == ("run started", "run finished")
    assert first.request_id == last.request_id == report.provenance.request_id
    assert (first.clusters, first.species, first.model) == (4, "human", "offline")
    assert (last.clusters, last.supported, last.requests) == (4, report.summary.supported_clusters, 0)
    assert last.seconds >= report.telemetry.seconds["markers"]
    assert f"request_id={first.request_id} clusters=4 species=human model=offline" in first.getMessage()


def test_debug_has_the_steps(events, cells):
    """At DEBUG each step has a line with its seconds as in the report, between start and end."""
    told = events(logging.DEBUG)
    with gca.settings.override(request_id="run-7"):
        gca.tl.annotate(cells, "cluster", tissue="blood")
    assert [name for name, _ in told()] == ["step", "run started", *["step"] * 5, "run finished"]
    steps = {record.step: record for name, record in told() if name == "step"}
    assert list(steps) == STEPS
    assert {name: record.seconds for name, record in steps.items()} == dict(gca.get.report(cells).telemetry.seconds)
    assert all(record.levelno == logging.DEBUG for record in steps.values())
    assert all(record.request_id == "run-7" for name, record in steps.items() if name != "database")


def test_a_step_inside_another_is_not_its_time(monkeypatch):
    """The seconds of the steps add up to those of the run, also if items are made while another step reads them."""
    passed = iter(range(100))
    monkeypatch.setattr(_events.time, "perf_counter", lambda: next(passed))  # each look at the clock takes a second
    clock = _events.Clock()
    start = _events.time.perf_counter()
    with clock.step("reading"):
        assert list(clock.each("making", iter("abc"))) == ["a", "b", "c"]
        with clock.step("inner"):
            pass
    assert clock.seconds == {"making": 4, "inner": 1, "reading": 6}
    assert sum(clock.seconds.values()) < _events.time.perf_counter() - start


def test_an_id_ends_with_its_run(events, cells):
    """What comes between two runs, such as the loading of the second one's database, has the id of neither."""
    told = events(logging.DEBUG)
    for _ in range(2):
        gca.tl.annotate(cells, "cluster", tissue="blood")
    between = [record for name, record in told() if name == "step" and record.step == "database"]
    assert len(between) == 2
    assert not [record for record in between if hasattr(record, "request_id")]


def test_a_model_is_named(events, lineages, fake_model, tmp_path):
    """The log names the models, and says what was sent and what was kept."""
    told = events(logging.INFO)
    models = [fake_model("one"), fake_model("two")]
    for _ in range(2):
        gca.annotate_markers(lineages, model=gca.Asking(models, cache=tmp_path / "answers"))
    starts = [record for name, record in told() if name == "run started"]
    ends = [record for name, record in told() if name == "run finished"]
    assert {record.model for record in starts} == {"one, two"}
    assert [(record.requests, record.cache_hits) for record in ends] == [(2, 0), (0, 8)]


def test_the_log_of_a_failed_run(events, lineages, fake_model, outage):
    """A run that fails says so at its end with the kind of error, and the next one has an id of its own."""
    told = events(logging.INFO)
    with pytest.raises(ModelError):
        gca.annotate_markers(lineages, model=gca.Asking(fake_model(error=outage), on_error="raise", cache=False))
    gca.annotate_markers(lineages)
    assert [name for name, _ in told()] == ["run started", "run failed", "run started", "run finished"]
    (_, first), (_, failed), (_, second), _ = told()
    assert failed.error == "ModelError"
    assert first.request_id == failed.request_id != second.request_id


def test_threads_keep_their_ids(events, lineages):
    """Runs at the same time in several threads have each their own request id in all their lines."""
    told = events(logging.DEBUG)

    def run(number):
        with gca.settings.override(request_id=f"run-{number}"):
            return gca.annotate_markers(lineages).provenance.request_id

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(run, range(24))) == [f"run-{n}" for n in range(24)]
    for number in range(24):
        own = [name for name, record in told() if record.request_id == f"run-{number}"]
        assert own == ["run started", *["step"] * 4, "run finished"]


def test_an_event_is_one_line(events, lineages, fake_model):
    """A model's name or a request id with line breaks cannot write lines of its own into a log."""
    told = events(logging.INFO)
    with gca.settings.override(request_id="a\nERROR:root:b"):
        gca.annotate_markers(lineages, model=gca.Asking(fake_model("m\x1b[2J\r\nx"), cache=False))
    assert all(record.getMessage().isprintable() for _, record in told())
    assert told()[0][1].request_id == "a\nERROR:root:b"


CHILD = """
import logging, sys
{before}
import gca_scanpy as gca
gca.annotate_markers({{"0": ["MS4A1", "CD79A", "CD79B", "BANK1", "CD19"]}}, tissue="blood")
print([type(handler).__name__ for handler in logging.getLogger("gca_scanpy").handlers])
print(logging.getLogger().handlers, logging.getLogger("gca_scanpy").level)
"""


@pytest.mark.parametrize("before", ["", "import structlog"], ids=["plain", "structlog imported"])
def test_silence_where_nothing_is_configured(tmp_path, before):
    """A program that configures no logging gets no line, also with structlog imported, and its logging is untouched."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD.format(before=before)],
        cwd=tmp_path,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["['NullHandler']", "[] 0"]


@pytest.mark.usefixtures("_structlog_as_it_was")
class TestStructlog:
    """A program that has configured structlog."""

    def test_events_as_json(self, lineages, caplog):
        """Its events are structlog's, with the request id and the facts as values, once each, at their levels."""
        caplog.set_level(logging.DEBUG, logger=LOGGER)
        out = io.StringIO()
        structlog.configure(
            processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer()],
            logger_factory=structlog.PrintLoggerFactory(out),
        )
        report = gca.annotate_markers(lineages, tissue="blood")
        lines = [json.loads(line) for line in out.getvalue().splitlines()]
        assert [line["event"] for line in lines] == ["run started", *["step"] * 4, "run finished"]
        assert [line["level"] for line in lines] == ["info", *["debug"] * 4, "info"]
        assert {line["request_id"] for line in lines} == {report.provenance.request_id}
        assert [line["step"] for line in lines[1:-1]] == STEPS[2:]
        assert lines[-1]["clusters"] == 4
        assert [record for record in caplog.records if record.name == LOGGER] == []

    def test_through_the_standard_logging(self, lineages, events):
        """With structlog's own way into the standard logging, its levels hold and each event comes once."""
        structlog.configure(
            processors=[structlog.stdlib.filter_by_level, structlog.stdlib.render_to_log_kwargs],
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
        )
        told = events(logging.INFO)
        report = gca.annotate_markers(lineages)
        assert [name for name, _ in told()] == ["run started", "run finished"]
        assert {record.request_id for _, record in told()} == {report.provenance.request_id}

    def test_a_bound_context(self, lineages):
        """What the program has bound to its context stands beside the request id."""
        out = io.StringIO()
        structlog.configure(
            processors=[structlog.contextvars.merge_contextvars, structlog.processors.JSONRenderer()],
            wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
            logger_factory=structlog.PrintLoggerFactory(out),
        )
        with structlog.contextvars.bound_contextvars(sample="S1"):
            gca.annotate_markers(lineages)
        lines = [json.loads(line) for line in out.getvalue().splitlines()]
        assert [(line["event"], line["sample"]) for line in lines] == [("run started", "S1"), ("run finished", "S1")]
        assert all(line["request_id"] for line in lines)


@pytest.fixture(autouse=True)
def _default_hooks():
    yield
    gca.set_run_hooks(None)


@pytest.fixture
def seen():
    """Add a hook that keeps what it is given: the list of it."""
    runs = []
    gca.set_run_hooks([*gca.get_run_hooks(), runs.append])
    return runs


def test_a_completed_run(seen, lineages, fake_model):
    """A hook is called at the start with the facts of the run, and at the end with its report."""
    with gca.settings.override(request_id="run-7"):
        report = gca.annotate_markers(lineages, model=gca.Asking([fake_model("one"), fake_model("two")], cache=False))
    start, end = seen
    assert (start.state, start.seconds, start.report, start.error) == ("started", 0.0, None, None)
    assert (start.request_id, start.species, start.n_clusters, start.models) == ("run-7", "human", 4, ("one", "two"))
    assert (end.state, end.request_id, end.models, end.error) == ("completed", "run-7", ("one", "two"), None)
    assert end.report is report
    assert end.seconds >= sum(report.telemetry.seconds.values()) - 0.001


def test_an_annotated_object(seen, cells):
    """The hook of a run on an AnnData object is given the report that is stored."""
    gca.tl.annotate(cells, "cluster", tissue="blood")
    assert [(run.state, run.n_clusters, run.models) for run in seen] == [("started", 4, ()), ("completed", 4, ())]
    assert seen[1].report == gca.get.report(cells)


def test_a_failed_run(seen, lineages, fake_model, outage):
    """A run that fails ends with its exception, which is the one that is raised."""
    with pytest.raises(ModelError) as caught:
        gca.annotate_markers(lineages, model=gca.Asking(fake_model(error=outage), on_error="raise", cache=False))
    assert [(run.state, run.error) for run in seen] == [("started", None), ("failed", caught.value)]


def test_a_plan_is_no_run(seen, lineages, fake_model):
    """A plan calls no hook."""
    gca.plan_markers(lineages, model=fake_model())
    assert seen == []


def test_an_unusable_argument_is_no_run(seen, lineages):
    """No hook is called for arguments that are refused."""
    with pytest.raises(InputError):
        gca.annotate_markers(lineages, n_markers=0)
    assert seen == []


def test_details_are_frozen(seen, lineages):
    """A hook cannot change the run."""
    gca.annotate_markers(lineages)
    with pytest.raises(AttributeError):
        seen[1].state = "failed"


class Broken:
    """A hook that fails."""

    def __call__(self, run):
        """Fail."""
        raise KeyError(run.request_id)


@pytest.mark.parametrize("on", ["started", "completed"])
def test_a_failing_hook_loses_no_run(lineages, on):
    """A warning at the user's line names hook and error; the other hooks are called, and the labels are the same."""
    plain, runs = gca.annotate_markers(lineages), []

    def broken(run):
        if run.state == on:
            raise KeyError("no such channel")

    gca.set_run_hooks([broken, runs.append])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        report = gca.annotate_markers(lineages)
    (warning,) = caught
    assert (warning.category, warning.filename) == (HookWarning, __file__)
    assert f"broken failed on a {on} run (KeyError: 'no such channel'); the run goes on" in str(warning.message)
    assert [run.state for run in runs] == ["started", "completed"]
    assert report.clusters == plain.clusters


def test_a_failing_hook_of_a_failing_run(lineages, fake_model, outage):
    """The error of the run is raised, not that of the hook; a hook may be any callable."""
    gca.set_run_hooks([Broken()])
    with pytest.warns(HookWarning, match="run hook Broken failed"), pytest.raises(ModelError):
        gca.annotate_markers(lineages, model=gca.Asking(fake_model(error=outage), on_error="raise", cache=False))


def test_a_warning_that_is_made_an_error(lineages, caplog):
    """If the user makes the warning an error, the run ends with it, and later log events have no request id."""
    gca.set_run_hooks([Broken()])
    with pytest.raises(HookWarning):
        gca.annotate_markers(lineages)
    caplog.set_level(logging.INFO, logger="gca_scanpy")
    _events.info("afterwards")
    assert not hasattr(caplog.records[-1], "request_id")


def test_no_hooks(lineages, caplog, tmp_path):
    """An empty list turns the log of runs and the metrics off, and None turns them on again."""
    caplog.set_level(logging.INFO, logger="gca_scanpy")
    gca.set_run_hooks([])
    with gca.settings.override(metrics_textfile=tmp_path / "job.prom"):
        gca.annotate_markers(lineages)
    assert (gca.get_run_hooks(), caplog.records) == ((), [])
    assert not (tmp_path / "job.prom").exists()
    gca.set_run_hooks(None)
    gca.annotate_markers(lineages)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["run started", "run finished"]


def test_a_run_keeps_its_hooks(seen, lineages, fake_model):
    """Hooks that are set during a run are those of the next one."""
    model = fake_model(change=lambda entries: gca.set_run_hooks([]) or entries)
    gca.annotate_markers(lineages, model=gca.Asking(model, cache=False))
    gca.annotate_markers(lineages)
    assert [run.state for run in seen] == ["started", "completed"]


def test_threads(seen, lineages):
    """The runs of several threads call the same hooks, each run at its start and its end."""

    def run(number):
        with gca.settings.override(request_id=f"run-{number}"):
            gca.annotate_markers(lineages)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(run, range(16)))
    for number in range(16):
        states = [run.state for run in seen if run.request_id == f"run-{number}"]
        assert states == ["started", "completed"]


@pytest.mark.parametrize("hooks", ["print", print, 7, [print, None], ["print"]])
def test_what_is_no_list_of_callables(hooks):
    """It is refused, and the hooks stay as they are."""
    before = gca.get_run_hooks()
    with pytest.raises(InputError, match="hooks must be"):
        gca.set_run_hooks(hooks)
    assert gca.get_run_hooks() == before


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("verbosity", "n_lines"), [(1, 0), (2, 2), (3, 4)])
def test_scanpys_verbosity(cells, tmp_path, verbosity, n_lines):
    """As Scanpy's tools do, a run says at 2 what it does and how it ended, and at 3 also what it wrote."""
    import scanpy as sc

    log = tmp_path / "log.txt"
    before = sc.settings.logfile, sc.settings.verbosity
    sc.settings.logfile, sc.settings.verbosity = log, verbosity
    try:
        gca.tl.annotate(cells, "cluster")
        gca.tl.curate(cells, {"0": "B cell"}, who="Ada")
    finally:
        sc.settings.logfile, sc.settings.verbosity = before
    lines = log.read_text().splitlines()
    assert len(lines) == n_lines
    if verbosity > 1:
        assert lines[0] == "labeling 4 clusters (offline)"
        assert re.fullmatch(
            r" +finished: 4 supported, 0 flagged, 0 unknown \(\d+\.\d s\)", lines[-1 if verbosity == 2 else 2]
        )
    if verbosity > 2:
        assert "added 'gptca_label', 'gptca_short_label', " in lines[1]
        assert lines[3].endswith("added 'gptca_curated_label', 'gptca_curated_ontology_id' (.obs) and 'gptca' (.uns)")
