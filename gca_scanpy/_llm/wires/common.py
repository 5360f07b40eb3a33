"""What every wire format has: how an answer is constrained, a body to send, a reply to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from attrs import frozen

from gca_scanpy._llm.endpoint import Endpoint
from gca_scanpy._llm.prompt import Message
from gca_scanpy.errors import RefusalError, ReplyError

# From the strictest down: by a JSON Schema, as any JSON, as text.
Mode = Literal["schema", "json", "text"]


@frozen
class Sent:
    """A request: path after the base URL, headers beside the usual, body."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


@frozen
class Usage:
    """Tokens of a request and its reply."""

    prompt: int
    completion: int


class Wire(Protocol):
    """A wire format."""

    modes: Sequence[Mode]

    def request(
        self,
        endpoint: Endpoint,
        messages: Sequence[Message],
        schema: Mapping[str, Any],
        mode: Mode,
        temperature: float | None,
    ) -> Sent:
        """The request for some messages."""
        ...

    def headers(self, endpoint: Endpoint) -> dict[str, str]:
        """What a request must carry beside the usual headers."""
        ...

    def text(self, reply: Mapping[str, Any]) -> str:
        """The text of a reply.

        Raises
        ------
        ReplyError
            Where the reply is not of this format, or empty.
        RefusalError
            Where the model, or a filter, would not answer.
        """
        ...

    def usage(self, reply: Mapping[str, Any]) -> Usage:
        """The tokens of a reply as the server counts them, 0 where it does not."""
        ...


def first(value: Any, place: str) -> Mapping[str, Any]:
    """The first object of a list; ``place`` is named where there is none."""
    if not isinstance(value, list) or not value or not isinstance(value[0], dict):
        msg = f"the reply has no {place}"
        raise ReplyError(msg)
    found: Mapping[str, Any] = value[0]
    return found


def mapping(value: Any) -> Mapping[str, Any]:
    """An object, or an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def tokens(usage: Any, *names: str) -> int:
    """Sum of the named counts of tokens, as far as the server gives them."""
    counts = (mapping(usage).get(name) for name in names)
    return sum(int(n) for n in counts if isinstance(n, (int, float)) and not isinstance(n, bool) and 0 <= n < 1e12)


def filled(text: str, *, cut: bool) -> str:
    """A text that is not empty; raises :class:`ReplyError` where it is."""
    if text.strip():
        return text
    msg = "the reply was cut at the token limit before its text began" if cut else "the reply is empty"
    raise ReplyError(msg)


def refuse(*reasons: Any) -> RefusalError:
    """The error for a model that will not answer."""
    said = ": ".join(" ".join(str(reason).split()) for reason in reasons)
    return RefusalError(f"the model refused to answer: {said[:200]}")
