"""Metrics in the registry of prometheus_client and in text files, from many runs and many threads."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import urllib.request
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import prometheus_client
import pytest
from attrs import evolve, fields
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

import gca_scanpy as gca
from gca_scanpy import _prometheus
from gca_scanpy._events import RunDetails
from gca_scanpy._settings import Settings
from gca_scanpy.errors import HookWarning, InputError, ModelError
from gca_scanpy.model import Telemetry

settings = gca.settings
PAGE = Path(__file__).parents[1] / "docs" / "telemetry.md"


def _forget():
    for meter in _prometheus._METERS.values():
        prometheus_client.REGISTRY.unregister(meter)
    _prometheus._METERS.clear()
    _prometheus._UNWRITABLE.clear()


@pytest.fixture(autouse=True)
def _nothing_counted():
    """Each test begins as a process does."""
    _forget()
    yield
    _forget()


def _parse(text, read=read_text):
    """Values by name, or by name and label value; the times at which counters were made are left out."""
    samples = [sample for family in read(text) for sample in family.samples if not sample.name.endswith("_created")]
    return {"/".join((sample.name, *sample.labels.values())): sample.value for sample in samples}


def _registry():
    """What the default registry exposes."""
    return _parse(prometheus_client.generate_latest().decode())


@pytest.fixture
def run(lineages):
    """Label four clusters and one without markers."""
    return lambda **options: gca.annotate_markers({**lineages, "empty": []}, **options)


def _check(samples, reports):
    """What was exposed is the sum over the reports."""
    costs = [report.telemetry for report in reports]
    assert samples["gca_runs_total/completed"] == samples["gca_run_seconds_count"] == len(reports)
    assert samples["gca_clusters_total/supported"] == sum(r.summary.supported_clusters for r in reports)
    assert samples["gca_clusters_total/flagged"] == sum(r.summary.flagged_clusters for r in reports)
    assert samples["gca_clusters_total/unknown"] == sum(len(r.summary.unknown_clusters) for r in reports)
    for reason in {reason for report in reports for reason in report.metrics.flagged_reasons}:
        counts = [report.metrics.flagged_reasons.get(reason, 0) for report in reports]
        assert samples[f"gca_flag_reasons_total/{reason}"] == sum(counts)
    assert samples["gca_overrides_total"] == sum(t.overrides for t in costs)
    assert samples["gca_cache_lookups_total/hit"] == sum(t.cache_hits for t in costs)
    assert samples["gca_cache_lookups_total/miss"] == sum(t.cache_misses for t in costs)
    assert samples["gca_model_requests_total"] == sum(t.requests for t in costs)
    assert samples["gca_model_tokens_total/prompt"] == sum(t.prompt_tokens for t in costs)
    assert samples["gca_model_tokens_total/completion"] == sum(t.completion_tokens for t in costs)
    for step in costs[0].seconds:
        assert samples[f"gca_step_seconds_sum/{step}"] == pytest.approx(sum(t.seconds[step] for t in costs))
    assert samples["gca_run_seconds_sum"] >= sum(samples[f"gca_step_seconds_sum/{step}"] for step in costs[0].seconds)


@pytest.mark.parametrize("form", ["text", "openmetrics"])
def test_the_registry(run, fake_model, tmp_path, form):
    """The default registry reads with the official parsers and has the sums of the reports, cached answers too."""
    reports = [run(tissue="blood", model=gca.Asking(fake_model(), cache=tmp_path / "answers")) for _ in range(2)]
    reports.append(run(tissue="blood"))
    if form == "text":
        found = _registry()
    else:
        text = openmetrics.exposition.generate_latest(prometheus_client.REGISTRY).decode()
        found = _parse(text, read_openmetrics)
    _check(found, reports)
    assert reports[0].telemetry.requests == found["gca_model_requests_total"] == 1
    assert reports[1].telemetry.cache_hits == found["gca_cache_lookups_total/hit"] == 4
    assert found["gca_flag_reasons_total/no_markers_supplied"] == 3
    assert found["gca_runs_total/failed"] == 0


def test_a_program_that_serves_its_metrics(run, fake_model):
    """The port that a program opens for its own metrics has these too; a run is counted at its end."""
    server, thread = prometheus_client.start_http_server(0, addr="127.0.0.1")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def scrape():
        with opener.open(f"http://127.0.0.1:{server.server_port}/metrics", timeout=10) as reply:
            return _parse(reply.read().decode())

    try:
        during = []
        run(model=gca.Asking(fake_model(change=lambda entries: during.append(scrape()) or entries), cache=False))
        assert during[0].get("gca_runs_total/completed", 0) == 0
        assert scrape()["gca_runs_total/completed"] == 1
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_an_annotated_object(cells):
    """A run on an AnnData object is counted with the steps that only it has."""
    gca.tl.annotate(cells, "cluster")
    _check(_registry(), [gca.get.report(cells)])
    assert _registry()["gca_step_seconds_count/markers"] == 1
    assert _registry()["gca_step_seconds_count/database"] == 1


def test_a_textfile(run, tmp_path):
    """The file has the sums of all runs so far and no metric of others; nothing else is left in its folder."""
    path = tmp_path / "job.prom"
    reports = []
    for _ in range(3):
        with settings.override(metrics_textfile=path):
            reports.append(run())
        found = _parse(path.read_text())
        _check(found, reports)
        assert {name: value for name, value in _registry().items() if name.startswith("gca_")} == found
    assert list(tmp_path.glob("job*")) == [path]


def test_the_environment(run, tmp_path, monkeypatch):
    """The file can be asked for in the environment."""
    monkeypatch.setenv("GCA_METRICS_TEXTFILE", str(tmp_path / "job.prom"))
    run()
    assert _parse((tmp_path / "job.prom").read_text())["gca_runs_total/completed"] == 1


def test_a_textfile_that_cannot_be_written(run, tmp_path):
    """A file that cannot be written is warned of once at the user's line, nothing is left, and every run goes on."""
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.iterdir())
    for path in (tmp_path / "none" / "job.prom", tmp_path / "folder"):
        with settings.override(metrics_textfile=path), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert [len(run().clusters) for _ in range(2)] == [5, 5]
        (warning,) = [w for w in caught if w.category is HookWarning]
        assert str(warning.message).startswith(f"metrics cannot be written to {path} (")
        assert warning.filename == __file__
    assert sorted(tmp_path.iterdir()) == before


def test_many_threads(run, tmp_path):
    """Runs of many threads are all counted, and every reader meanwhile finds a whole file and a registry that reads."""
    path, over, seen = tmp_path / "job.prom", threading.Event(), []

    def work(_):
        with settings.override(metrics_textfile=path):
            return [run() for _ in range(5)]

    def read():
        while not over.is_set():
            seen.append((_parse(path.read_text()), _registry()))

    first = work(0)
    with ThreadPoolExecutor(9) as pool:
        reader = pool.submit(read)
        reports = [*first, *(report for reports in pool.map(work, range(8)) for report in reports)]
        over.set()
        reader.result()
    assert len(reports) == 45
    _check(_parse(path.read_text()), reports)
    _check(_registry(), reports)
    for place in (0, 1):
        counts = [found[place]["gca_runs_total/completed"] for found in seen]
        assert counts == sorted(counts)
    assert all("gca_struck_markers_total" in one for found in seen for one in found)
    assert list(tmp_path.glob("job*")) == [path]


def test_many_threads_that_begin(run):
    """The first runs of a process may come at once: the metrics are made once."""
    with ThreadPoolExecutor(8) as pool:
        reports = list(pool.map(lambda _: run(), range(8)))
    _check(_registry(), reports)


def test_failed_runs(run, fake_model, outage, tmp_path):
    """A run that fails is counted as failed, with its time, and its error is the one that is raised."""
    path = tmp_path / "job.prom"
    with settings.override(metrics_textfile=path), pytest.raises(ModelError, match="the server does not answer"):
        run(model=gca.Asking(fake_model(error=outage), on_error="raise", cache=False))
    found = _parse(path.read_text())
    assert (found["gca_runs_total/failed"], found["gca_runs_total/completed"]) == (1, 0)
    assert found["gca_run_seconds_count"] == 1
    assert "gca_clusters_total/supported" not in found


def test_an_outage_is_seen(run, fake_model, outage):
    """Clusters that a model leaves unanswered are counted, and so is their flag reason."""
    with pytest.warns(gca.GcaWarning, match="no answer for 4 of 4"):
        run(model=gca.Asking(fake_model(error=outage), cache=False))
    assert _registry()["gca_unanswered_clusters_total"] == 4
    assert _registry()["gca_flag_reasons_total/llm_unavailable"] == 4


def test_what_is_no_run_is_not_counted(run, fake_model, tmp_path):
    """A plan and a refused argument are in no metric."""
    path = tmp_path / "job.prom"
    with settings.override(metrics_textfile=path):
        gca.plan_markers({"0": ["MS4A1"]}, model=fake_model())
        with pytest.raises(InputError):
            run(n_markers=0)
    assert not path.exists()
    assert not [name for name in _registry() if name.startswith("gca_")]


OFFLINE = gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B", "BANK1", "CD19"], "1": ["ACTB"]}, tissue="blood")
REPORT = evolve(OFFLINE, telemetry=evolve(OFFLINE.telemetry, requests=2, request_seconds=(0.4, 0.2)))
counts = st.integers(0, 10**9)


def _counted(report):
    _forget()
    state = "failed" if report is None else "completed"
    details = RunDetails(request_id="a", species="human", n_clusters=2, state=state, seconds=2.5, report=report)
    _prometheus.count_run(details)
    return _registry()


@given(st.builds(Telemetry, requests=counts, retries=counts, prompt_tokens=st.integers(-9, 10**9), overrides=counts))
def test_the_numbers_are_those_of_the_report(telemetry):
    """Whatever a run cost, its metrics say so; a counter never goes down, whatever a user's model counts."""
    found = _counted(evolve(REPORT, telemetry=telemetry))
    assert found["gca_run_seconds_sum"] == 2.5
    assert found["gca_model_requests_total"] == telemetry.requests
    assert found["gca_model_retries_total"] == telemetry.retries
    assert found["gca_model_tokens_total/prompt"] == max(0, telemetry.prompt_tokens)
    assert found["gca_overrides_total"] == telemetry.overrides
    assert sum(found[f"gca_clusters_total/{status}"] for status in gca.model.STATUSES) == len(REPORT.clusters)
    assert min(value for name, value in found.items() if name.startswith("gca_")) >= 0


def test_each_request_is_observed():
    """The histogram of requests has each request of the run."""
    found = _counted(REPORT)
    assert found["gca_model_request_seconds_count"] == 2
    assert found["gca_model_request_seconds_sum"] == pytest.approx(0.6)
    assert found["gca_model_request_seconds_bucket/0.3"] == 1


@pytest.mark.skipif(not PAGE.is_file(), reason="the documents are not there")
class TestPage:
    """docs/telemetry.md."""

    def test_every_metric(self):
        """The page has a row for every metric with its kind and its label, as Prometheus reads them, and no other."""
        _counted(REPORT)
        families = [f for f in read_text(prometheus_client.generate_latest().decode()) if f.name.startswith("gca_")]
        families = [family for family in families if not family.name.endswith("_created")]
        exposed = set()
        for family in families:
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            name = f"{family.name}_total" if family.type == "counter" else family.name
            exposed.add((name, family.type, *labels))
        rows = re.findall(r"^\| `(gca_\w+)` \| (\w+) \| (?:`(\w+)`)?", PAGE.read_text(encoding="utf-8"), re.M)
        assert {tuple(filter(None, row)) for row in rows} == exposed

    def test_every_setting(self):
        """The page names the environment variable of each setting of the metrics, and no other."""
        own = {a.metadata["env"][0] for a in fields(Settings) if a.name.startswith("metrics_")}
        assert set(re.findall(r"GCA_METRICS_\w+", PAGE.read_text(encoding="utf-8"))) == own


RUN = """
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
{before}
import gca_scanpy as gca
try:
    report = gca.annotate_markers({{"0": ["MS4A1", "CD79A", "CD79B", "BANK1", "CD19"]}}, tissue="blood")
except gca.GcaError as error:
    print(type(error).__name__, error)
else:
    print(report.clusters[0].broad_label, *sorted({{"structlog", "prometheus_client"}} & set(sys.modules)))
{after}
"""


@pytest.fixture
def child(tmp_path):
    """Run a fresh Python; with ``absent`` neither package of the extra can be imported."""

    def run(*, absent, before="", after="", **environment):
        folder = tmp_path / "absent"
        for name in ("structlog", "prometheus_client"):
            (folder / name).mkdir(parents=True, exist_ok=True)
            (folder / name / "__init__.py").write_text(f"raise ImportError('no {name}')")
        path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
        done = subprocess.run(
            [sys.executable, "-c", RUN.format(before=before, after=after)],
            cwd=tmp_path,
            env={**os.environ, **({"PYTHONPATH": path} if absent else {}), **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip(), done.stderr

    return run


@pytest.mark.parametrize("absent", [True, False])
def test_nothing_is_imported_unasked(child, absent):
    """With or without the extra a run imports nothing of it, and the standard logging has its events."""
    printed, logged = child(absent=absent)
    assert printed == "B cell"
    assert logged.count("INFO:gca_scanpy:run started: request_id=") == 1
    assert logged.count("INFO:gca_scanpy:run finished: request_id=") == 1


def test_a_program_that_has_the_client(child, tmp_path):
    """A program that has imported prometheus_client finds the run in its registry; nothing makes or opens a socket."""
    before = """
import prometheus_client
sys.addaudithook(lambda event, arguments: event.startswith("socket.") and print(event, arguments))
"""
    after = "print(prometheus_client.REGISTRY.get_sample_value('gca_runs_total', {'outcome': 'completed'}))"
    printed, _ = child(absent=False, before=before, after=after, GCA_METRICS_TEXTFILE="job.prom")
    assert printed.splitlines() == ["B cell prometheus_client", "1.0"]
    assert (tmp_path / "job.prom").is_file()


def test_metrics_without_the_extra(child, tmp_path):
    """A text file without prometheus-client is an error before the run, with the command that installs it."""
    printed, logged = child(absent=True, GCA_METRICS_TEXTFILE="job.prom")
    assert printed.startswith("InputError ")
    assert "python -m pip install 'gca-scanpy[observability]'" in printed
    assert "run started" not in logged
    assert not (tmp_path / "job.prom").exists()


def test_metrics_with_the_extra(child, tmp_path):
    """If a text file is asked for, prometheus-client is imported, and structlog is not."""
    printed, _ = child(absent=False, GCA_METRICS_TEXTFILE="job.prom")
    assert printed == "B cell prometheus_client"
    assert 'gca_clusters_total{status="supported"} 1.0' in (tmp_path / "job.prom").read_text()
