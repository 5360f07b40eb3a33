"""OpenAI chat completions, which most other servers support too.

Source: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
    is_cut,
    is_models,
    join_texts,
    objects,
    own_messages,
    refusal,
    written,
)
from gca_scanpy._secrets import Secret

MAX_TOKENS = 300  # per cluster; the longest answer that the schema allows
SPARE_TOKENS = 4000  # for a model that writes its thoughts before the answer


class OpenAI:
    """The wire format of OpenAI's chat completions."""

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
            body[form.limit] = SPARE_TOKENS + MAX_TOKENS * prompt.count_clusters(schema)
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
