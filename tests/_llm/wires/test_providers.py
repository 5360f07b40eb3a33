"""Requests and replies against the models in the providers' own Python packages."""

from __future__ import annotations

import json

import pytest

from gca_scanpy._llm import prompt
from gca_scanpy._llm.endpoint import endpoint_of
from gca_scanpy._llm.prompt import Message
from gca_scanpy._llm.wires import WIRES, Form
from gca_scanpy._llm.wires.common import Usage
from gca_scanpy.errors import RefusalError, ReplyError

ASKED = [Message("system", "Name them."), Message("user", "{}")]
SCHEMA = prompt.reply_schema(["1", "CD4+"])
ANSWER = json.dumps({"clusters": [{"cluster_id": "1", "label": "T cell", "confidence": 0.9}]})


def sent(provider, mode, temperature=0.0):
    """The body of a request."""
    endpoint = endpoint_of(f"{provider}:some-model", {}, api_key="k")
    return WIRES[endpoint.wire].request(endpoint, ASKED, SCHEMA, Form(mode, temperature, "max_tokens")).body


@pytest.mark.parametrize("mode", ["schema", "json", "text"])
def test_openai_request(mode):
    """Every key and value is one that OpenAI's parameters know."""
    pytest.importorskip("openai", reason="the package openai is not installed")
    pydantic = pytest.importorskip("pydantic", reason="the package pydantic is not installed")
    from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming as Parameters

    body = sent("openai", mode)
    adapter = pydantic.TypeAdapter(Parameters)
    assert set(body) <= _keys(Parameters)
    found = adapter.validate_python(body)
    assert found["model"] == "some-model"
    if mode == "schema":
        assert body["response_format"]["json_schema"]["strict"] is True
        assert _strict(SCHEMA)


def _keys(parameters):
    return set(getattr(parameters, "__required_keys__", ())) | set(getattr(parameters, "__optional_keys__", ()))


def _strict(schema):
    """What OpenAI's strict mode asks: every property required, no other admitted, in every object."""
    if schema.get("type") == "object":
        whole = set(schema["required"]) == set(schema["properties"]) and schema["additionalProperties"] is False
        return whole and all(_strict(part) for part in schema["properties"].values())
    return _strict(schema["items"]) if schema.get("type") == "array" else True


def test_openai_reply():
    """Text, tokens, refusal and a cut reply, as OpenAI's own classes write them."""
    pytest.importorskip("openai", reason="the package openai is not installed")
    from openai.types.chat import ChatCompletion

    def reply(finish="stop", **message):
        return json.loads(
            ChatCompletion.model_validate(
                {
                    "id": "x",
                    "created": 1,
                    "model": "m",
                    "object": "chat.completion",
                    "choices": [
                        {
                            "index": 0,
                            "finish_reason": finish,
                            "message": {"role": "assistant", **message},
                            "logprobs": None,
                        }
                    ],
                    "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
                }
            ).model_dump_json()
        )

    wire = WIRES["openai"]
    assert wire.text(reply(content=ANSWER)) == ANSWER
    assert wire.usage(reply(content=ANSWER)) == Usage(11, 7)
    with pytest.raises(RefusalError, match="I will not"):
        wire.text(reply(content=None, refusal="I will not"))
    with pytest.raises(ReplyError, match="cut at the token limit"):
        wire.text(reply("length", content=""))


@pytest.mark.parametrize("mode", ["schema", "text"])
def test_anthropic_request(mode):
    """Every key and value is one that Anthropic's parameters know."""
    pytest.importorskip("anthropic", reason="the package anthropic is not installed")
    pydantic = pytest.importorskip("pydantic", reason="the package pydantic is not installed")
    from anthropic.types.message_create_params import MessageCreateParamsNonStreaming as Parameters

    body = sent("anthropic", mode)
    assert set(body) <= _keys(Parameters)
    assert set(Parameters.__required_keys__) <= set(body)
    pydantic.TypeAdapter(Parameters).validate_python(body)


def test_anthropic_reply():
    """The input of the tool, text, tokens, and a refusal, as Anthropic's own classes write them."""
    pytest.importorskip("anthropic", reason="the package anthropic is not installed")
    from anthropic.types import Message as Reply

    def reply(content, stop="tool_use"):
        made = Reply.model_validate(
            {
                "id": "x",
                "type": "message",
                "role": "assistant",
                "model": "m",
                "content": content,
                "stop_reason": stop,
                "stop_sequence": None,
                "usage": {"input_tokens": 11, "output_tokens": 7, "cache_read_input_tokens": 5},
            }
        )
        return json.loads(made.model_dump_json())

    wire = WIRES["anthropic"]
    tool = {"type": "tool_use", "id": "t", "name": "report_clusters", "input": json.loads(ANSWER)}
    assert json.loads(wire.text(reply([{"type": "text", "text": "Sure."}, tool]))) == json.loads(ANSWER)
    assert wire.text(reply([{"type": "text", "text": ANSWER}], "end_turn")) == ANSWER
    assert wire.usage(reply([tool])) == Usage(16, 7)
    with pytest.raises(RefusalError):
        wire.text(reply([{"type": "text", "text": "No."}], "refusal"))
    with pytest.raises(ReplyError, match="cut at the token limit"):
        wire.text(reply([], "max_tokens"))


@pytest.mark.parametrize("mode", ["schema", "json", "text"])
def test_gemini_request(mode):
    """Contents, system instruction, configuration and schema are those of Google's own classes, with no other key."""
    pytest.importorskip("google.genai", reason="the package google-genai is not installed")
    from google.genai import types

    body = sent("gemini", mode)
    assert set(body) <= {"contents", "systemInstruction", "generationConfig"}
    for content in (*body["contents"], body["systemInstruction"]):
        types.Content.model_validate(content)
    config = types.GenerationConfig.model_validate(body["generationConfig"])
    if mode == "schema":
        entry = config.response_schema.properties["clusters"].items
        assert entry.type == types.Type.OBJECT
        assert entry.properties["cluster_id"].enum == ["1", "CD4+"]
        assert entry.properties["ontology_id"].nullable is True


def test_gemini_reply():
    """Text without thoughts, tokens, a blocked prompt and a stopped reply, as Google's own classes write them."""
    pytest.importorskip("google.genai", reason="the package google-genai is not installed")
    from google.genai import types

    def reply(**fields):
        usage = {"promptTokenCount": 11, "candidatesTokenCount": 5, "thoughtsTokenCount": 2}
        made = types.GenerateContentResponse.model_validate({"usageMetadata": usage, **fields})
        return json.loads(made.model_dump_json(by_alias=True, exclude_none=True))

    def candidate(*parts, finish="STOP"):
        return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "finishReason": finish}]}

    wire = WIRES["gemini"]
    whole = reply(**candidate({"text": "hm", "thought": True}, {"text": ANSWER[:9]}, {"text": ANSWER[9:]}))
    assert wire.text(whole) == ANSWER
    assert wire.usage(whole) == Usage(11, 7)
    with pytest.raises(RefusalError, match="SAFETY"):
        wire.text(reply(promptFeedback={"blockReason": "SAFETY"}))
    with pytest.raises(RefusalError, match="SAFETY"):
        wire.text(reply(**candidate(finish="SAFETY")))
    with pytest.raises(ReplyError, match="cut at the token limit"):
        wire.text(reply(**candidate(finish="MAX_TOKENS")))
