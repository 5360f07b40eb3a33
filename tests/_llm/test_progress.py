"""What becomes of questions that fail: one bad cluster, servers that come back, limits of a rate, and outages."""

from __future__ import annotations

import gzip
import json
import threading

import pytest

import gca_scanpy as gca
from gca_scanpy._llm import gate, transport
from gca_scanpy._llm.progress import Progress
from gca_scanpy.errors import ModelWarning, RefusalError

N, BAD = 11, "7_0"


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    """Waits between attempts are short; those that a server asks for stay as they are."""
    monkeypatch.setattr(transport, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(transport, "MAX_WAIT", 0.1)


def annotate(markers, model, **options):
    """The report, and the clusters with the label of their own genes that a model gave."""
    report = gca.annotate_markers(markers, tissue="blood", model=gca.Asking(model, cache=False, **options))
    return report, {c.cluster_id: c.annotation.proposed_label for c in report.clusters if c.source == "model"}


FAULTS = {
    "refusal": lambda f: f.openai(None, refusal="not this one"),
    "filter": lambda f: f.openai("", finish="content_filter"),
    "refusal in words": lambda f: f.openai("I cannot help with that."),
    "empty": lambda f: f.openai(""),
    "cut": lambda f: f.openai('{"clusters": [{"cluster_id": "1", "la', finish="length"),
    "400": lambda f: f.Raw(400, {"error": {"message": "no"}}),
    "400 filter": lambda f: f.Raw(400, {"error": {"code": "content_filter", "message": "Azure's policy"}}),
    "403 filter": lambda f: f.Raw(403, {"error": {"message": "requires moderation, and your input was flagged"}}),
    "413": lambda f: f.Raw(413, b"<html>Request Entity Too Large</html>"),
    "418": lambda f: f.Raw(418, {"error": {"message": "no"}}),
    "422": lambda f: f.Raw(422, {"detail": [{"loc": ["body", "messages"], "msg": "no"}]}),
    "500": lambda f: f.Raw(500, b"boom"),
    "502": lambda f: f.Raw(502, b"<html>bad gateway</html>"),
    "503": lambda f: f.Raw(503, {"error": "busy"}),
    "504": lambda f: f.Raw(504, b""),
    "wrapped 500": lambda f: {"error": {"message": "boom", "code": "500"}, "choices": []},
    "crash": lambda f: f.Raw(cut="before"),
    "half a reply": lambda f: f.Raw(body=b'{"choices"', cut=True),
    "web page": lambda f: f.Raw(body=b"<html>blocked</html>"),
}


@pytest.mark.parametrize("n_threads", [1, 8])
@pytest.mark.parametrize("make", FAULTS.values(), ids=FAULTS)
def test_one_bad_cluster_costs_that_cluster(serve, model_of, many, fault, make, n_threads):
    """A question that fails if it has one of the clusters is split, until the other clusters are answered."""
    server = serve(lambda request, _: make(fault) if BAD in request.ids else None)
    markers, truth = many(N)
    with pytest.warns(ModelWarning, match="no answer for 1 of 11 clusters"):
        _, answered = annotate(markers, model_of(server, deadline=30), n_threads=n_threads)
    assert answered == {key: label for key, label in truth.items() if key != BAD}
    bad = [request for request in server.requests if BAD in request.ids]
    assert len(server.requests) - len(bad) <= 6  # quarters, and then one by one
    assert len(bad) <= 16


@pytest.mark.parametrize("name", ["anthropic:any", "gemini:any"])
def test_one_bad_cluster_in_other_formats(serve, model_of, many, fault, name):
    """The same for a refusal in the formats of Anthropic and Gemini."""
    refusal = {"content": [], "stop_reason": "refusal", "candidates": [{"finishReason": "SAFETY"}]}
    server = serve(lambda request, _: refusal if BAD in request.ids else None)
    markers, truth = many(N)
    with pytest.warns(ModelWarning, match="1 of 11 clusters.*refused to answer"):
        _, answered = annotate(markers, model_of(server, name))
    assert answered == {key: label for key, label in truth.items() if key != BAD}


def test_several_bad_clusters(serve, model_of, many, fault):
    """Two bad clusters in different halves, and one in another question, cost these three only."""
    bad = {"10", "c3", "c9"}
    server = serve(lambda request, _: fault.Raw(500) if bad.intersection(request.ids) else None)
    markers, truth = many(32)
    with pytest.warns(ModelWarning, match="no answer for 3 of 32 clusters"):
        _, answered = annotate(markers, model_of(server, deadline=30), n_threads=1)
    assert answered == {key: label for key, label in truth.items() if key not in bad}


def test_a_bad_cluster_and_max_requests(serve, model_of, many, fault):
    """The parts of a question count, too: max_requests is not passed."""
    server = serve(lambda request, _: fault.Raw(500) if BAD in request.ids else None)
    with pytest.warns(ModelWarning, match="max_requests=5 is reached"):
        report, _ = annotate(many(N)[0], model_of(server, deadline=30), max_requests=5, n_threads=1)
    assert len(server.requests) == report.telemetry.requests == 5


@pytest.mark.parametrize("n_threads", [1, 8])
@pytest.mark.parametrize("kind", ["refusal", "418", "web page", "half a reply"])
def test_a_server_that_fails_for_everything(serve, model_of, many, fault, kind, n_threads):
    """No question is split without end: five questions without an answer, and those that are open, end it."""
    server = serve(lambda *_: FAULTS[kind](fault))
    with pytest.warns(ModelWarning, match="no answer for 60 of 60 clusters"):
        annotate(many(60)[0], model_of(server), chunk_size=4, n_threads=n_threads)
    tries = 3 if kind in ("web page", "half a reply") else 1
    assert len(server.requests) <= (5 + 2 * (n_threads - 1)) * tries


@pytest.mark.parametrize(
    ("seconds", "answer"),
    [
        (8, lambda f: f.Raw(503, headers={"retry-after": "1"})),
        (8, lambda f: f.Raw(429, headers={"retry-after-ms": "1000"})),
        (3, lambda f: f.Raw(503, headers={"retry-after": "0"})),
        (3, lambda f: f.Raw(429, headers={"retry-after": "0"})),
        (40, lambda f: f.Raw(503, {"error": {"message": "Loading model"}})),
        (40, lambda f: f.Raw(500)),
        (40, lambda f: f.Raw(502)),
        (40, lambda f: f.Raw(429)),
        (40, lambda f: f.Raw(cut="before")),
    ],
)
@pytest.mark.parametrize("n_clusters", [1, N, 40])
def test_a_server_that_comes_back(serve, model_of, many, fault, waits, monkeypatch, seconds, answer, n_clusters):
    """A server that is loading or limits the rate for a while, whatever it asks to wait, answers in the end."""
    monkeypatch.setattr(transport, "FIRST_WAIT", 0.5)
    monkeypatch.setattr(transport, "MAX_WAIT", 20.0)
    server = serve(lambda *_: answer(fault) if sum(waits) < seconds else None)
    markers, truth = many(n_clusters)
    report, answered = annotate(markers, model_of(server, deadline=100), n_threads=1)
    assert answered == truth
    assert sum(waits) < 100
    assert len(server.requests) <= 35
    assert report.telemetry.retries <= len(waits)


def _ten_a_minute(fault, minute, headers, counts_refused=False):
    """Answers at most ten requests in any minute of that many seconds; some servers count those that they refuse."""
    lock, recent = threading.Lock(), []

    def answer(request, _):
        with lock:
            now = gate.monotonic()
            recent[:] = [then for then in recent if now - then < minute]
            if len(recent) >= 10:
                recent.extend([now] * counts_refused)
                return fault.Raw(429, {"error": "slow down"}, headers)
            recent.append(now)
        return None

    return answer


@pytest.mark.parametrize("headers", [{}, {"retry-after": "7"}])
def test_ten_requests_a_minute(serve, model_of, many, fault, waits, monkeypatch, headers):
    """A server that allows ten requests a minute: all clusters are answered, though it takes longer than a deadline."""
    monkeypatch.setattr(transport, "FIRST_WAIT", 0.5)
    monkeypatch.setattr(transport, "MAX_WAIT", 20.0)
    server, (markers, truth) = serve(_ten_a_minute(fault, 60, headers)), many(40)
    _, answered = annotate(markers, model_of(server, deadline=70), chunk_size=1, n_threads=1)
    assert answered == truth
    assert sum(waits) > 180


@pytest.mark.parametrize("counts_refused", [False, True])
def test_ten_requests_a_minute_with_many_threads(serve, model_of, many, fault, counts_refused):
    """The same for threads that compete for the requests of a minute, which is shorter here."""
    server, (markers, truth) = serve(_ten_a_minute(fault, 0.4, {}, counts_refused)), many(24)
    _, answered = annotate(markers, model_of(server, timeout=20, deadline=30), chunk_size=1)
    assert answered == truth


def test_a_rate_that_others_use_up(serve, model_of, many, fault, waits, monkeypatch):
    """A question that is refused for the rate until its deadline is asked again if others were answered meanwhile."""
    asked, noted, record, sent = threading.Event(), threading.Event(), Progress.record_reply, []

    def record_reply(self, *arguments):
        record(self, *arguments)
        noted.set()

    def answer(request, _):
        if request.ids != ["1"]:
            asked.wait(timeout=30)  # "meanwhile": the first question was asked before
            return None
        sent.append(request)
        asked.set()
        if len(sent) == 2:
            noted.wait(timeout=30)  # until the run, not only the server, has the other answer
        return fault.Raw(429, headers={"retry-after": "60"}) if len(sent) < 4 else None

    monkeypatch.setattr(Progress, "record_reply", record_reply)
    markers, truth = many(2)
    _, answered = annotate(markers, model_of(serve(answer), timeout=60, deadline=70), chunk_size=1, n_threads=2)
    assert answered == truth
    assert len(waits) == 3
    assert min(waits) >= 59


@pytest.mark.parametrize("n_threads", [1, 3])
def test_a_hang_costs_one_deadline(serve, model_of, many, fault, n_threads):
    """A server that takes questions and answers none: each thread waits for one, and then the model is not asked."""
    server = serve(lambda *_: fault.Raw(delay=30))
    with pytest.warns(ModelWarning, match="no answer for 20 of 20 clusters: .* within 0.2 s"):
        annotate(many(20)[0], model_of(server, timeout=5, deadline=0.2), chunk_size=2, n_threads=n_threads)
    assert len(server.requests) <= n_threads


BROKEN = {
    "cut gzip": lambda f, good: f.Raw(body=gzip.compress(good)[:-20], headers={"content-encoding": "gzip"}),
    "not gzip": lambda f, good: f.Raw(body=good, headers={"content-encoding": "gzip"}),
    "empty": lambda f, good: f.Raw(),
    "blank": lambda f, good: f.Raw(body=b"\n\n \n"),
    "keep-alive": lambda f, good: f.Raw(body=b": keep-alive\n\n"),
    "web page": lambda f, good: f.Raw(body=b"<!doctype html><html>Log in</html>"),
    "content-length": lambda f, good: f.Raw(body=good, cut=True),
    "chunked": lambda f, good: f.Raw(body=good, chunked=True, cut=True),
    "stream": lambda f, good: f.Raw(body=b'data: {"choices": []}\n\ndata: [DONE]\n\n'),
    "half": lambda f, good: f.Raw(body=good[:-30]),
    "list": lambda f, good: f.Raw(body=b"[]"),
    "bytes": lambda f, good: f.Raw(body=b"\xff\xfe\x00"),
}


@pytest.mark.parametrize("make", BROKEN.values(), ids=BROKEN)
def test_a_damaged_reply_is_asked_again(serve, model_of, many, fault, make):
    """Two damaged replies with status 200: the third request is answered."""

    def answer(request, number):
        return make(fault, json.dumps(fault.openai(request.entries())).encode()) if number < 3 else None

    markers, truth = many(4)
    report, answered = annotate(markers, model_of(serve(answer)))
    assert answered == truth
    assert (report.telemetry.requests, report.telemetry.retries) == (3, 2)


@pytest.mark.parametrize("make", BROKEN.values(), ids=BROKEN)
def test_replies_that_are_always_damaged(serve, model_of, many, fault, make):
    """Damaged replies without end: a few requests, an outage with its reason, and no label."""
    server = serve(lambda request, _: make(fault, json.dumps(fault.openai(request.entries())).encode()))
    with pytest.warns(ModelWarning, match="was cut or damaged|instead of JSON|instead of an object"):
        _, answered = annotate(many(1)[0], model_of(server))
    assert answered == {}
    assert len(server.requests) == 3


def test_keep_alive_lines_before_a_reply(serve, model_of, many, fault):
    """Lines that keep the connection alive are no part of the reply."""

    def answer(request, _):
        return fault.Raw(body=b": PROCESSING\n\n\n" + json.dumps(fault.openai(request.entries())).encode())

    markers, truth = many(4)
    _, answered = annotate(markers, model_of(serve(answer)))
    assert answered == truth


@pytest.mark.parametrize("raises", [RefusalError, gca.errors.ReplyError])
def test_a_bad_cluster_for_a_model_of_the_user(many, raises):
    """An object of the user that refuses a question with one of our errors is asked about its parts, too."""

    class Picky:
        name = "picky"

        def complete(self, messages, schema):
            asked = json.loads(messages[-1].content)["clusters"]
            if any(cluster["cluster_id"] == BAD for cluster in asked):
                raise raises("not this one")
            entries = [{"cluster_id": c["cluster_id"], "label": "B cell", "confidence": 0.9} for c in asked]
            return gca.Completion(json.dumps({"clusters": entries}))

    markers, _ = many(N)
    with pytest.warns(ModelWarning, match="no answer for 1 of 11 clusters: not this one"):
        _, answered = annotate(markers, Picky())
    assert set(answered) == set(markers) - {BAD}
