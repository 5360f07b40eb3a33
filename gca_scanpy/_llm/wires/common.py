"""The interface of a wire format, and helpers to read replies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from attrs import frozen

from gca_scanpy._llm.endpoint import Endpoint
from gca_scanpy._llm.prompt import Message
from gca_scanpy._llm.wires.form import Form, Limit, Mode
from gca_scanpy.errors import RefusalError, ReplyError

CUT = "the reply was cut at the token limit; raise the limit of the server, or lower chunk_size"


@frozen
class Request:
    """A request: the path after the base URL, headers in addition to the usual ones, and the body."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


@frozen
class Usage:
    """Numbers of tokens in a request and its reply."""

    prompt: int
    completion: int


class Wire(Protocol):
    """A wire format.

    Attributes
    ----------
    modes
        The modes that the format supports, the strictest first.
    """

    modes: Sequence[Mode]

    def limits(self, endpoint: Endpoint) -> Sequence[Limit]:
        """How the tokens of a reply are bounded at this endpoint, in the order in which it is tried."""
        ...

    def request(
        self,
        endpoint: Endpoint,
        messages: Sequence[Message],
        schema: Mapping[str, Any],
        form: Form,
    ) -> Request:
        """The request that sends these messages."""
        ...

    def headers(self, endpoint: Endpoint) -> dict[str, str]:
        """The headers that a request needs in addition to the usual ones."""
        ...

    def text(self, reply: Mapping[str, Any]) -> str:
        """The text of a reply.

        Raises
        ------
        ReplyError
            If the reply has another format, or is empty.
        RefusalError
            If the model, or a filter of the service, refused to answer.
        """
        ...

    def is_cut(self, reply: Mapping[str, Any]) -> bool:
        """Whether the reply reached a token limit before its end."""
        ...

    def usage(self, reply: Mapping[str, Any]) -> Usage:
        """The tokens as the server counted them, or 0 if it did not."""
        ...


def own_messages(messages: Sequence[Message], form: Form) -> Sequence[Message]:
    """The messages in a form; without a message of the system, the instructions come before the question."""
    if form.instructions:
        return messages
    return [Message("user", "\n\n".join(message.content for message in messages))]


def first_object(value: Any, place: str) -> Mapping[str, Any]:
    """The first object of a list. If the value has no such object, the error names ``place``."""
    if not isinstance(value, list) or not value or not isinstance(value[0], dict):
        msg = f"the reply has no {place}"
        raise ReplyError(msg)
    item: Mapping[str, Any] = value[0]
    return item


def as_mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is an object, otherwise an empty one."""
    return value if isinstance(value, dict) else {}


def count_tokens(usage: Any, *names: str) -> int:
    """The sum of the named counts, without those that are missing or not valid."""
    counts = (as_mapping(usage).get(name) for name in names)
    return sum(int(n) for n in counts if isinstance(n, (int, float)) and not isinstance(n, bool) and 0 <= n < 1e12)


def require_text(text: str, *, cut: bool) -> str:
    """The text; raises :class:`ReplyError` if it is empty. ``cut`` is whether the reply reached the token limit."""
    if text.strip():
        return text
    msg = "the reply is empty"
    raise ReplyError(CUT if cut else msg)


def refusal(reason: Any) -> RefusalError:
    """The error for a model that refused to answer."""
    text = " ".join(str(reason).split())
    return RefusalError(f"the model refused to answer: {text[:200]}")
