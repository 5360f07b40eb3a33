"""Metrics over real HTTP and in real files, from many runs and many threads."""

from __future__ import annotations

import socket
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import prometheus_client
import pytest

import gca_scanpy as gca
from gca_scanpy.errors import InputError, MetricsWarning, ModelError

settings = gca.settings


@pytest.fixture
def run(lineages):
    """Label four clusters, one of them without markers."""
    return lambda **options: gca.annotate_markers({**lineages, "empty": []}, **options)


def _check(samples, reports):
    """What was exposed is the sum over the reports."""
    spent = [report.telemetry for report in reports]
    assert samples["gca_runs_total/completed"] == samples["gca_run_seconds_count"] == len(reports)
    assert samples["gca_clusters_total/supported"] == sum(r.summary.supported_clusters for r in reports)
    assert samples["gca_clusters_total/flagged"] == sum(r.summary.flagged_clusters for r in reports)
    assert samples["gca_clusters_total/unknown"] == sum(len(r.summary.unknown_clusters) for r in reports)
    for reason in {reason for report in reports for reason in report.metrics.flagged_reasons}:
        counts = [report.metrics.flagged_reasons.get(reason, 0) for report in reports]
        assert samples[f"gca_flag_reasons_total/{reason}"] == sum(counts)
    assert samples["gca_overrides_total"] == sum(t.overrides for t in spent)
    assert samples["gca_cache_lookups_total/hit"] == sum(t.cache_hits for t in spent)
    assert samples["gca_cache_lookups_total/miss"] == sum(t.cache_misses for t in spent)
    assert samples["gca_model_requests_total"] == sum(t.requests for t in spent)
    assert samples["gca_model_tokens_total/prompt"] == sum(t.prompt_tokens for t in spent)
    assert samples["gca_model_tokens_total/completion"] == sum(t.completion_tokens for t in spent)
    for step in spent[0].seconds:
        assert samples[f"gca_step_seconds_sum/{step}"] == pytest.approx(sum(t.seconds[step] for t in spent))
    assert samples["gca_run_seconds_sum"] >= sum(samples[f"gca_step_seconds_sum/{step}"] for step in spent[0].seconds)


@pytest.mark.parametrize("openmetrics", [False, True])
def test_a_scrape(run, scrape, port, fake_model, tmp_path, openmetrics):
    """A scrape of the port reads with the official parsers, and has the sums of the reports: cached answers too."""
    with settings.override(metrics_port=port):
        reports = [run(tissue="blood", model=fake_model(), cache=tmp_path / "answers") for _ in range(2)]
        reports.append(run(tissue="blood"))
    found = scrape(port, openmetrics=openmetrics)
    _check(found, reports)
    assert reports[0].telemetry.requests == found["gca_model_requests_total"] == 1
    assert reports[1].telemetry.cache_hits == found["gca_cache_lookups_total/hit"] == 4
    assert found["gca_flag_reasons_total/no_markers_supplied"] == 3
    assert found["gca_runs_total/failed"] == 0


def test_a_scrape_during_a_run(run, scrape, port, fake_model):
    """The port is open while the run goes on, and the run is counted at its end."""
    seen = []
    model = fake_model(change=lambda entries: seen.append(scrape(port)) or entries)
    with settings.override(metrics_port=port):
        run(model=model, cache=False)
    assert seen[0].get("gca_runs_total/completed", 0) == 0
    assert scrape(port)["gca_runs_total/completed"] == 1


def test_an_annotated_object(cells, scrape, port):
    """A run on an AnnData object is counted with the steps that only it has."""
    with settings.override(metrics_port=port):
        gca.tl.annotate(cells, "cluster")
    _check(scrape(port), [gca.get.report(cells)])
    assert scrape(port)["gca_step_seconds_count/markers"] == 1
    assert scrape(port)["gca_step_seconds_count/database"] == 1


def test_other_machines_are_not_answered(run, port):
    """The port is one of 127.0.0.1, and of no other address of the machine."""
    with settings.override(metrics_port=port):
        run()
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        pass
    with pytest.raises(OSError):  # noqa: PT011 - refused or not reachable, as the system has it
        socket.create_connection(("127.0.0.2", port), timeout=5)


def test_a_port_in_use(run, port):
    """A port that another program has is warned of once, with what to do, and every run goes on."""
    plain = run()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with settings.override(metrics_port=port), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            reports = [run() for _ in range(3)]
    told = [str(w.message) for w in caught if w.category is MetricsWarning]
    assert len(told) == 1
    assert f"127.0.0.1:{port}" in told[0]
    assert "GCA_METRICS_PORT" in told[0]
    assert [w.filename for w in caught if w.category is MetricsWarning] == [__file__]
    assert all(report.clusters == plain.clusters for report in reports)


def test_an_address_that_is_none(run, port):
    """An address that is no address is warned of, and the run goes on."""
    with settings.override(metrics_port=port, metrics_address="x" * 70 + ".invalid"), pytest.warns(MetricsWarning):
        assert len(run().clusters) == 5


def test_a_textfile(run, parse, tmp_path):
    """The textfile has the sums of all runs so far, and nothing else is left in its folder."""
    path = tmp_path / "job.prom"
    reports = []
    for _ in range(3):
        with settings.override(metrics_textfile=path):
            reports.append(run())
        _check(parse(path.read_text()), reports)
    assert list(tmp_path.glob("job*")) == [path]


def test_the_environment(run, parse, scrape, port, tmp_path, monkeypatch):
    """Both can be asked for in the environment, at once."""
    monkeypatch.setenv("GCA_METRICS_PORT", str(port))
    monkeypatch.setenv("GCA_METRICS_TEXTFILE", str(tmp_path / "job.prom"))
    run()
    assert scrape(port) == parse((tmp_path / "job.prom").read_text())


def test_a_textfile_that_cannot_be_written(run, tmp_path):
    """A file that cannot be written is warned of once at the user's line, nothing is left, and every run goes on."""
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.iterdir())
    for path in (tmp_path / "none" / "job.prom", tmp_path / "folder"):
        with settings.override(metrics_textfile=path), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert [len(run().clusters) for _ in range(2)] == [5, 5]
        (told,) = [w for w in caught if w.category is MetricsWarning]
        assert str(path) in str(told.message)
        assert told.filename == __file__
    assert sorted(tmp_path.iterdir()) == before


def test_many_threads(run, parse, scrape, port, tmp_path):
    """Runs of many threads are all counted, and every reader meanwhile finds a whole file and a scrape that reads."""
    path, over, seen = tmp_path / "job.prom", threading.Event(), []

    def work(_):
        with settings.override(metrics_port=port, metrics_textfile=path):
            return [run() for _ in range(5)]

    def read():
        while not over.is_set():
            seen.append((parse(path.read_text()), scrape(port)))

    first = work(0)
    with ThreadPoolExecutor(9) as pool:
        reader = pool.submit(read)
        reports = [*first, *(report for reports in pool.map(work, range(8)) for report in reports)]
        over.set()
        reader.result()
    assert len(reports) == 45
    _check(parse(path.read_text()), reports)
    _check(scrape(port), reports)
    for place in (0, 1):
        counts = [found[place]["gca_runs_total/completed"] for found in seen]
        assert counts == sorted(counts)
    assert all("gca_struck_markers_total" in one for found in seen for one in found)
    assert list(tmp_path.glob("job*")) == [path]


def test_failed_runs(run, parse, fake_model, outage, tmp_path):
    """A run that fails is counted as failed, with its time, and its error is the one that is raised."""
    path = tmp_path / "job.prom"
    with settings.override(metrics_textfile=path), pytest.raises(ModelError, match="the server does not answer"):
        run(model=fake_model(error=outage), on_error="raise", cache=False)
    found = parse(path.read_text())
    assert (found["gca_runs_total/failed"], found["gca_runs_total/completed"]) == (1, 0)
    assert found["gca_run_seconds_count"] == 1
    assert "gca_clusters_total/supported" not in found


def test_an_outage_is_seen(run, parse, fake_model, outage, tmp_path):
    """Clusters that a model leaves unanswered are counted, and so is their flag reason."""
    path = tmp_path / "job.prom"
    with settings.override(metrics_textfile=path), pytest.warns(gca.GcaWarning, match="no answer for 4 of 4"):
        run(model=fake_model(error=outage), cache=False)
    found = parse(path.read_text())
    assert found["gca_unanswered_clusters_total"] == found["gca_flag_reasons_total/llm_unavailable"] == 4


def test_what_is_no_run_is_not_counted(run, fake_model, tmp_path):
    """A dry run and a refused argument are in no metric."""
    path = tmp_path / "job.prom"
    with settings.override(metrics_textfile=path):
        run(model=fake_model(), dry_run=True)
        with pytest.raises(InputError):
            run(n_markers=0)
    assert not path.exists()


def test_the_registry_of_others(run, tmp_path):
    """The registry that the program may serve itself has none of these metrics."""
    with settings.override(metrics_textfile=tmp_path / "job.prom"):
        run()
    assert b"gca_" not in prometheus_client.generate_latest()


@pytest.mark.parametrize("values", [{"metrics_port": 0}, {"metrics_port": 65536}, {"metrics_port": "9464"}])
def test_a_port_that_is_none(run, values):
    """A port that cannot be is refused before the run."""
    with pytest.raises(InputError, match="metrics_port"), settings.override(**values):
        run()
