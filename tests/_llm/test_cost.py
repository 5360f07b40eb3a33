"""What a run costs: requests, tokens, time; what stops it, what it keeps, what it asks of which model."""

from __future__ import annotations

import gc
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import warnings

import pytest

import gca_scanpy as gca
from gca_scanpy._llm import prompt
from gca_scanpy._llm.gate import CancelledError, Gate
from gca_scanpy._llm.prompt import Plan
from gca_scanpy.errors import BudgetError, ModelWarning


def test_a_hundred_clusters(serve, model_of, many, fault, tmp_path):
    """100 clusters at 1.0 s a request: 7 requests, all at once, few tokens; the second run sends none.

    No clock is read, which would measure this machine: the server answers when all seven have come, and then they
    take one request's time together.
    """
    all_at_once = threading.Barrier(7)

    def answer(request, _):
        all_at_once.wait(timeout=60)
        return fault.Raw(body=fault.openai(request.entries()))

    server = serve(answer)
    markers, truth = many(100)
    markers = {key: genes + [f"ZNF{n}" for n in range(30, 60)] for key, genes in markers.items()}
    model = model_of(server, timeout=90, deadline=90)
    report = gca.annotate_markers(
        markers, tissue="blood", model=gca.Asking(model, context="a healthy donor", cache=tmp_path)
    )
    assert {c.cluster_id: c.annotation.proposed_label for c in report.clusters} == truth
    assert len(server.requests) == server.most_at_once == 7
    characters = sum(len(r.system) + len(r.user) for r in server.requests)
    assert characters / 4 / len(markers) <= 220
    assert sum(len(json.dumps(r.entries())) for r in server.requests) / 4 / len(markers) <= 120
    assert len(report.telemetry.request_seconds) == 7
    again = gca.annotate_markers(
        markers, tissue="blood", model=gca.Asking(model, context="a healthy donor", cache=tmp_path)
    )
    assert len(server.requests) == 7
    assert again.telemetry.request_seconds == ()
    assert again.clusters == report.clusters
    assert again.telemetry.requests == 0


def test_all_connections_are_closed(serve, model_of, many):
    """Threads that start together share one client, and none of its sockets is left open."""
    model = model_of(serve(), timeout=20)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        gca.annotate_markers(
            many(60)[0], tissue="blood", model=gca.Asking(model, cache=False, chunk_size=2, n_threads=16)
        )
        gc.collect()
    assert model._transport._client is None


def test_tokens_by_cluster(serve, model_of, many):
    """Tokens as the server counts them, an equal share for each cluster of a request; none for what was kept."""
    markers, _ = many(4)
    report = gca.annotate_markers(markers, tissue="blood", model=model_of(serve()))
    assert report.telemetry.cluster_tokens == dict.fromkeys(markers, 35.0)
    again = gca.annotate_markers(markers, tissue="blood", model=model_of(serve(), "openai:other"))
    assert again.telemetry.prompt_tokens == 100


def test_max_requests(serve, model_of, many, tmp_path):
    """max_requests stops before it is passed; what came is kept, and the next run goes on from there."""
    server, (markers, truth) = serve(), many(40)
    model = model_of(server)
    with pytest.warns(ModelWarning, match="max_requests=2 is reached"):
        report = gca.annotate_markers(
            markers, tissue="blood", model=gca.Asking(model, max_requests=2, chunk_size=10, cache=tmp_path, n_threads=1)
        )
    assert len(server.requests) == 2
    assert [c.source for c in report.clusters].count("model") == 20
    report = gca.annotate_markers(markers, tissue="blood", model=gca.Asking(model, chunk_size=10, cache=tmp_path))
    assert len(server.requests) == 4
    assert {c.cluster_id: c.annotation.proposed_label for c in report.clusters} == truth


def test_max_tokens(serve, model_of, many):
    """max_tokens stops before it is passed, by the server's count of what was used and an estimate of what is next."""
    server, (markers, _) = serve(), many(40)
    with pytest.warns(ModelWarning, match="max_tokens=1500 would be exceeded"):
        report = gca.annotate_markers(
            markers,
            tissue="blood",
            model=gca.Asking(model_of(server), max_tokens=1500, chunk_size=4, cache=False, n_threads=1),
        )
    used = report.telemetry.prompt_tokens + report.telemetry.completion_tokens
    assert 0 < used <= 1500
    assert used == 140 * len(server.requests)


def test_max_tokens_with_a_server_that_counts_none(serve, model_of, many, fault):
    """Where a server gives no usage, the estimate counts, so that the bound holds."""
    server = serve(lambda request, _: {k: v for k, v in fault.openai(request.entries()).items() if k != "usage"})
    markers, _ = many(40)
    with pytest.warns(ModelWarning, match="max_tokens=2500"):
        gca.annotate_markers(
            markers,
            tissue="blood",
            model=gca.Asking(model_of(server), max_tokens=2500, chunk_size=4, cache=False, n_threads=1),
        )
    sent = sum(
        prompt.prompt_tokens([prompt.Message("", r.system + r.user)]) + 120 * len(r.ids) for r in server.requests
    )
    assert 0 < sent <= 2500


def test_requests_per_minute_wait():
    """The limit per minute holds in every window of a minute, for requests and for tokens."""
    now = [0.0]
    gate = Gate(requests_per_minute=3, tokens_per_minute=100, clock=lambda: now[0])
    gate.stop.wait = lambda seconds: now.__setitem__(0, now[0] + seconds)
    times = []
    for estimate in [40, 40, 40, 10, 10, 10, 10, 200, 10]:
        gate.admit(estimate)
        times.append((now[0], estimate))
    for start, _ in times:
        window = [estimate for at, estimate in times if start <= at < start + 60]
        assert len(window) <= 3
        assert sum(window) <= 100 or len(window) == 1


def test_requests_per_minute_of_the_settings(serve, model_of, many, waits, monkeypatch):
    """GCA_REQUESTS_PER_MINUTE has all but the first wait; waiting for one's turn does not use up the deadline."""
    monkeypatch.setenv("GCA_REQUESTS_PER_MINUTE", "1")
    server, (markers, truth) = serve(), many(5)
    report = gca.annotate_markers(
        markers,
        tissue="blood",
        model=gca.Asking(model_of(server, deadline=50.0), cache=False, chunk_size=1, n_threads=1),
    )
    assert {c.cluster_id: c.annotation.proposed_label for c in report.clusters} == truth
    assert len(server.requests) == 5
    assert sum(waits) == pytest.approx(4 * 60, abs=1)


@pytest.mark.parametrize("bound", [1, 7])
def test_a_bound_holds_with_many_threads(bound):
    """However many threads ask at once, no more than max_requests pass."""
    gate, passed = Gate(max_requests=bound), []

    def ask():
        try:
            gate.admit(1)
        except BudgetError:
            return
        passed.append(1)

    threads = [threading.Thread(target=ask) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == bound == gate.requests


def test_a_stopped_gate_lets_nothing_pass():
    """After Ctrl-C no request is sent."""
    gate = Gate()
    gate.stop.set()
    with pytest.raises(CancelledError):
        gate.admit(1)


def test_only_unsure_clusters_are_asked(serve, model_of, many, lineages):
    """escalate="unsure": what the offline scorer is sure of costs nothing."""
    server, (markers, _) = serve(), many(4)
    markers["doubtful"] = [lineages["B cell"][0], "ZNF30", "ZNF32", "ZNF34", "ZNF35"]
    plain = gca.annotate_markers(markers, tissue="blood")
    sure = {c.cluster_id for c in plain.clusters if c.status == "supported" and c.confidence == "High"}
    report = gca.annotate_markers(
        markers, tissue="blood", model=gca.Asking(model_of(server), escalate="unsure", cache=False)
    )
    asked = {key for request in server.requests for key in request.ids}
    assert asked == set(markers) - sure
    assert "doubtful" in asked
    assert {c.cluster_id for c in report.clusters if c.source == "offline"} == sure
    assert not any("llm_unavailable" in c.validation.flag_reasons for c in report.clusters)


def test_a_plan_sends_nothing_and_tells_the_truth(serve, model_of, many, cells, content):
    """plan: the exact messages, requests, tokens and cache hits; nothing is sent or written."""
    server, (markers, _) = serve(), many(20)
    model = model_of(server)
    plan = gca.plan_markers(markers, tissue="blood", model=gca.Asking(model, context="x"))
    assert isinstance(plan, Plan)
    assert not server.requests
    gca.annotate_markers(markers, tissue="blood", model=gca.Asking(model, context="x", n_threads=1))
    assert [(r.system, r.user) for r in server.requests] == [
        (m[0].content, m[1].content) for m in (request.messages for request in plan.requests)
    ]
    assert plan.n_requests == 2
    again = gca.plan_markers(markers, tissue="blood", model=gca.Asking(model, context="x"))
    assert (again.n_requests, again.cache_hits) == (0, 20)
    before = content(cells)
    assert isinstance(gca.tl.plan(cells, "cluster", model=model), Plan)
    assert content(cells) == before
    assert "0 requests to no model" in str(gca.plan_markers(markers))


def _always(fault, label):
    return lambda request, _: fault.openai(request.entries(label))


def test_several_models(serve, model_of, many, fault):
    """Each answers alone; the verdict is the term that most support, neighbors counting half; all are reported."""
    servers = [serve(), serve(), serve(_always(fault, "T cell"))]
    models = [model_of(server, f"openai:m{i}") for i, server in enumerate(servers)]
    markers, truth = many(4)
    report = gca.annotate_markers(markers, tissue="blood", model=gca.Asking(models, cache=False))
    assert {c.cluster_id: c.annotation.proposed_label for c in report.clusters} == truth
    assert report.provenance.model == ", ".join(m.name for m in models)
    b_cell = next(c for c in report.clusters if truth[c.cluster_id] == "B cell")
    assert [a.label for a in b_cell.panel.answers] == ["B cell", "B cell", "T cell"]
    assert b_cell.panel.agreement == pytest.approx(2 / 3, abs=1e-4)
    assert b_cell.panel.entropy == pytest.approx(0.9183, abs=1e-4)
    t_cell = next(c for c in report.clusters if truth[c.cluster_id] == "T cell")
    assert (t_cell.panel.agreement, t_cell.panel.entropy) == (1.0, 0.0)
    assert t_cell.status == "supported"


def test_models_that_disagree(serve, model_of, many, fault):
    """Three answers for one cluster: flagged model_disagreement, with each model's answer in the note."""
    kinds = ["B cell", "T cell", "neuron"]
    models = [model_of(serve(_always(fault, kind)), f"openai:{i}") for i, kind in enumerate(kinds)]
    report = gca.annotate_markers(many(1)[0], tissue="blood", model=gca.Asking(models, cache=False))
    (cluster,) = report.clusters
    assert "model_disagreement" in cluster.validation.flag_reasons
    assert cluster.status == "flagged"
    assert all(f"says {kind}" in " ".join(cluster.validation.notes) for kind in kinds)
    assert {a.label for a in cluster.annotation.alternatives} >= set(kinds) - {cluster.annotation.proposed_label}


def test_one_model_of_several_is_down(serve, model_of, many):
    """One outage of several: the others' answers count, and it is said who was silent."""
    markers, truth = many(4)
    models = [model_of(serve()), gca.LanguageModel("down", base_url="http://127.0.0.1:9")]
    with pytest.warns(ModelWarning, match="down@127.0.0.1:9 gave no answer for 4 of 4"):
        report = gca.annotate_markers(markers, tissue="blood", model=gca.Asking(models, cache=False))
    assert {c.cluster_id: c.annotation.proposed_label for c in report.clusters} == truth
    assert not any("llm_unavailable" in c.validation.flag_reasons for c in report.clusters)
    assert all("gave no answer" in " ".join(c.annotation.caveats) for c in report.clusters)


CHILD = """
import json, sys, time
import gca_scanpy as gca
model = gca.LanguageModel("m", base_url=sys.argv[1])
markers = json.load(open(sys.argv[2]))
gca.annotate_markers({"0": ["MS4A1", "CD79A"]})
print("ready", flush=True)
try:
    gca.annotate_markers(markers, tissue="blood", model=gca.Asking(model, cache=sys.argv[3], chunk_size=4, n_threads=2))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to a child")
def test_an_interrupt_stops_the_run(serve, model_of, many, fault, tmp_path):
    """Ctrl-C does not wait for the replies, and keeps what came; the next run asks for the rest only."""
    server = serve(lambda request, number: None if number <= 2 else fault.Raw(delay=120))
    markers, truth = many(40)
    (tmp_path / "m.json").write_text(json.dumps(markers))
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, server.url, str(tmp_path / "m.json"), str(tmp_path / "cache")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job has it ignored
    )
    assert child.stdout.readline().strip() == "ready"
    while len(server.requests) < 4 and child.poll() is None:
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=60)
    assert "interrupted" in out
    assert len(list((tmp_path / "cache").rglob("*.json"))) == 8
    server.answer = lambda request, number: None
    asked = len(server.requests)
    model = gca.LanguageModel("m", base_url=server.url)
    report = gca.annotate_markers(
        markers, tissue="blood", model=gca.Asking(model, cache=tmp_path / "cache", chunk_size=4, n_threads=2)
    )
    assert len(server.requests) - asked == 8
    assert {c.cluster_id: c.annotation.proposed_label for c in report.clusters} == truth


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interrupt_in_the_middle_of_a_write(serve, model_of, many, tmp_path, monkeypatch, when):
    """Ctrl-C while an answer is written: it is passed on, and the answer is kept with the others that came."""
    server, (markers, _) = serve(), many(4)
    replace, calls = pathlib.Path.replace, []

    def interrupted(self, target):
        calls.append(target)
        if len(calls) == 1 and when == "before":
            raise KeyboardInterrupt
        replace(self, target)
        if len(calls) == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pathlib.Path, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            gca.annotate_markers(markers, tissue="blood", model=gca.Asking(model_of(server), cache=tmp_path / "cache"))
    assert sorted(p.suffix for p in (tmp_path / "cache").rglob("*.*")) == [".json"] * 4
    gca.annotate_markers(markers, tissue="blood", model=gca.Asking(model_of(server), cache=tmp_path / "cache"))
    assert len(server.requests) == 1


RUN = """
import json, sys
import gca_scanpy as gca
markers = json.load(open(sys.argv[2]))
model = gca.LanguageModel("m", base_url=sys.argv[1])
report = gca.annotate_markers(markers, tissue="blood", model=gca.Asking(model, cache=sys.argv[3], chunk_size=4))
print(json.dumps({c.cluster_id: c.annotation.proposed_label for c in report.clusters}))
"""


def test_two_processes_share_a_cache(serve, many, tmp_path):
    """Two processes at once on one folder: both are right, and leave one whole answer for each cluster."""
    server, (markers, truth) = serve(), many(40)
    (tmp_path / "m.json").write_text(json.dumps(markers))
    arguments = [server.url, str(tmp_path / "m.json"), str(tmp_path / "cache")]
    children = [
        subprocess.Popen([sys.executable, "-c", RUN, *arguments], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
        for _ in range(2)
    ]
    for child in children:
        out, _ = child.communicate(timeout=60)
        assert json.loads(out) == truth
    files = [p for p in (tmp_path / "cache").rglob("*") if p.is_file()]
    assert len(files) == 40
    assert all(json.loads(p.read_bytes())["format"] == 1 for p in files)


def test_damaged_files_in_the_cache_are_asked_again(serve, model_of, many, tmp_path):
    """A truncated, a foreign and a newer file: their clusters are asked again, the others are not; labels are right."""
    server, (markers, truth) = serve(), many(8)
    gca.annotate_markers(markers, tissue="blood", model=gca.Asking(model_of(server), cache=tmp_path))
    files = sorted(tmp_path.rglob("*.json"))
    files[0].write_bytes(files[0].read_bytes()[:-20])
    files[1].write_text("[1, 2]")
    files[2].write_text(files[2].read_text().replace('"format": 1', '"format": 2'))
    report = gca.annotate_markers(markers, tissue="blood", model=gca.Asking(model_of(server), cache=tmp_path))
    assert {c.cluster_id: c.annotation.proposed_label for c in report.clusters} == truth
    assert [len(r.ids) for r in server.requests] == [8, 3]


def test_the_settings_name_a_model(serve, many, monkeypatch):
    """GCA_MODEL and GCA_BASE_URL set the default; "offline" asks nobody all the same."""
    server = serve()
    monkeypatch.setenv("GCA_MODEL", "any")
    monkeypatch.setenv("GCA_BASE_URL", server.url)
    monkeypatch.setenv("GCA_HEADERS", '{"X-Team": "genomics"}')
    markers, _ = many(2)
    assert gca.annotate_markers(markers, tissue="blood", model="offline").provenance.model is None
    assert not server.requests
    assert gca.annotate_markers(markers, tissue="blood").provenance.model.startswith("any@")
    assert server.requests[0].headers["x-team"] == "genomics"
    assert "genomics" not in repr(gca.settings)


def test_how_long_each_request_took(serve, model_of, many, fault):
    """Each request that was sent has its seconds, one that failed and was sent again too; waiting is not in them."""

    def answer(request, number):
        if number == 1:
            return fault.Raw(503, headers={"retry-after": "1"})
        return fault.Raw(body=fault.openai(request.entries()), delay=0.3)

    report = gca.annotate_markers(
        many(2)[0], tissue="blood", model=gca.Asking(model_of(serve(answer), timeout=20), cache=False)
    )
    failed, answered = report.telemetry.request_seconds
    assert report.telemetry.requests == 2
    assert answered >= 0.3  # the server's delay
    assert failed + answered + 1 <= report.telemetry.seconds["verdicts"]  # and the second between them
