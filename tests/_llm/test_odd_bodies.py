"""Odd bodies of replies in three wire formats: right labels or a typed failure, and nothing wrong in the cache."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gca_scanpy as gca
from gca_scanpy._llm import reply
from gca_scanpy._llm.wires import WIRES
from gca_scanpy._steps import ClusterMarkers, RankedGene
from gca_scanpy.errors import ModelError, ModelWarning

RIGHT = {"0": "T cell", "1": "B cell"}
ASKED = [ClusterMarkers(key, (RankedGene("CD3E"),)) for key in RIGHT]
ENTRIES = [
    {
        "cluster_id": key,
        "label": label,
        "ontology_id": None,
        "confidence": 0.9,
        "rationale": "by genes",
        "supporting_genes": ["CD3E"],
        "alternatives": [],
        "caveats": [],
    }
    for key, label in RIGHT.items()
]
WRONG = json.dumps({"clusters": [{**entry, "label": "neuron"} for entry in ENTRIES]})
DEEP = json.loads("[" * 900 + "]" * 900)
JUNK = [
    None,
    True,
    0,
    -1,
    2.5,
    float("nan"),
    10**400,
    "",
    "\ud800",
    "\x00",
    [],
    {},
    [[]],
    [None],
    {"a": {"b": []}},
    DEEP,
]


def openai(text, **message):
    """A body in OpenAI's format."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop"}
    return {"id": "x", "choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 9}}


def anthropic(text):
    """A body in Anthropic's format, with text."""
    content = [{"type": "text", "text": text}]
    return {"content": content, "stop_reason": "end_turn", "usage": {"input_tokens": 9, "output_tokens": 9}}


def tool(arguments, thought=""):
    """A body in Anthropic's format, with a text and a tool."""
    block = {"type": "tool_use", "id": "t", "name": "report_clusters", "input": arguments}
    return {**anthropic(""), "content": [{"type": "text", "text": thought}, block], "stop_reason": "tool_use"}


def gemini(text):
    """A body in Gemini's format."""
    parts = [{"text": text}]
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}
    return {"candidates": [candidate], "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 9}}


def call(arguments):
    """A body in OpenAI's format that calls a function."""
    function = {"name": "report_clusters", "arguments": arguments}
    return openai(None, tool_calls=[{"id": "c", "type": "function", "function": function}])


def old_call(arguments):
    """A body in OpenAI's older format that calls a function."""
    return openai(None, function_call={"name": "report_clusters", "arguments": arguments})


def gemini_call(arguments):
    """A body in Gemini's format that calls a function."""
    body = gemini("")
    body["candidates"][0]["content"]["parts"] = [{"functionCall": {"name": "report_clusters", "args": arguments}}]
    return body


ANSWER = {"clusters": ENTRIES}
TEXT = json.dumps(ANSWER)
FORMS = {
    "openai": ("openai", openai(TEXT)),
    "parts": ("openai", openai([{"type": "text", "text": TEXT[:30]}, {"type": "text", "text": TEXT[30:]}])),
    "output": ("openai", openai([{"type": "thinking", "text": WRONG}, {"type": "output_text", "text": TEXT}])),
    "strings": ("openai", openai([TEXT[:30], TEXT[30:]])),
    "object": ("openai", openai(ANSWER)),
    "call": ("openai", call(TEXT)),
    "call with an object": ("openai", call(ANSWER)),
    "call and content": ("openai", openai("Done.", tool_calls=call(TEXT)["choices"][0]["message"]["tool_calls"])),
    "older call": ("openai", old_call(TEXT)),
    "anthropic": ("anthropic", tool(ANSWER)),
    "anthropic, text": ("anthropic", anthropic(TEXT)),
    "anthropic, thought": ("anthropic", tool(ANSWER, thought=WRONG)),
    "anthropic, string": ("anthropic", tool(TEXT)),
    "gemini": ("gemini", gemini(TEXT)),
    "gemini, call": ("gemini", gemini_call(ANSWER)),
}  # fmt: skip


def labels(wire, body):
    """The labels in the body of a reply."""
    WIRES[wire].usage(body)
    return {v.cluster_id: v.label for v in reply.parse(WIRES[wire].text(body), ASKED).verdicts}


@pytest.mark.parametrize("form", FORMS)
def test_usual_forms(form):
    """Text, parts, an object, calls of tools and functions, with a thought beside it: the answer is read."""
    assert labels(*FORMS[form]) == RIGHT


def _places(value, place=()):
    """The path of everything in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*place, key)
        yield from _places(item, (*place, key))


def _changed(body, place, change):
    """The body with another value at a place."""
    made = copy.deepcopy(body)
    *way, last = place
    parent = made
    for key in way:
        parent = parent[key]
    change(parent, last)
    return made


def _never_wrong(wire, body):
    """A body gives no label but the right ones, or an error of the model."""
    try:
        found = labels(wire, body)
    except ModelError:
        return
    assert found.items() <= RIGHT.items()


@pytest.mark.parametrize(
    "form", ["openai", "call with an object", "anthropic", "anthropic, text", "gemini", "gemini, call"]
)
def test_any_value_at_any_place(form):
    """Junk in the place of any field, a missing field, and a field in a list: no wrong label and no foreign error."""
    wire, body = FORMS[form]
    for place in _places(body):
        for junk in JUNK:
            _never_wrong(wire, _changed(body, place, lambda parent, key, junk=junk: parent.__setitem__(key, junk)))
        _never_wrong(wire, _changed(body, place, lambda parent, key: parent.pop(key)))
        _never_wrong(wire, _changed(body, place, lambda parent, key: parent.__setitem__(key, [parent[key]])))


@pytest.mark.parametrize("make", [openai, call, old_call, anthropic, tool, gemini], ids=lambda make: make.__name__)
def test_a_text_that_is_cut_anywhere(make):
    """Wherever the text of a reply ends: no label from it, and the right ones from the whole."""
    wire = make.__name__ if make.__name__ in WIRES else "anthropic" if make is tool else "openai"
    for end in range(len(TEXT)):
        with pytest.raises(ModelError):
            labels(wire, make(TEXT[:end]))
    assert labels(wire, make(TEXT)) == RIGHT


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        ("openai", {**openai(TEXT), "choices": [*openai(WRONG)["choices"], *openai(TEXT)["choices"]]}),
        ("openai", openai(WRONG, tool_calls=call(TEXT)["choices"][0]["message"]["tool_calls"])),
        ("openai", openai(None, tool_calls=[{"function": {"arguments": text}} for text in (WRONG, TEXT)])),
        ("openai", openai([{"type": "text", "text": WRONG}, {"type": "text", "text": TEXT}])),
        ("anthropic", {**tool(ANSWER), "content": [*tool(json.loads(WRONG))["content"], *tool(ANSWER)["content"]]}),
        ("anthropic", {**tool(ANSWER), "stop_reason": "max_tokens"}),
        ("gemini", {**gemini(TEXT), "candidates": [*gemini(WRONG)["candidates"], *gemini(TEXT)["candidates"]]}),
        ("openai", {**openai(TEXT), "choices": [{"message": {"content": f"{WRONG} No:"}, "finish_reason": "length"}]}),
        ("gemini", {"candidates": [{"content": {"parts": [{"text": WRONG + "No"}]}, "finishReason": "MAX_TOKENS"}]}),
    ],
)
def test_several_answers_in_a_body(wire, body):
    """Two choices, two calls, content and call, two parts that differ, or a reply cut after a draft: none counts."""
    with pytest.raises(ModelError):
        labels(wire, body)


def _finished(wire, reason, text=WRONG):
    """A body whose text is a whole answer, and that ends for a reason."""
    body = {"openai": openai, "anthropic": anthropic, "gemini": gemini}[wire](text)
    if wire == "anthropic":
        return {**body, "stop_reason": reason}
    name = "finish_reason" if wire == "openai" else "finishReason"
    body["choices" if wire == "openai" else "candidates"][0][name] = reason
    return body


@pytest.mark.parametrize("reason", ["error", "ABORT", "cancelled", "pause_turn", "SAFETY", "content_filter", "refusal"])
@pytest.mark.parametrize("wire", WIRES)
def test_an_answer_that_was_not_finished(wire, reason):
    """A whole answer in a reply that failed, was stopped, or was filtered does not count."""
    with pytest.raises(ModelError):
        labels(wire, _finished(wire, reason))


@pytest.mark.parametrize("reason", ["stop", "STOP", "end_turn", "eos", None, "", "other"])
@pytest.mark.parametrize("wire", WIRES)
def test_an_answer_that_was_finished(wire, reason):
    """However a server says that a reply is finished, or if it does not say, the answer is read."""
    assert labels(wire, _finished(wire, reason, TEXT)) == RIGHT


@pytest.mark.parametrize(
    "reason", ["length", "max_tokens", "MAX_TOKENS", "model_context_window_exceeded", "max_length"]
)
@pytest.mark.parametrize("wire", WIRES)
def test_a_draft_in_a_reply_that_was_cut(wire, reason):
    """Whatever a server calls its limit, a draft with words after it is no answer."""
    with pytest.raises(ModelError):
        labels(wire, _finished(wire, reason, f"{WRONG}\nBut"))


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        ("openai", openai([{"type": "text", "text": WRONG}, {"type": "refusal", "refusal": "I take this back"}])),
        ("openai", openai(WRONG, role="user")),
        ("openai", {"choices": [{**openai(WRONG)["choices"][0], "native_finish_reason": "SAFETY"}]}),
        ("anthropic", {**tool(None), "content": [{"type": "tool_use", "name": "search", "input": json.loads(WRONG)}]}),
        ("anthropic", {**anthropic(WRONG), "role": "user"}),
        ("anthropic", {**anthropic(WRONG), "stop_reason": "tool_use"}),
    ],
)
def test_an_answer_that_is_not_the_models(wire, body):
    """A refusal beside the text, an echo, a filter behind a gateway, and a call of another tool: none counts."""
    with pytest.raises(ModelError):
        labels(wire, body)


def test_a_cut_after_the_answer():
    """A reply that reached the token limit with its answer complete is read."""
    body = openai(f"```json\n{TEXT}\n```")
    body["choices"][0]["finish_reason"] = "length"
    assert labels("openai", body) == RIGHT


@pytest.mark.parametrize(
    ("wire", "make"), [("openai", call), ("anthropic", tool), ("gemini", gemini_call), ("openai", openai)]
)
def test_an_object_nested_too_deep(wire, make):
    """An answer as an object that is nested deeper than Python can follow is an error of the reply."""
    deep = {"clusters": []}
    for _ in range(100_000):
        deep = {"a": deep}
    with pytest.raises(ModelError):
        labels(wire, make(deep))


@given(st.sampled_from(sorted(FORMS)), st.data())
def test_several_changes(form, data):
    """Several places changed at once: still no wrong label and no foreign error."""
    wire, body = FORMS[form]
    for _ in range(data.draw(st.integers(1, 3))):
        places = list(_places(body))
        if not places:
            break
        place = data.draw(st.sampled_from(places))
        junk = data.draw(st.sampled_from(JUNK) | st.sampled_from([TEXT, ANSWER, ENTRIES]))
        body = _changed(body, place, lambda parent, key, junk=junk: parent.__setitem__(key, junk))
    _never_wrong(wire, body)


def _odd_bodies(entry):
    """Bodies of a reply about one cluster, as bytes: odd ones that hold the answer, and such that do not."""
    right, wrong = (json.dumps({"clusters": [{**entry, "label": label}]}) for label in (entry["label"], "neuron"))
    dump = json.dumps(openai(right))
    texts = [
        f"{wrong}\n{right}",
        f"Format: {wrong}\nAnswer: {right}",
        f"{right}\nor {wrong}",
        f"{wrong}\n{right[:-9]}",
        f"<think>{wrong}</think>{right}",
        f"<think>{wrong}",
        right[:-1],
        right.replace('"label"', '"label": "neuron", "label"'),
        json.dumps({"clusters": [{**entry, "label": "neuron"}, entry]}),
        json.dumps({"clusters": [{**entry, "cluster_id": None, "label": "neuron"}]}),
        json.dumps({"clusters": [{**entry, "cluster_id": entry["cluster_id"] + "0", "label": "neuron"}]}),
        json.dumps({"clusters": [{**entry, "label": None}]}),
        "[" * 5000,
        "I cannot help with that.",
        "\ud83d",
        right.replace("}", ",}"),
    ]
    return [json.dumps(openai(text)).encode() for text in texts] + [
        b"\xef\xbb\xbf" + dump.encode(),
        dump.encode().replace(b'"stop"', b'{"a":' * 400 + b"1" + b"}" * 400),
        json.dumps(call(right)).encode(),
        json.dumps(openai([DEEP, {"text": [DEEP]}])).encode(),
    ]


def test_odd_bodies_in_a_run(serve, model_of, fault, lineages, tmp_path):
    """Each cluster has its own odd body: its right label or the offline one, flagged; only right answers are kept."""
    genes = list(lineages["B cell"])
    n_bodies = len(_odd_bodies({"cluster_id": "", "label": ""}))
    markers = {key: genes for i in range(n_bodies) for key in (f"odd-{i}", f"plain-{i}")}

    def answer(request, _):
        (entry,) = request.entries()
        kind, number = entry["cluster_id"].split("-")
        return fault.Raw(body=_odd_bodies(entry)[int(number)]) if kind == "odd" else None

    asking = gca.Asking(model_of(serve(answer), deadline=9), chunk_size=1, cache=tmp_path)
    with pytest.warns(ModelWarning, match="gave no answer"):
        report = gca.annotate_markers(markers, tissue="blood", model=asking)
    unanswered = {c.cluster_id for c in report.clusters if "llm_unavailable" in c.validation.flag_reasons}
    assert {c.annotation.proposed_label for c in report.clusters if c.cluster_id not in unanswered} == {"B cell"}
    assert {key for key in markers if key.startswith("plain")}.isdisjoint(unanswered)
    kept = [json.loads(path.read_bytes())["answer"] for path in tmp_path.rglob("*.json")]
    assert {answer["label"] for answer in kept} == {"B cell"}
    assert {answer["cluster_id"] for answer in kept} == set(markers) - unanswered
    assert {"odd-4", "odd-15", "odd-18"}.isdisjoint(unanswered)
    gca.io.to_json(report, tmp_path / "report.json")
    assert gca.io.read_report(tmp_path / "report.json").clusters == report.clusters


def test_half_of_an_emoji_in_an_error(serve, model_of, fault, lineages, tmp_path):
    """A lone surrogate in the error of a server does not make the report unwritable."""
    body = json.dumps({"error": {"message": "no \ud83d today"}}).encode()
    model = model_of(serve(lambda *_: fault.Raw(401, body)))
    with pytest.warns(ModelWarning, match="no . today"):
        report = gca.annotate_markers(lineages, tissue="blood", model=gca.Asking(model, cache=False))
    gca.io.to_json(report, tmp_path / "report.json")
    assert gca.io.read_report(tmp_path / "report.json").clusters == report.clusters
