"""From an HTTP error to an exception that says whether to retry, change the request, or stop."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Optional

from gca_scanpy._llm.endpoint import Endpoint
from gca_scanpy.errors import AccessError, ModelError

RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
# A server that cannot restrict its reply to a schema returns one of these.
UNSUPPORTED = frozenset({400, 415, 422, 501})
MAX_SHOWN = 300  # characters of the server's message in ours
MAX_SEARCHED = 20_000  # bytes of a reply that are searched for a known cause
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
    """A failure that may be temporary, so the request is sent again until the deadline.

    Attributes
    ----------
    retry_after
        Seconds after which the server wants the next request, or None.
    """

    def __init__(self, message: str, retry_after: Optional[float] = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnsupportedError(ModelError):
    """The server does not accept this form of the request.

    Attributes
    ----------
    temperature
        Whether it is the temperature that the server does not accept.
    """

    def __init__(self, message: str, *, temperature: bool = False) -> None:
        super().__init__(message)
        self.temperature = temperature


class TooLongError(ModelError):
    """The question is longer than the server accepts; a part of it may be short enough."""


def failure(status: int, headers: Mapping[str, str], body: bytes, endpoint: Endpoint) -> ModelError:
    """The exception for an HTTP status, with a message of one sentence that contains no key."""
    content = _parse(body)
    detail = endpoint.hide(_message(content, body))[:MAX_SHOWN]  # mask before cutting: half a key is secret too
    end = f": {detail}" if detail else ""
    start = body[:MAX_SEARCHED].decode("utf-8", "replace")
    at = f"{endpoint.host} answers {status}"
    if status == 402 or (status in (400, 403, 429) and _QUOTA.search(start)):
        return AccessError(f"{at}, the quota or credit of this key is used up{end}")
    if status in (401, 403):
        names = " or ".join(endpoint.key_names)
        hint = f"check {names}" if names else "the server requires a key: pass api_key="
        return AccessError(f"{at}, the key is not accepted ({hint}){end}")
    if status == 404:
        return AccessError(f"{at}: no model {endpoint.model!r} exists there, or base_url is not its API's address{end}")
    if status == 413 or (status in (400, 422, 500) and _TOO_LONG.search(start)):
        return TooLongError(f"{at}, the question is too long{end}")
    if status in RETRIED:
        return TransientError(f"{at}{end}", _retry_after(headers, content))
    if status in UNSUPPORTED:
        return UnsupportedError(f"{at}{end}", temperature=bool(_TEMPERATURE.search(detail)))
    if 300 <= status < 400:
        target = endpoint.hide(headers.get("location", "an unknown address"))[:MAX_SHOWN]
        return AccessError(f"{at} and redirects to {target}; set base_url to the address of the API")
    return ModelError(f"{at}{end}")


def _parse(body: bytes) -> Any:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content[0] if isinstance(content, list) and content else content  # Gemini may put its error into a list


def _message(content: Any, body: bytes) -> str:
    """The message of the server on one line, for all known forms of an error; empty for a web page."""
    message: Any = ""
    if isinstance(content, dict):
        error = content.get("error", content.get("detail", content.get("message", "")))
        message = error.get("message", "") if isinstance(error, dict) else error
    elif body.lstrip()[:1] != b"<":
        message = body.decode("utf-8", "replace")
    return " ".join(str(message).split()) if message else ""


def _retry_after(headers: Mapping[str, str], content: Any) -> Optional[float]:
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
    return _gemini_delay(content)


def _gemini_delay(content: Any) -> Optional[float]:
    error = content.get("error") if isinstance(content, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    for detail in details if isinstance(details, list) else ():
        match = _DELAY.fullmatch(str(detail.get("retryDelay", ""))) if isinstance(detail, dict) else None
        if match:
            return float(match[1])
    return None
