"""Anthropic messages; the answer is the input of a tool that the model must use.

Source: https://docs.anthropic.com/en/api/messages
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gca_scanpy._llm.endpoint import Endpoint
from gca_scanpy._llm.prompt import Message
from gca_scanpy._llm.wires.common import Mode, Sent, Usage, filled, mapping, refuse, tokens

VERSION = "2023-06-01"
TOOL = "report_clusters"
MAX_TOKENS = 8192  # the API wants a number; an answer takes about 120 tokens for each cluster


class Anthropic:
    """Messages."""

    modes: Sequence[Mode] = ("schema", "text")

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
            "max_tokens": MAX_TOKENS,
            "system": "\n".join(m.content for m in messages if m.role == "system"),
            "messages": [{"role": "user", "content": m.content} for m in messages if m.role != "system"],
        }
        del temperature  # not a parameter of the API any more
        if mode == "schema":
            tool = {"name": TOOL, "description": "Report what each cluster is.", "input_schema": schema}
            body.update(tools=[tool], tool_choice={"type": "tool", "name": TOOL})
        return Sent("/messages", self.headers(endpoint), body)

    def headers(self, endpoint: Endpoint) -> dict[str, str]:
        """The key, and the version of the API."""
        key = {"x-api-key": endpoint.key.reveal()} if endpoint.key else {}
        return {**key, "anthropic-version": VERSION}

    def text(self, reply: Mapping[str, Any]) -> str:
        """The text of a reply; raises where there is none."""
        blocks = reply.get("content")
        blocks = [mapping(block) for block in blocks] if isinstance(blocks, list) else []
        if reply.get("stop_reason") == "refusal":
            raise refuse("".join(str(b.get("text") or "") for b in blocks) or "it gave no reason")
        used = [b.get("input") for b in blocks if b.get("type") == "tool_use"]
        written = [b["text"] for b in blocks if b.get("type") == "text" and isinstance(b.get("text"), str)]
        text = json.dumps(used[0]) if used else "".join(written)
        return filled(text, cut=reply.get("stop_reason") == "max_tokens")

    def usage(self, reply: Mapping[str, Any]) -> Usage:
        """The tokens of a reply as the server counts them."""
        usage = reply.get("usage")
        prompt = tokens(usage, "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        return Usage(prompt, tokens(usage, "output_tokens"))
