"""What a server's refusal means: try again, ask in another way, or stop and say why."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Optional

from gca_scanpy._llm.endpoint import Endpoint
from gca_scanpy.errors import AccessError, ModelError

AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
# Where a server does not know how to hold an answer to a schema, it says so with one of these.
UNSUPPORTED = frozenset({400, 415, 422, 501})
SHOWN = 300
_QUOTA = re.compile(
    r"insufficient_quota|billing_hard_limit|billing_not_active|credit balance|insufficient (?:credit|balance|funds)"
    r"|PerDay|out of credits|spend(?:ing)? limit",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(
    r"context[ _](?:length|size|window)|prompt is too long|input is too long|too many (?:input )?tokens"
    r"|input token count|request_too_large",
    re.IGNORECASE,
)
_TEMPERATURE = re.compile(r"temperature", re.IGNORECASE)
_DELAY = re.compile(r"(\d+(?:\.\d+)?)s")


class TransientError(ModelError):
    """A fault that may pass: asked again within the deadline.

    Attributes
    ----------
    retry_after
        Seconds that the server asks to wait, or None.
    """

    def __init__(self, message: str, retry_after: Optional[float] = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnsupportedError(ModelError):
    """The server does not take the request in this form.

    Attributes
    ----------
    temperature
        Whether the temperature is what it does not take.
    """

    def __init__(self, message: str, *, temperature: bool = False) -> None:
        super().__init__(message)
        self.temperature = temperature


class TooLongError(ModelError):
    """The question is longer than the server takes; a part of it may not be."""


def failure(status: int, headers: Mapping[str, str], body: bytes, endpoint: Endpoint) -> ModelError:
    """The error that an HTTP status stands for, in one sentence."""
    plain = _plain(body)
    said = endpoint.hide(_message(plain, body))[:SHOWN]  # hidden first: half a key is a key's half
    end = f": {said}" if said else ""
    at = f"{endpoint.host} answers {status}"
    if status == 402 or (status in (400, 403, 429) and _QUOTA.search(body[:20_000].decode("utf-8", "replace"))):
        return AccessError(f"{at}, the quota or credit of this key is used up{end}")
    if status in (401, 403):
        names = " or ".join(endpoint.key_names)
        hint = f"check {names}" if names else "the server wants a key: pass api_key="
        return AccessError(f"{at}, the key is not accepted ({hint}){end}")
    if status == 404:
        return AccessError(f"{at}: no model {endpoint.model!r} is there, or base_url is not the API's{end}")
    if status == 413 or (status in (400, 422, 500) and _TOO_LONG.search(body[:20_000].decode("utf-8", "replace"))):
        return TooLongError(f"{at}, the question is too long{end}")
    if status in AGAIN:
        return TransientError(f"{at}{end}", _retry_after(headers, plain))
    if status in UNSUPPORTED:
        return UnsupportedError(f"{at}{end}", temperature=bool(_TEMPERATURE.search(said)))
    if 300 <= status < 400:
        to = endpoint.hide(headers.get("location", "nowhere"))[:SHOWN]
        return AccessError(f"{at} and points to {to}; set base_url to the API itself")
    return ModelError(f"{at}{end}")


def _plain(body: bytes) -> Any:
    try:
        plain = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return plain[0] if isinstance(plain, list) and plain else plain  # Gemini may wrap its error in a list


def _message(plain: Any, body: bytes) -> str:
    """What the server says, whatever form it gives its errors."""
    found: Any = ""
    if isinstance(plain, dict):
        error = plain.get("error", plain.get("detail", plain.get("message", "")))
        found = error.get("message", "") if isinstance(error, dict) else error
    elif body.lstrip()[:1] != b"<":  # a page of HTML says nothing in one line
        found = body.decode("utf-8", "replace")
    return " ".join(str(found).split()) if found else ""


def _retry_after(headers: Mapping[str, str], plain: Any) -> Optional[float]:
    """Seconds to wait: ``retry-after-ms``, ``Retry-After`` in seconds or as a date, or Gemini's RetryInfo."""
    milliseconds, value = headers.get("retry-after-ms", ""), headers.get("retry-after", "").strip()
    for text, unit in ((milliseconds, 1000.0), (value, 1.0)):
        try:
            seconds = float(text) / unit
        except ValueError:
            continue
        return seconds if 0 <= seconds < 1e9 else None
    if value:
        try:
            when = parsedate_to_datetime(value)
        except (TypeError, ValueError, IndexError):
            return None
        when = when if when.tzinfo else when.replace(tzinfo=timezone.utc)
        return max(0.0, (when - datetime.now(timezone.utc)).total_seconds())
    return _gemini_delay(plain)


def _gemini_delay(plain: Any) -> Optional[float]:
    error = plain.get("error") if isinstance(plain, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    for detail in details if isinstance(details, list) else ():
        match = _DELAY.fullmatch(str(detail.get("retryDelay", ""))) if isinstance(detail, dict) else None
        if match:
            return float(match[1])
    return None
