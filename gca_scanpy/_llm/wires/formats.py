"""The wire formats: what a request looks like, and where its reply has the text and the tokens.

A new format is a class here, with its source; what several formats share is in ``common``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from gca_scanpy._llm import prompt
from gca_scanpy._llm.endpoint import Endpoint
from gca_scanpy._llm.prompt import Message
from gca_scanpy._llm.wires.common import (
    Form,
    Limit,
    Mode,
    Request,
    Usage,
    all_objects,
    as_json,
    as_mapping,
    count_tokens,
    cut_off,
    is_cut,
    is_models,
    join_texts,
    objects,
    own_messages,
    refusal,
    written,
)
from gca_scanpy._secrets import Secret

TOKENS_PER_CLUSTER = 300  # the longest answer that the schema allows
SPARE_TOKENS = 4000  # for a model that writes its thoughts before the answer


class OpenAI:
    """OpenAI's chat completions, which most other servers support too.

    Source: https://platform.openai.com/docs/api-reference/chat
    """

    modes: Sequence[Mode] = ("schema", "json", "text")

    def limits(self, endpoint: Endpoint) -> Sequence[Limit]:
        """How the tokens of a reply are bounded."""
        # A small model may repeat itself forever if its server has no limit.
        return ("max_tokens", "max_completion_tokens", None) if endpoint.is_self_run else (None,)

    def request(
        self,
        endpoint: Endpoint,
        messages: Sequence[Message],
        schema: Mapping[str, Any],
        form: Form,
    ) -> Request:
        """The request that sends these messages."""
        body: dict[str, Any] = {
            "model": endpoint.model,
            "messages": [{"role": m.role, "content": m.content} for m in own_messages(messages, form)],
        }
        if form.temperature is not None:
            body["temperature"] = form.temperature
        if form.limit:
            body[form.limit] = SPARE_TOKENS + TOKENS_PER_CLUSTER * prompt.count_clusters(schema)
        if form.mode == "schema":
            named_schema = {"name": "clusters", "strict": True, "schema": schema}
            body["response_format"] = {"type": "json_schema", "json_schema": named_schema}
        elif form.mode == "json":
            body["response_format"] = {"type": "json_object"}
        return Request("/chat/completions", self.headers(endpoint), body)

    def headers(self, endpoint: Endpoint) -> dict[str, Secret]:
        """The header with the key."""
        return {"Authorization": endpoint.key.map(lambda key: f"Bearer {key}")} if endpoint.key else {}

    def text(self, reply: Mapping[str, Any]) -> str:
        """The text of a reply; raises an error if the reply has no text."""
        choices = objects(reply.get("choices"), "choices")
        messages = [as_mapping(choice.get("message")) for choice in choices]
        for message in messages:
            declined = [part.get("refusal") for part in (message, *all_objects(message.get("content")))]
            if any(declined):
                raise refusal(next(filter(None, declined)))
        cut = is_cut(choice.get(name) for choice in choices for name in ("finish_reason", "native_finish_reason"))
        return join_texts([text for message in messages if is_models(message) for text in _texts(message)], cut=cut)

    def usage(self, reply: Mapping[str, Any]) -> Usage:
        """The tokens as the server counted them."""
        usage = reply.get("usage")
        return Usage(count_tokens(usage, "prompt_tokens"), count_tokens(usage, "completion_tokens"))


def _texts(message: Mapping[str, Any]) -> list[str]:
    """The content of a message, and the arguments of the functions that it calls."""
    called = [call.get("function") for call in all_objects(message.get("tool_calls"))]
    functions = [as_mapping(function) for function in (*called, message.get("function_call"))]
    return [written(message.get("content")), *(as_json(f["arguments"]) for f in functions if f.get("arguments"))]


ANTHROPIC_VERSION = "2023-06-01"
TOOL = "report_clusters"
MAX_TOKENS = 8192  # the API requires a limit; an answer has about 120 tokens per cluster
SMALL_MAX_TOKENS = 4096  # for models that do not accept more


class Anthropic:
    """Anthropic's messages. The model must use a tool, whose input is the answer.

    Source: https://docs.anthropic.com/en/api/messages
    """

    modes: Sequence[Mode] = ("schema", "text")

    def limits(self, endpoint: Endpoint) -> Sequence[Limit]:
        """How the tokens of a reply are bounded."""
        del endpoint
        return "max_tokens", None

    def request(
        self,
        endpoint: Endpoint,
        messages: Sequence[Message],
        schema: Mapping[str, Any],
        form: Form,
    ) -> Request:
        """The request that sends these messages."""
        messages = own_messages(messages, form)
        system = "\n".join(m.content for m in messages if m.role == "system")
        body: dict[str, Any] = {
            "model": endpoint.model,
            "max_tokens": MAX_TOKENS if form.limit else SMALL_MAX_TOKENS,
            **({"system": system} if system else {}),
            "messages": [{"role": "user", "content": m.content} for m in messages if m.role != "system"],
        }  # without the temperature, because the API no longer has this parameter
        if form.mode == "schema":
            tool = {"name": TOOL, "description": "Report what each cluster is.", "input_schema": schema}
            body.update(tools=[tool], tool_choice={"type": "tool", "name": TOOL})
        return Request("/messages", self.headers(endpoint), body)

    def headers(self, endpoint: Endpoint) -> dict[str, Secret]:
        """The headers with the key and the version of the API."""
        key = {"x-api-key": endpoint.key} if endpoint.key else {}
        return {**key, "anthropic-version": Secret(ANTHROPIC_VERSION)}

    def text(self, reply: Mapping[str, Any]) -> str:
        """The text of a reply; raises an error if the reply has no text."""
        content = reply.get("content") if is_models(reply) else None
        cut = is_cut([reply.get("stop_reason")], written(content))
        calls = [block for block in all_objects(content) if block.get("type") == "tool_use"]
        used = [as_json(call["input"]) for call in calls if call.get("name") in (None, TOOL) and call.get("input")]
        if used and cut:  # the part that arrived is complete JSON all the same
            raise cut_off(used[0])
        is_call = bool(calls) or reply.get("stop_reason") == "tool_use"  # text next to a call is no answer
        return join_texts(used if is_call else [written(content)], cut=cut)

    def usage(self, reply: Mapping[str, Any]) -> Usage:
        """The tokens as the server counted them."""
        usage = reply.get("usage")
        prompt = count_tokens(usage, "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        return Usage(prompt, count_tokens(usage, "output_tokens"))


class Gemini:
    """Gemini's generateContent.

    Source: https://ai.google.dev/api/generate-content
    """

    modes: Sequence[Mode] = ("schema", "json", "text")

    def limits(self, endpoint: Endpoint) -> Sequence[Limit]:
        """How the tokens of a reply are bounded."""
        del endpoint
        return (None,)

    def request(
        self,
        endpoint: Endpoint,
        messages: Sequence[Message],
        schema: Mapping[str, Any],
        form: Form,
    ) -> Request:
        """The request that sends these messages."""
        config: dict[str, Any] = {} if form.temperature is None else {"temperature": form.temperature}
        if form.mode != "text":
            config["responseMimeType"] = "application/json"
        if form.mode == "schema":
            config["responseSchema"] = openapi(schema)
        messages = own_messages(messages, form)
        system = [{"text": m.content} for m in messages if m.role == "system"]
        body: dict[str, Any] = {
            **({"systemInstruction": {"parts": system}} if system else {}),
            "contents": [{"role": "user", "parts": [{"text": m.content}]} for m in messages if m.role != "system"],
        }
        if config:
            body["generationConfig"] = config
        path = endpoint.model if "/" in endpoint.model else f"models/{endpoint.model}"
        return Request(f"/{quote(path)}:generateContent", self.headers(endpoint), body)

    def headers(self, endpoint: Endpoint) -> dict[str, Secret]:
        """The header with the key."""
        return {"x-goog-api-key": endpoint.key} if endpoint.key else {}

    def text(self, reply: Mapping[str, Any]) -> str:
        """The text of a reply; raises an error if the reply has no text."""
        blocked = as_mapping(reply.get("promptFeedback")).get("blockReason")
        if blocked:
            raise refusal(blocked)
        candidates = objects(reply.get("candidates"), "candidates")
        cut = is_cut(candidate.get("finishReason") for candidate in candidates)
        contents = [as_mapping(candidate.get("content")) for candidate in candidates]
        return join_texts([text for content in contents if is_models(content) for text in _parts(content)], cut=cut)

    def usage(self, reply: Mapping[str, Any]) -> Usage:
        """The tokens as the server counted them."""
        usage = reply.get("usageMetadata")
        return Usage(
            count_tokens(usage, "promptTokenCount"), count_tokens(usage, "candidatesTokenCount", "thoughtsTokenCount")
        )


def _parts(content: Mapping[str, Any]) -> list[str]:
    """The text of a content without the thoughts, and the arguments of the functions that it calls."""
    parts = [part for part in all_objects(content.get("parts")) if not part.get("thought")]
    calls = [as_mapping(part.get("functionCall")) for part in parts]
    return [written(parts), *(as_json(call["args"]) for call in calls if call.get("args"))]


def openapi(schema: Any) -> Any:
    """The JSON Schema in the OpenAPI dialect that ``responseSchema`` requires."""
    if not isinstance(schema, dict):
        return schema
    made: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "type" and isinstance(value, list):
            made["type"] = next(v for v in value if v != "null").upper()
            made["nullable"] = "null" in value
        elif key == "type":
            made["type"] = value.upper()
        elif key == "properties":
            made["properties"] = {name: openapi(entry) for name, entry in value.items()}
        elif key != "additionalProperties":
            made[key] = openapi(value)
    return made
