"""Hooks of the user around a run, and what they are given."""

from __future__ import annotations

import logging
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

import gca_scanpy as gca
from gca_scanpy import _log
from gca_scanpy.errors import HookWarning, InputError, ModelError


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
    _log.info("afterwards")
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
