"""Asking a language model through the whole run: answers by id, outages told, and nothing paid for twice."""

from __future__ import annotations

import json
import threading

import pytest

import gca_scanpy as gca
from gca_scanpy import _codec, _pipeline
from gca_scanpy._llm.ask import Crew
from gca_scanpy._llm.language_model import ChatModel, Completion
from gca_scanpy._llm.progress import MAX_UNUSABLE
from gca_scanpy._scoring import case
from gca_scanpy._steps import Verdict
from gca_scanpy.errors import CacheWarning, ModelWarning

GENES = ["MS4A1", "CD79A", "CD79B", "BANK1"]


@pytest.fixture
def asked(lineages):
    """Four clusters whose ids a loose match would mix up."""
    return dict(zip(["1", "10", "CD4+", "CD4-"], lineages.values()))


def _sources(report):
    return {c.cluster_id: c.source for c in report.clusters}


def _notes(report):
    return {c.cluster_id: " ".join(c.validation.notes) for c in report.clusters}


def _flagged(report):
    return {c.cluster_id for c in report.clusters if "llm_unavailable" in c.validation.flag_reasons}


def test_the_object_in_memory_is_a_model(fake_model):
    """Any object with a name and complete() is a model."""
    assert isinstance(fake_model(), ChatModel)


def test_the_models_labels_are_reported_and_checked(asked, fake_model):
    """The model's label is the proposed one; where the genes speak against it, it does not stand."""
    model = fake_model(label="B cell")
    report = gca.annotate_markers(asked, tissue="blood", model=model)
    assert {c.annotation.proposed_label for c in report.clusters} == {"B cell"}
    assert set(_sources(report).values()) == {"model"}
    assert report.cluster("1").status == "supported"
    assert report.cluster("10").annotation.primary_label == "Unknown or Novel"
    assert report.provenance.model == "fake-1"
    assert report.provenance.prompt_version
    assert report.cluster("CD4-").annotation.rationale == "for CD4-"


def test_answers_are_matched_by_id(asked, fake_model):
    """Reordered clusters: each gets its own answer, never its neighbor's."""
    model = fake_model(change=lambda entries: [{**e, "label": f"type {e['cluster_id']}"} for e in reversed(entries)])
    report = gca.annotate_markers(asked, model=model)
    assert {c.cluster_id: c.annotation.proposed_label for c in report.clusters} == {k: f"type {k}" for k in asked}


@pytest.mark.parametrize(
    "change",
    [
        lambda entries: entries[1:],
        lambda entries: [{**entries[0], "cluster_id": "01"}, *entries[1:]],
        lambda entries: [entries[0], *entries],
    ],
    ids=["missing", "invented", "duplicated"],
)
def test_a_cluster_that_is_not_answered_once(asked, fake_model, change, tmp_path):
    """A cluster missing, invented or answered twice: it has the offline answer and says so; the others the model's."""
    model = fake_model(change=change)
    with pytest.warns(ModelWarning, match="no answer for 1 of 4 clusters"):
        report = gca.annotate_markers(asked, tissue="blood", model=gca.Asking(model, cache=tmp_path / "c"))
    assert model.asked == [list(asked), ["1"]]
    assert (report.telemetry.reasked, report.telemetry.unanswered) == (1, 1)
    assert _flagged(report) == {"1"}
    assert _sources(report) == {"1": "offline", "10": "model", "CD4+": "model", "CD4-": "model"}
    assert "the reply answers this cluster" in _notes(report)["1"]
    assert report.cluster("1").broad_label == "B cell"
    assert len(list((tmp_path / "c").rglob("*.json"))) == 3


def test_an_outage_does_not_look_like_biology(asked, fake_model, outage, tmp_path):
    """A model that cannot be reached: offline answers that say why, no cache, and the requests are counted."""
    with pytest.warns(ModelWarning, match="no answer for 4 of 4 clusters: the server does not answer"):
        report = gca.annotate_markers(
            asked, model=gca.Asking(fake_model(error=outage), chunk_size=2, cache=tmp_path / "c")
        )
    plain = gca.annotate_markers(asked)
    assert set(_sources(report).values()) == {"offline"}
    assert [c.annotation.proposed_label for c in report.clusters] == [
        c.annotation.proposed_label for c in plain.clusters
    ]
    assert all("the server does not answer" in text for text in _notes(report).values())
    assert _flagged(report) == set(asked)
    assert report.telemetry.requests == 2
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    "text",
    ["", "I cannot help with that.", '{"clusters": [{"cluster_id": "1", "lab', '{"clusters": 3}', "<html>busy</html>"],
)
def test_a_reply_that_cannot_be_read(asked, fake_model, text, tmp_path):
    """An empty, refusing, cut or foreign reply: offline answers that say why; not kept, but its tokens count."""
    model = fake_model(change=lambda _: text)
    with pytest.warns(ModelWarning, match="no answer for 4 of 4 clusters"):
        report = gca.annotate_markers(asked, model=gca.Asking(model, cache=tmp_path / "c"))
    assert set(_sources(report).values()) == {"offline"}
    assert _flagged(report) == set(asked)
    assert sorted(model.asked[1:]) == sorted([key] for key in asked)
    assert not (tmp_path / "c").exists()
    assert (report.telemetry.prompt_tokens, report.telemetry.completion_tokens) == (500, 35)


def test_other_errors_are_passed_on(asked, fake_model):
    """An error that is not the model's, a bug of the user's object say, is raised and not taken for an outage."""
    with pytest.raises(ZeroDivisionError):
        gca.annotate_markers(asked, model=fake_model(error=ZeroDivisionError()))


def test_a_failing_model_leaves_adata(cells, content, fake_model):
    """A model that raises half-way leaves adata as it was."""
    before = content(cells)
    with pytest.raises(ZeroDivisionError):
        gca.tl.annotate(cells, "cluster", model=fake_model(error=ZeroDivisionError()))
    assert content(cells) == before


def test_nothing_is_asked_twice(asked, fake_model, tmp_path):
    """The second run answers from the cache: no request, the same report; telemetry counts hits and misses."""
    model = fake_model()
    first = gca.annotate_markers(asked, model=gca.Asking(model, cache=tmp_path))
    second = gca.annotate_markers(asked, model=gca.Asking(model, cache=str(tmp_path)))
    assert model.calls == 1
    assert second.clusters == first.clusters
    assert (first.telemetry.cache_hits, first.telemetry.cache_misses, first.telemetry.requests) == (0, 4, 1)
    assert (second.telemetry.cache_hits, second.telemetry.cache_misses, second.telemetry.requests) == (4, 0, 0)
    assert first.telemetry.completion_tokens == 7
    gca.annotate_markers(asked, model=gca.Asking(model, cache=False))
    assert model.calls == 2


@pytest.mark.parametrize(
    "change",
    [{"context": "tumour"}, {"species": "mouse"}, {"tissue": "lung"}, {"model": "fake-2"}, {"markers": GENES}],
    ids=lambda change: next(iter(change)),
)
def test_everything_that_decides_the_answer_is_in_the_key(fake_model, tmp_path, change, lineages):
    """Another model, context, species, tissue or gene list is another question."""
    model = fake_model()
    options = {"species": "human", "tissue": None}
    lower = [gene.capitalize() for gene in lineages["B cell"]] if change == {"species": "mouse"} else lineages["B cell"]
    gca.annotate_markers({"0": lineages["B cell"]}, model=gca.Asking(model, cache=tmp_path), **options)
    other = fake_model(change["model"]) if "model" in change else model
    markers = change.get("markers", lower)
    more = {key: value for key, value in change.items() if key in options}
    asking = gca.Asking(other, context=change.get("context"), cache=tmp_path)
    gca.annotate_markers({"0": markers}, model=asking, **{**options, **more})
    assert model.calls + (other.calls if other is not model else 0) == 2


@pytest.mark.parametrize(("chunk_size", "sizes"), [(1, [1, 1, 1, 1]), (3, [1, 3]), (16, [4])])
def test_chunks(asked, fake_model, chunk_size, sizes):
    """chunk_size clusters go into a request; every cluster is asked once, whatever the threads."""
    model = fake_model()
    gca.annotate_markers(asked, model=gca.Asking(model, chunk_size=chunk_size, n_threads=3, cache=False))
    assert sorted(len(ids) for ids in model.asked) == sizes
    assert sorted(key for ids in model.asked for key in ids) == sorted(asked)


def test_the_chunk_changes_no_cached_answer(asked, fake_model, tmp_path):
    """What was asked in one chunk is found again in another."""
    model = fake_model()
    gca.annotate_markers(asked, model=gca.Asking(model, chunk_size=16, cache=tmp_path))
    gca.annotate_markers(dict(reversed(list(asked.items()))), model=gca.Asking(model, chunk_size=1, cache=tmp_path))
    assert model.calls == 1


def test_a_cluster_without_genes_is_not_asked(asked, fake_model):
    """A cluster without genes costs nothing and stays Unknown."""
    model = fake_model()
    report = gca.annotate_markers({**asked, "none": []}, model=model)
    assert "none" not in [key for ids in model.asked for key in ids]
    assert report.cluster("none").annotation.primary_label == "Unknown or Novel"


@pytest.mark.parametrize("answer", [None, 3, "x", {}, {"cluster_id": "1"}, [["a", 1]]])
def test_a_cached_answer_that_is_none(asked, fake_model, tmp_path, answer):
    """A file of the right form that holds no verdict is passed over, asked again, and counts as a miss."""
    model = fake_model()
    gca.annotate_markers(asked, model=gca.Asking(model, cache=tmp_path))
    for path in tmp_path.rglob("*.json"):
        path.write_text(json.dumps({**json.loads(path.read_bytes()), "answer": answer}), encoding="utf-8")
    report = gca.annotate_markers(asked, model=gca.Asking(model, cache=tmp_path))
    assert model.calls == 2
    assert set(_sources(report).values()) == {"model"}
    assert (report.telemetry.cache_hits, report.telemetry.cache_misses) == (0, 4)


def test_a_cache_that_cannot_be_written(asked, fake_model, tmp_path):
    """A cache folder that cannot be used: warned once at the user's line, and the run goes on."""
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.warns(CacheWarning) as caught:
        report = gca.annotate_markers(asked, model=gca.Asking(fake_model(), cache=tmp_path / "file"))
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert set(_sources(report).values()) == {"model"}


def test_only_genes_and_context_are_sent(cells, fake_model):
    """The messages hold gene symbols, species, tissue, context and cluster ids: no expression value, no cell name."""
    sent = []

    class Listening(fake_model):
        def complete(self, messages, schema):
            sent.append(messages)
            return super().complete(messages, schema)

    gca.tl.annotate(
        cells, "cluster", model=gca.Asking(Listening(), context="healthy donor", cache=False), tissue="blood"
    )
    question = json.loads(sent[0][1].content)
    assert set(question) == {"species", "tissue", "context", "clusters"}
    assert {key for cluster in question["clusters"] for key in cluster} == {"cluster_id", "genes", "candidates"}
    assert set(" ".join(c["genes"] for c in question["clusters"]).split()) <= set(cells.var_names)
    assert "cell0" not in sent[0][1].content


def test_half_of_an_emoji_in_a_reply(asked, fake_model, tmp_path):
    """A lone surrogate in a reply, as a cut emoji leaves one, breaks neither the cache nor the report's file."""
    model = fake_model(change=lambda entries: [{**e, "rationale": "\ud83d"} for e in entries])
    report = gca.annotate_markers(asked, model=gca.Asking(model, cache=tmp_path / "c"))
    gca.io.to_json(report, tmp_path / "r.json")
    assert gca.io.read_report(tmp_path / "r.json").summary == report.summary


def test_an_answer_is_kept_as_soon_as_its_chunk_came(lineages, tmp_path):
    """An error in a later chunk does not lose what was already answered: the next run pays for the rest only."""
    asked = []

    class Falters:
        name = "falters"

        def complete(self, messages, schema):
            (cluster_id,) = schema["properties"]["clusters"]["items"]["properties"]["cluster_id"]["enum"]
            asked.append(cluster_id)
            if len(asked) == 2:
                raise RuntimeError("the power went")
            entry = {"cluster_id": cluster_id, "label": "B cell", "confidence": 0.9}
            return Completion(json.dumps({"clusters": [entry]}))

    markers = {name: list(genes) for name, genes in list(lineages.items())[:2]}
    asking = gca.Asking(Falters(), cache=tmp_path, chunk_size=1, n_threads=1)
    with pytest.raises(RuntimeError):
        gca.annotate_markers(markers, model=asking)
    report = gca.annotate_markers(markers, model=asking)
    assert report.telemetry.cache_hits == 1
    assert asked == [*markers, list(markers)[1]]


class _Waits:
    """A model that counts its requests; each but the first waits for ``judged``."""

    name = "waits"

    def __init__(self):
        self.begun, self.second, self.judged, self.late = threading.Event(), threading.Event(), threading.Event(), []

    def complete(self, messages, schema):
        ids = schema["properties"]["clusters"]["items"]["properties"]["cluster_id"]["enum"]
        if self.begun.is_set():
            self.second.set()
            self.late.append(not self.judged.wait(30))
        self.begun.set()
        return Completion(
            json.dumps({"clusters": [{"cluster_id": i, "label": "B cell", "confidence": 1} for i in ids]})
        )


@pytest.fixture
def last_case(monkeypatch, asked):
    """Call a function before the last of the asked cases is scored."""

    def before(act):
        scored, rank = [], case.rank

        def late(*arguments):
            scored.append(arguments)
            if len(scored) == len(asked):
                act()
            return rank(*arguments)

        monkeypatch.setattr(case, "rank", late)

    return before


def test_asking_begins_before_the_last_case_is_scored(asked, last_case, monkeypatch):
    """The model works on the first clusters while others are scored, and answers are judged while it works."""
    model, begun, judge = _Waits(), [], _pipeline.judge

    def heard(one, verdict):
        judged.append(verdict.cluster_id)
        model.judged.set()
        return judge(one, verdict)

    judged = []
    monkeypatch.setattr(_pipeline, "judge", heard)
    last_case(lambda: begun.append(model.begun.wait(30)))
    report = gca.annotate_markers(asked, model=gca.Asking(model, cache=False, chunk_size=1, n_threads=1))
    assert begun == [True]
    assert model.late == [False] * 3
    assert judged == list(asked) == [c.cluster_id for c in report.clusters]  # each once
    assert list(report.telemetry.seconds) == ["genes", "scoring", "verdicts", "guardrails"]


def test_ctrl_c_while_cases_are_scored(asked, last_case, tmp_path):
    """Ctrl-C during the scoring ends the asking; the answers that arrived are kept."""
    model = _Waits()

    def interrupted():
        assert model.second.wait(30)  # so the first answer has arrived
        raise KeyboardInterrupt

    last_case(interrupted)
    asking = gca.Asking(model, cache=tmp_path, chunk_size=1, n_threads=1)
    with pytest.raises(KeyboardInterrupt):
        gca.annotate_markers(asked, model=asking)
    model.judged.set()
    assert gca.plan_markers(asked, model=asking).cache_hits == 1


def test_a_cached_file_with_fields_of_the_wrong_type_is_no_answer():
    """A foreign file whose label is a number is passed over, not put on a cluster."""
    good = _codec.verdict_to_plain(Verdict("0", "B cell", "CL:0000236", 0.9, "model"))
    assert _codec.verdict_from_plain(good).label == "B cell"
    assert _codec.verdict_from_plain({**good, "label": 3}) is None
    assert _codec.verdict_from_plain(None) is None


class Scripted:
    """A model whose replies a function of the question and its number makes; it records the questions."""

    name = "scripted"

    def __init__(self, reply):
        self.reply, self.questions, self.lock = reply, [], threading.Lock()

    def complete(self, messages, schema):
        """Answer as the function says."""
        question = json.loads(messages[-1].content)
        with self.lock:
            self.questions.append(question)
            number = len(self.questions)
        return Completion(self.reply(question, number))


def _right(question, label="B cell"):
    ids = [cluster["cluster_id"] for cluster in question["clusters"]]
    return json.dumps({"clusters": [{"cluster_id": key, "label": label, "confidence": 0.9} for key in ids]})


@pytest.mark.parametrize(
    ("first", "problem", "ids"),
    [
        (lambda text: "I cannot help with that.", "the reply contains no complete JSON object; it begins with", 4),
        (lambda text: f"{text.replace('B cell', 'neuron')} No: {text}", "the reply contains 2 different answers", 4),
        (lambda text: text.replace('"B cell"', '""', 1), "$.clusters[0].label of the reply is not a text", 1),
        (lambda text: text.replace('"1"', '"7"'), "the reply answers this cluster 0 times instead of once", 1),
    ],
)
def test_the_second_question_says_what_was_wrong(asked, tmp_path, first, problem, ids):
    """What was wrong with the first reply is in the second question, which is answered; only that answer is kept."""
    model = Scripted(lambda question, number: first(_right(question)) if number == 1 else _right(question))
    report = gca.annotate_markers(asked, tissue="blood", model=gca.Asking(model, cache=tmp_path))
    assert set(_sources(report).values()) == {"model"}
    assert {c.annotation.proposed_label for c in report.clusters} == {"B cell"}
    assert "problems" not in model.questions[0]
    repeated = [question["problems"] for question in model.questions[1:]]
    assert len(repeated) == ids
    for problems, question in zip(repeated, model.questions[1:]):
        ((reason, named),) = problems.items()
        assert reason.startswith(problem)
        assert named == [cluster["cluster_id"] for cluster in question["clusters"]]
    assert len(list(tmp_path.rglob("*.json"))) == 4
    again = gca.annotate_markers(asked, tissue="blood", model=gca.Asking(model, cache=tmp_path))
    assert (again.telemetry.requests, again.telemetry.cache_hits) == (0, 4)


@pytest.mark.parametrize(
    ("words", "n_threads"),
    [("I cannot help with that.", 8), ('{"clusters": []}', 1), ('{"clusters": [{"label": "B cell"}]}', 1)],
)
def test_a_model_that_never_gives_a_usable_answer(words, n_threads, tmp_path, lineages):
    """A model that always refuses in words: few requests for 100 questions, typed failures, nothing kept."""
    model = Scripted(lambda question, number: words)
    markers = {f"c{n}": lineages["B cell"] for n in range(200)}
    asking = gca.Asking(model, n_threads=n_threads, chunk_size=2, cache=tmp_path / "c")
    with pytest.warns(ModelWarning, match=f"none of its {MAX_UNUSABLE} replies could be used; the last one: the reply"):
        report = gca.annotate_markers(markers, tissue="blood", model=asking)
    assert MAX_UNUSABLE <= report.telemetry.requests < MAX_UNUSABLE + n_threads
    assert _flagged(report) == set(markers)
    assert not (tmp_path / "c").exists()


def test_a_model_that_answers_small_questions_only(lineages):
    """A model that never answers questions about many clusters is asked on, because it answers about few."""
    model = Scripted(lambda question, number: _right(question) if len(question["clusters"]) <= 2 else "Too many.")
    markers = {f"c{n}": lineages["B cell"] for n in range(8 * (MAX_UNUSABLE - 1))}
    report = gca.annotate_markers(markers, tissue="blood", model=gca.Asking(model, chunk_size=8, cache=False))
    assert _flagged(report) == set()
    assert report.telemetry.requests == 5 * (MAX_UNUSABLE - 1)


def test_every_task_comes_back_once():
    """Results and exceptions come with their tasks, also of tasks that came up on the way."""

    def work(n):
        if n % 5 == 0:
            raise ValueError(n)
        return n * n

    crew = Crew(work, 4)
    for n in range(20):
        crew.submit(n)
    found = {}
    for task, outcome in crew.results():
        found[task] = outcome
        if task < 20 and task % 2:
            crew.submit(task + 100)
    crew.dismiss()
    assert sorted(found) == [*range(20), *range(101, 120, 2)]
    assert all(isinstance(found[n], ValueError) if n % 5 == 0 else found[n] == n * n for n in found)


def test_no_more_threads_than_asked():
    """Never more than n_threads at work, and none for which there is nothing to do."""
    now, most, lock, enough = [0], [0], threading.Lock(), threading.Barrier(3)

    def work(_):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        enough.wait(timeout=30)
        with lock:
            now[0] -= 1

    crew = Crew(work, 3)
    for n in range(9):
        crew.submit(n)
    assert len(list(crew.results())) == 9
    assert most[0] == 3
    crew.dismiss()
    assert len(Crew(work, 8)._threads) == 0


def test_what_is_ready_is_read_without_waiting():
    """What came and was not read is there; what is still under way is not waited for."""
    go, came = threading.Event(), threading.Event()

    def work(n):
        if n:
            go.wait(timeout=30)
        else:
            came.set()
        return n

    crew = Crew(work, 2)
    crew.submit(0)
    crew.submit(1)
    assert came.wait(timeout=30)
    first = next(iter(crew.results()))
    assert first == (0, 0)
    assert list(crew.ready()) == []
    go.set()
    assert list(crew.results()) == [(1, 1)]
    crew.dismiss()


def test_a_task_that_is_first():
    """A task that is to be first is worked on before those that wait, in the order of such tasks."""
    begun, go, done = threading.Event(), threading.Event(), []

    def work(n):
        begun.set()
        go.wait(timeout=30)
        done.append(n)

    crew = Crew(work, 1)
    crew.submit(0)
    begun.wait(timeout=30)
    for n, first in ((1, False), (2, False), (3, True), (4, True)):
        crew.submit(n, first=first)
    go.set()
    assert [task for task, _ in crew.results()] == done == [0, 3, 4, 1, 2]
    crew.dismiss()
