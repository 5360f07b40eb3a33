"""Gemini generateContent.

Source: https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

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
    is_cut,
    is_models,
    join_texts,
    objects,
    own_messages,
    refusal,
    written,
)
from gca_scanpy._secrets import Secret


class Gemini:
    """The wire format of Gemini's generateContent."""

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
        return join_texts([text for content in contents if is_models(content) for text in _texts(content)], cut=cut)

    def usage(self, reply: Mapping[str, Any]) -> Usage:
        """The tokens as the server counted them."""
        usage = reply.get("usageMetadata")
        return Usage(
            count_tokens(usage, "promptTokenCount"), count_tokens(usage, "candidatesTokenCount", "thoughtsTokenCount")
        )


def _texts(content: Mapping[str, Any]) -> list[str]:
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
