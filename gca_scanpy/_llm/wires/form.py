"""The form of a request: what of it a server may not accept, and the next simpler form."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Optional

from attrs import evolve, frozen

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
