"""The interface of a wire format, the forms that a request may have, and helpers to read replies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Optional, Protocol

from attrs import evolve, frozen

from gca_scanpy._llm.endpoint import Endpoint
from gca_scanpy._llm.prompt import Message
from gca_scanpy._secrets import Secret
from gca_scanpy.errors import RefusalError, ReplyError

# Why a reply ended, in the words of several services, because a gateway passes on those of the service behind it.
_LIMIT = re.compile(
    r"length|max_?(?:length|(?:(?:output|new|completion)_?)?tokens)|token_limit|.*context_window.*", re.I
)
_FILTER = re.compile(
    r"(?:content_?)?filter(?:ed)?|content_policy\w*|refus(?:al|ed)|safety|recitation|blocklist|blocked|spii|language"
    r"|prohibited_content|.*_(?:safety|prohibited_content|recitation)",
    re.I,
)
_UNFINISHED = re.compile(
    r"error|fail(?:ed|ure)|abort(?:ed)?|cancel(?:l?ed)?|pause_turn|incomplete|time_?out|malformed_.*", re.I
)
_NO_MODEL = {"user", "system", "developer", "tool", "function"}  # roles in a chat

# How a server restricts its reply, from the strictest mode down: to a JSON Schema, to any JSON, or not at all.
Mode = Literal["schema", "json", "text"]
# The parameter that bounds the tokens of a reply; None leaves the bound to the server.
Limit = Optional[Literal["max_tokens", "max_completion_tokens"]]

# What servers call the parts of a request in the message of an error.
_NAMES: Mapping[str, re.Pattern[str]] = {
    part: re.compile(pattern, re.IGNORECASE)
    for part, pattern in {
        "temperature": r"temperature",
        "limit": r"max[_ ](?:completion[_ ]|output[_ ]|new[_ ])?tokens|maxOutputTokens",
        "instructions": r"\bsystem\b|system_?instruction|developer (?:instruction|message|role)|messages\[0\]\.role",
        "mode": r"response_?(?:format|mime|schema)|json[_ ](?:schema|object|mode)|schema|\btools?\b|tool_choice"
        r"|structured output|grammar",
    }.items()
}


@frozen
class Form:
    """The form of a request.

    Attributes
    ----------
    mode
        How the reply is restricted.
    temperature
        Sampling temperature; None leaves it to the server.
    limit
        How the tokens of the reply are bounded.
    instructions
        Whether the instructions are a message of the system; otherwise they come before the question.
    """

    mode: Mode
    temperature: Optional[float]
    limit: Limit
    instructions: bool = True


def simpler(
    form: Form, detail: str, modes: Sequence[Mode], limits: Sequence[Limit], *, only_named: bool = False
) -> Optional[Form]:
    """The form to try after a server refused this one; None if there is no simpler one.

    Parameters
    ----------
    detail
        What the server wrote. If it names parts of the request, these change; otherwise first the mode, which is what
        servers lack most often.
    modes, limits
        Those of the wire format, in the order in which they are tried.
    only_named
        Change nothing that the server does not name.
    """
    steps: dict[str, dict[str, Any]] = {
        "temperature": {} if form.temperature is None else {"temperature": None},
        "limit": _next("limit", limits, form.limit),
        "instructions": {"instructions": False} if form.instructions else {},
        "mode": _next("mode", modes, form.mode),
    }
    named: dict[str, Any] = {}
    for part, step in steps.items():
        if _NAMES[part].search(detail):
            named.update(step)
    if named or only_named:
        return evolve(form, **named) if named else None
    bare = evolve(form, temperature=None, limit=limits[-1])
    if steps["mode"] or bare == form:
        change = steps["mode"] or steps["instructions"]
        return evolve(form, **change) if change else None
    return bare


def _next(name: str, values: Sequence[Any], value: Any) -> dict[str, Any]:
    """The value after this one under its name; nothing if it is the last."""
    later = list(values)[list(values).index(value) + 1 :]
    return {name: later[0]} if later else {}


@frozen
class Request:
    """A request: the path after the base URL, headers in addition to the usual ones, and the body."""

    path: str
    headers: Mapping[str, Secret]
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

    def headers(self, endpoint: Endpoint) -> dict[str, Secret]:
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

    def usage(self, reply: Mapping[str, Any]) -> Usage:
        """The tokens as the server counted them, or 0 if it did not."""
        ...


def own_messages(messages: Sequence[Message], form: Form) -> Sequence[Message]:
    """The messages in a form; without a message of the system, the instructions come before the question."""
    if form.instructions:
        return messages
    return [Message("user", "\n\n".join(message.content for message in messages))]


def objects(value: Any, place: str) -> list[Mapping[str, Any]]:
    """The objects of a list. If the value has no object, the error names ``place``."""
    found = all_objects(value)
    if not found:
        msg = f"the reply has no {place}"
        raise ReplyError(msg)
    return found


def all_objects(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list; none if the value is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def as_mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is an object, otherwise an empty one."""
    return value if isinstance(value, dict) else {}


def is_models(message: Mapping[str, Any]) -> bool:
    """Whether the model wrote a message; another role is an echo of what was sent."""
    role = message.get("role")
    return not (isinstance(role, str) and role in _NO_MODEL)


def is_cut(reasons: Iterable[Any], said: Any = None) -> bool:
    """Whether a reply ended at the token limit, by the reasons that it gives for its end.

    Parameters
    ----------
    said
        What the model wrote, which the error for a refusal shows.

    Raises
    ------
    RefusalError
        If the model or a filter ended the reply.
    ReplyError
        If the reply was not finished for another reason, such as a failure of the server.
    """
    ends = [reason for reason in reasons if isinstance(reason, str)]
    for end in ends:
        if _FILTER.fullmatch(end):
            raise refusal(said or end)
        if _UNFINISHED.fullmatch(end):
            msg = f"the reply was not finished: the server ended it with {end[:50]!r}"
            raise ReplyError(msg)
    return any(_LIMIT.fullmatch(end) for end in ends)


def count_tokens(usage: Any, *names: str) -> int:
    """The sum of the named counts, without those that are missing or not valid."""
    counts = (as_mapping(usage).get(name) for name in names)
    return sum(int(n) for n in counts if isinstance(n, (int, float)) and not isinstance(n, bool) and 0 <= n < 1e12)


def written(content: Any) -> str:
    """The text of a content, which is a text, a list of texts and of parts with one, or the answer as an object.

    Parts of other types, such as thoughts, are left out.
    """
    if isinstance(content, list):
        parts = [{"text": part} if isinstance(part, str) else as_mapping(part) for part in content]
        texts = [part.get("text") for part in parts if part.get("type") in (None, "text", "output_text")]
        return "".join(text for text in texts if isinstance(text, str))
    return as_json(content) if isinstance(content, dict) else content if isinstance(content, str) else ""


def as_json(arguments: Any) -> str:
    """The arguments of a tool as text; some servers give them as an object, others as the text of one."""
    try:
        return arguments if isinstance(arguments, str) else json.dumps(arguments)
    except RecursionError:
        msg = "the reply is nested too deep"
        raise ReplyError(msg) from None


def join_texts(texts: Iterable[str], *, cut: bool) -> str:
    """The texts of a reply as one, so that the parser sees every answer in it.

    Parameters
    ----------
    cut
        Whether the reply reached the token limit; a text that does not end with an answer is then incomplete.

    Raises
    ------
    ReplyError
        If there is no text, or it is incomplete.
    """
    text = "\n\n".join(text for text in texts if text.strip())
    if cut and text.rstrip("` \t\r\n")[-1:] not in ("}", "]"):
        raise cut_off(text)
    if not text:
        msg = "the reply is empty"
        raise ReplyError(msg)
    return text


def cut_off(text: str = "") -> ReplyError:
    """The error for a reply that reached the token limit."""
    where = ", so it contains no complete JSON object" if text else " before its text began"
    return ReplyError(f"the reply was cut at the token limit{where}; raise the server's limit, or lower chunk_size")


def refusal(reason: Any) -> RefusalError:
    """The error for a model that refused to answer."""
    text = " ".join(reason.encode("utf-8", "replace").decode().split()) if isinstance(reason, str) else ""
    return RefusalError(f"the model refused to answer: {text[:200] or 'it gave no reason'}")
