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
    Request,
    Usage,
    as_mapping,
    count_tokens,
    first_object,
    own_messages,
    refusal,
    require_text,
)
from gca_scanpy._llm.wires.form import Form, Limit, Mode

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

    def headers(self, endpoint: Endpoint) -> dict[str, str]:
        """The header with the key."""
        return {"Authorization": f"Bearer {endpoint.key.reveal()}"} if endpoint.key else {}

    def text(self, reply: Mapping[str, Any]) -> str:
        """The text of a reply; raises an error if the reply has no text."""
        choice = first_object(reply.get("choices"), "choices")
        message = as_mapping(choice.get("message"))
        if message.get("refusal"):
            raise refusal(message["refusal"])
        if choice.get("finish_reason") == "content_filter":
            raise refusal(choice["finish_reason"])
        text = _text(message.get("content"))
        return require_text(text, cut=self.is_cut(reply))

    def is_cut(self, reply: Mapping[str, Any]) -> bool:
        """Whether the reply reached a token limit before its end."""
        return first_object(reply.get("choices"), "choices").get("finish_reason") == "length"

    def usage(self, reply: Mapping[str, Any]) -> Usage:
        """The tokens as the server counted them."""
        usage = reply.get("usage")
        return Usage(count_tokens(usage, "prompt_tokens"), count_tokens(usage, "completion_tokens"))


def _text(content: Any) -> str:
    """The text of a content, which is a string or a list of parts."""
    if isinstance(content, list):
        return "".join(_text(as_mapping(part).get("text")) for part in content)
    return content if isinstance(content, str) else ""
