"""Anthropic messages. The model must use a tool, whose input is the answer.

Source: https://docs.anthropic.com/en/api/messages
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
    count_tokens,
    cut_off,
    is_cut,
    is_models,
    join_texts,
    own_messages,
    written,
)
from gca_scanpy._secrets import Secret

VERSION = "2023-06-01"
TOOL = "report_clusters"
MAX_TOKENS = 8192  # the API requires a limit; an answer has about 120 tokens per cluster
SMALL_MAX_TOKENS = 4096  # for models that do not accept more


class Anthropic:
    """The wire format of Anthropic's messages."""

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
        return {**key, "anthropic-version": Secret(VERSION)}

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
