"""OpenAI chat completions, which most other servers speak too.

Source: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gca_scanpy._llm import prompt
from gca_scanpy._llm.endpoint import Endpoint
from gca_scanpy._llm.prompt import Message
from gca_scanpy._llm.wires.common import Mode, Sent, Usage, filled, first, mapping, refuse, tokens

MAX_TOKENS = 300  # for each cluster; the longest answer that the schema admits
SPARE_TOKENS = 4000  # for a model that thinks aloud before it answers


class OpenAI:
    """Chat completions."""

    modes: Sequence[Mode] = ("schema", "json", "text")

    def request(
        self,
        endpoint: Endpoint,
        messages: Sequence[Message],
        schema: Mapping[str, Any],
        mode: Mode,
        temperature: float | None,
    ) -> Sent:
        """The request for some messages."""
        body: dict[str, Any] = {
            "model": endpoint.model,
            "messages": [{"role": m.role, "content": m.content} for m in messages],
        }
        if temperature is not None:
            body["temperature"] = temperature
        if endpoint.is_self_run:  # a small model may repeat itself until its server's limit, which may be none
            body["max_tokens"] = SPARE_TOKENS + MAX_TOKENS * prompt.asked_in(schema)
        if mode == "schema":
            named = {"name": "clusters", "strict": True, "schema": schema}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        elif mode == "json":
            body["response_format"] = {"type": "json_object"}
        return Sent("/chat/completions", self.headers(endpoint), body)

    def headers(self, endpoint: Endpoint) -> dict[str, str]:
        """The key."""
        return {"Authorization": f"Bearer {endpoint.key.reveal()}"} if endpoint.key else {}

    def text(self, reply: Mapping[str, Any]) -> str:
        """The text of a reply; raises where there is none."""
        choice = first(reply.get("choices"), "choices")
        message = mapping(choice.get("message"))
        if message.get("refusal"):
            raise refuse(message["refusal"])
        if choice.get("finish_reason") == "content_filter":
            raise refuse(choice["finish_reason"])
        text = _text(message.get("content"))
        return filled(text, cut=choice.get("finish_reason") == "length")

    def usage(self, reply: Mapping[str, Any]) -> Usage:
        """The tokens of a reply as the server counts them."""
        usage = reply.get("usage")
        return Usage(tokens(usage, "prompt_tokens"), tokens(usage, "completion_tokens"))


def _text(content: Any) -> str:
    """Content is a text, or a list of parts of which some are text."""
    if isinstance(content, list):
        return "".join(_text(mapping(part).get("text")) for part in content)
    return content if isinstance(content, str) else ""
