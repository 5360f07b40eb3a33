"""Why a request failed, as an exception that says whether to retry, change the request, or stop."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal, Optional
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from gca_scanpy._llm.endpoint import Endpoint
from gca_scanpy.errors import AccessError, ModelError, RefusalError, ReplyError

if TYPE_CHECKING:
    import httpx

# Why a request that may succeed later failed:
#   rate     the server allows fewer requests per minute
#   busy     the server is loading or overloaded
#   fault    the server failed while it worked on the question, for which the question may be the cause
#   silence  no connection, or no byte within the timeout
#   damage   a reply with status 200 that cannot be read
Cause = Literal["rate", "busy", "fault", "silence", "damage"]
_CAUSES: Mapping[int, Cause] = {
    429: "rate",
    **dict.fromkeys((408, 409, 425, 503, 529), "busy"),
    **dict.fromkeys((500, 502, 504, 520, 521, 522, 523, 524), "fault"),
}
PATIENCE = 3  # requests for a question, after which the question itself may be the cause of the failures
# A server that does not know a part of the request, such as the schema, returns one of these.
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
_FILTERED = re.compile(
    r"content[ _-]?(?:filter|management|policy)|responsible ?AI ?policy|safety (?:system|filter|policy|setting)"
    r"|moderation|data_inspection_failed|prohibited_content|usage polic",
    re.IGNORECASE,
)
_NO_TLS = re.compile(r"HTTP request (?:was sent )?to (?:an )?HTTPS", re.IGNORECASE)
_NO_ROUTE = re.compile(r"endpoints? found that (?:supports?|can handle)", re.IGNORECASE)  # of OpenRouter, with 404
_DELAY = re.compile(r"(\d+(?:\.\d+)?)s")
_REMAINING = "x-ratelimit-remaining-"
_SPAN = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")


class _CausedError(ModelError):
    def __init__(self, message: str, cause: Cause = "fault") -> None:  # which pickle sets afterwards
        super().__init__(message)
        self.cause = cause


class TransientError(_CausedError):
    """A failure that may be temporary, so the request is sent again until the deadline.

    Attributes
    ----------
    cause
        Why the request failed.
    retry_after
        Seconds after which the server wants the next request, or None.
    """

    def __init__(self, message: str, cause: Cause = "fault", retry_after: Optional[float] = None) -> None:
        super().__init__(message, cause)
        self.retry_after = retry_after


class TroubleError(_CausedError):
    """Several requests for a question failed; the question may be the cause, or the server fails for all of them."""


class LateError(_CausedError):
    """The deadline of the question has passed, or will have passed before the server wants the next request."""


class DamagedError(ReplyError):
    """Several replies with status 200 could not be read."""


class UnsupportedError(ModelError):
    """The server does not accept this form of the request.

    Attributes
    ----------
    detail
        What the server wrote, which may name the part of the request that it does not accept.
    """

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class TooLongError(UnsupportedError):
    """The question is longer than the server accepts; a part of it may be short enough."""


def failure(status: int, headers: Mapping[str, str], body: bytes, endpoint: Endpoint) -> ModelError:
    """The exception for an HTTP status, with a message of one sentence that contains no key."""
    content = _parse(body)
    detail = endpoint.hide(_message(content, body))  # mask before cutting: half a key is secret too
    end = f": {detail[:MAX_SHOWN]}" if detail else ""
    start = body[:MAX_SEARCHED].decode("utf-8", "replace")
    at = f"{endpoint.host} answers {status}"
    if status in (400, 403, 422, 451) and _FILTERED.search(start):
        return RefusalError(f"{at}, a content filter refuses the question{end}")
    final = _final(status, headers, start, endpoint)
    if final:
        return AccessError(f"{at}{final}{end}")
    if status == 413 or (status in (400, 422, 500) and _TOO_LONG.search(start)):
        return TooLongError(f"{at}, the question is too long{end}", detail)
    if status in _CAUSES:
        return TransientError(f"{at}{end}", _CAUSES[status], _retry_after(headers, content))
    if status in UNSUPPORTED or status == 404:
        return UnsupportedError(f"{at}{end}", detail)
    return ModelError(f"{at}{end}")


def _final(status: int, headers: Mapping[str, str], body: str, endpoint: Endpoint) -> str:
    """Why a status is the same for every question, as the end of a sentence; empty if it is not."""
    if status == 402 or (status in (400, 403, 429) and _QUOTA.search(body)):
        return ", the quota or credit of this key is used up"
    if status in (401, 403):
        names = " or ".join(endpoint.key_names)
        hint = f"check {names}" if names else "the server requires a key: pass api_key="
        return f", the key is not accepted ({hint})"
    if status == 407:
        return ", the proxy requires a user and password; set them in HTTPS_PROXY, or unset it"
    if status == 404 and not _NO_ROUTE.search(body):
        return f": no model {endpoint.model!r} exists there, or base_url is not its API's address"
    if 300 <= status < 400:
        target = endpoint.hide(headers.get("location", "an unknown address"))[:MAX_SHOWN]
        return f" and redirects to {target}; set base_url to the address of the API"
    return "; write https:// in base_url" if status == 400 and _NO_TLS.search(body) else ""


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
    text = str(message).encode("utf-8", "replace").decode() if message else ""  # no file can store a lone surrogate
    return " ".join(text.split())


def _retry_after(headers: Mapping[str, str], content: Any) -> Optional[float]:
    """Seconds to wait: ``retry-after-ms``, ``Retry-After``, the reset of a used-up rate, or Gemini's RetryInfo."""
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
    return _until_reset(headers) or _gemini_delay(content)


def _until_reset(headers: Mapping[str, str]) -> Optional[float]:
    """Seconds until all rates are renewed of which nothing remains, such as ``x-ratelimit-reset-requests: 1m30s``."""
    used_up = [name[len(_REMAINING) :] for name, left in headers.items() if name.startswith(_REMAINING) and left == "0"]
    spans = [_SPAN.fullmatch(headers.get(f"x-ratelimit-reset-{rate}", "")) for rate in used_up]
    seconds = [
        sum(float(part or 0) * unit for part, unit in zip(span.groups(), (3600.0, 60.0, 1.0, 0.001)))
        for span in spans
        if span
    ]
    return max(seconds, default=None)


def _gemini_delay(content: Any) -> Optional[float]:
    error = content.get("error") if isinstance(content, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    for detail in details if isinstance(details, list) else ():
        match = _DELAY.fullmatch(str(detail.get("retryDelay", ""))) if isinstance(detail, dict) else None
        if match:
            return float(match[1])
    return None


def connection_problem(error: httpx.HTTPError, endpoint: Endpoint) -> str:
    """Why no request can reach the endpoint, and what to do; empty if another attempt may succeed."""
    import httpx  # here, because calls without a model load none

    host, proxy = endpoint.host, _proxy(endpoint)
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"the certificate of {host} is not trusted; set SSL_CERT_FILE to a file with the certificate of your "
                "institution or server"
            )
        if isinstance(cause, ssl.SSLError) and ("WRONG_VERSION" in str(cause) or "RECORD_LAYER" in str(cause)):
            return f"{host} does not use TLS; should base_url start with http:// instead of https://?"
    if isinstance(error, httpx.ProxyError) and str(error)[:3] not in ("502", "503", "504"):
        return f"the proxy {proxy} refuses the connection to {host}; check HTTPS_PROXY, or its user and password"
    if isinstance(error, httpx.ConnectError) and proxy:
        return f"{host} cannot be reached through the proxy {proxy}; check HTTPS_PROXY, or unset it"
    return ""


def _proxy(endpoint: Endpoint) -> str:
    """The address of the proxy that the environment sets for the endpoint, without its password; empty if none."""
    if endpoint.is_local:
        return ""
    parts, proxies = urlsplit(endpoint.url), getproxies()
    url = proxies.get(parts.scheme) or proxies.get("all") or ""
    if not url or proxy_bypass(parts.hostname or ""):
        return ""
    place = urlsplit(url if "//" in url else f"http://{url}")
    return f"{place.hostname}:{place.port}" if place.port else place.hostname or ""


def causes(error: BaseException) -> list[BaseException]:
    """An exception and those that it came from."""
    chain: list[BaseException] = []
    todo: list[Optional[BaseException]] = [error]
    while todo:
        one = todo.pop()
        if one is not None and one not in chain:
            chain.append(one)
            todo += [one.__cause__, one.__context__]
    return chain
