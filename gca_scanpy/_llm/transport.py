"""One request over HTTP: sent, retried after temporary failures, and given up at the deadline.

Secrets enter at the last moment, so that no variable of a frame has them. They are masked in what httpx and httpcore
log.
"""

from __future__ import annotations

import base64
import json
import logging
import random
import ssl
import threading
from collections.abc import Callable, Generator, Mapping
from typing import Any, Optional, TypeVar
from urllib.parse import unquote

import httpx
from attrs import Factory, define, field

from gca_scanpy import _events
from gca_scanpy._llm.endpoint import Endpoint
from gca_scanpy._llm.failures import (
    PATIENCE,
    DamagedError,
    LateError,
    TransientError,
    TroubleError,
    causes,
    connection_problem,
    failure,
)
from gca_scanpy._llm.gate import Deadline, DeadlineError, Gate, Throttle
from gca_scanpy._llm.wires import Request
from gca_scanpy._llm.wires.common import all_objects
from gca_scanpy._packages import __version__
from gca_scanpy._secrets import Secret
from gca_scanpy.errors import AccessError, ModelError

MAX_BYTES = 10_000_000  # of a reply
MAX_ERROR_BYTES = 100_000  # of an error; the rest is not read
MAX_SHOWN = 200  # characters of an error's text in a message
CONNECT = 10.0  # seconds
_LOGGERS = ("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")))
FIRST_WAIT, MAX_WAIT = 0.5, 20.0  # seconds between two requests; doubled after each failure
T = TypeVar("T")


class Sealed(httpx.Auth):
    """Adds the secret headers and the query to a request when it is sent, so that no variable of a frame has them."""

    def __init__(self, endpoint: Endpoint, headers: Mapping[str, Secret]) -> None:
        self._endpoint = endpoint
        self._headers = headers

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Complete a request."""
        endpoint = self._endpoint
        basic = {"authorization": endpoint.user.map(_basic)} if endpoint.user else {}
        for name, value in {**self._headers, **basic, **endpoint.headers}.items():
            request.headers[name] = value.reveal()
        if endpoint.query:
            raw_path = request.url.raw_path + b"?" + endpoint.query.reveal().encode()
            request.url = request.url.copy_with(raw_path=raw_path)
        yield request


def _basic(user: str) -> str:
    name, _, password = user.partition(":")
    return f"Basic {base64.b64encode(f'{unquote(name)}:{unquote(password)}'.encode()).decode()}"


class MaskedLogs(logging.Filter):
    """Masks the secrets of an endpoint in the records of httpx and httpcore, such as an echo in a header."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__()
        self._endpoint = endpoint

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask a record; it is never dropped."""
        text = record.getMessage()
        hidden = self._endpoint.hide(text)
        if hidden != text:
            record.msg, record.args = hidden, ()
        return True

    def start(self) -> None:
        """Mask from now on."""
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(self)

    def stop(self) -> None:
        """Leave the loggers as they were."""
        for name in _LOGGERS:
            logging.getLogger(name).removeFilter(self)


@define(eq=False)
class Transport:
    """The connections to one endpoint, opened by the first request.

    Attributes
    ----------
    timeout
        Seconds without any received byte after which a request is aborted and sent again.
    deadline
        Seconds for one question, including all its retries.
    """

    endpoint: Endpoint
    timeout: float
    deadline: float
    _client: Optional[httpx.Client] = field(default=None, init=False, repr=False)
    _was_reached: bool = field(default=False, init=False)  # whether the server has ever sent a response
    _refusals: int = field(default=0, init=False)  # connections that were not made before it did
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)
    _throttle: Throttle = field(
        default=Factory(lambda self: Throttle(self._backoff), takes_self=True), init=False, repr=False
    )
    _masked_logs: MaskedLogs = field(
        default=Factory(lambda self: MaskedLogs(self.endpoint), takes_self=True), init=False, repr=False
    )

    def post(self, request: Request, gate: Gate, estimate: int, deadline: Deadline) -> Mapping[str, Any]:
        """The reply to a request, as JSON.

        Raises
        ------
        LateError
            If there is no reply at the deadline.
        TroubleError
            If several requests failed for a reason that may be the question; it may be sent again.
        ModelError
            If there is no usable reply. The message is one sentence without the key: the error of the server, or that
            it does not answer.
        """
        while True:
            if deadline.resume:  # the last request failed
                gate.sleep(max(0.0, deadline.wait))
                gate.retried()
                deadline.resume = 0.0
            try:
                return self._attempt(request, gate, estimate, deadline)
            except TransientError as error:
                self._fail(error, gate, deadline)

    def _fail(self, error: TransientError, gate: Gate, deadline: Deadline) -> None:
        """After a failed request, decide when to send the next one, or raise the reason to send none."""
        deadline.failures += 1
        deadline.is_rated = error.cause == "rate"
        wait = self._delay(error, deadline.failures)
        deadline.resume = gate.clock() + wait
        times = "1 request" if deadline.failures == 1 else f"{deadline.failures} requests"
        msg = f"{error}; given up after {times}"
        if wait >= deadline.left:
            asks = f", and asks to wait {error.retry_after:.0f} s" if error.retry_after else ""
            msg = f"{error}{asks}; given up after {times} within {self.deadline:g} s"
            raise LateError(msg, error.cause) from None
        if deadline.failures >= PATIENCE and error.cause == "damage":
            raise DamagedError(msg) from None
        _events.info("request failed", model=self.endpoint.name, reason=str(error), next_in_seconds=round(wait, 1))
        if deadline.failures >= PATIENCE and error.cause in ("fault", "busy"):
            raise TroubleError(msg, error.cause) from None

    def _delay(self, error: TransientError, failures: int) -> float:
        """Seconds until the next request: at least what the server asks for, and different for each thread."""
        backoff = self._backoff(failures)
        return max(error.retry_after or 0.0, backoff) + random.uniform(0.0, backoff / 4)

    def _backoff(self, failures: int) -> float:
        """Seconds to wait after so many failures, if the server does not say."""
        return min(FIRST_WAIT * 2.0 ** min(failures - 1, 10), MAX_WAIT, self.deadline / 10)

    def check(self, headers: Mapping[str, Secret]) -> str:
        """Request the list of models once, which is free of charge; returns a short description of the response.

        Raises
        ------
        ModelError
            If there is no answer, or the server does not accept the key.
        """
        request = Request("/models", headers, {})
        deadline = Deadline(self.deadline)
        deadline.begin()
        status, response_headers, body = self._response(request, deadline, "GET")
        if not 200 <= status < 300 and status not in (404, 405):  # some servers have no list of models
            raise failure(status, response_headers, body, self.endpoint)
        return f"{self.endpoint.host} answers {status}"

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        with self._lock:
            client, self._client = self._client, None
            self._masked_logs.stop()
        if client is not None:
            client.close()

    def _attempt(self, request: Request, gate: Gate, estimate: int, deadline: Deadline) -> Mapping[str, Any]:
        deadline.begin()
        if deadline.left <= 0:
            raise self._late(deadline)
        with self._throttle.turn(gate, deadline), gate.request(estimate) as waited:
            deadline.extend(waited)
            status, headers, body = self._response(request, deadline, "POST")
            if not 200 <= status < 300:
                raise failure(status, headers, body, self.endpoint)
            return self._parse(body)

    def _response(self, request: Request, deadline: Deadline, method: str) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of the response, within the deadline."""
        try:
            return deadline.run(lambda: without_frames(lambda: self._exchange(request, deadline, method)))
        except DeadlineError:
            raise self._late(deadline) from None
        except httpx.HTTPError as error:
            raise self._unanswered(error) from None
        except (httpx.InvalidURL, httpx.StreamError) as error:
            msg = f"{self.endpoint.host}: {self._describe(error)}"
            raise ModelError(msg) from None

    def _unanswered(self, error: httpx.HTTPError) -> ModelError:
        """The exception for a request without a response."""
        host, reason = self.endpoint.host, self._describe(error)
        final = "" if self._was_reached else connection_problem(error, self.endpoint)
        if final:
            return AccessError(f"{final} ({reason})")
        if isinstance(error, httpx.ConnectError) and not self._was_reached:
            self._refusals += 1
            if self.endpoint.is_local:
                return AccessError(f"no server answers at {host}; is it running?")
            if self._refusals >= PATIENCE:
                return AccessError(f"{host} cannot be reached ({reason}); check base_url and the network")
        if not isinstance(error, httpx.TransportError) or "location header" in str(error):
            return ModelError(f"{host}: {reason}")
        silent = isinstance(error, (httpx.TimeoutException, httpx.ConnectError, httpx.ProxyError))
        return TransientError(f"{host} does not answer ({reason})", "silence" if silent else "fault")

    def _exchange(self, request: Request, deadline: Deadline, method: str) -> tuple[int, Mapping[str, str], bytes]:
        left = max(0.1, deadline.left)
        timeout = httpx.Timeout(min(self.timeout, left), connect=min(CONNECT, left))
        url, headers = self.endpoint.url.rstrip("/") + request.path, {"content-type": "application/json"}
        auth = Sealed(self.endpoint, request.headers)
        content = json.dumps(request.body, ensure_ascii=False).encode("utf-8", "replace") if method == "POST" else None
        with self._open_client().stream(
            method, url, content=content, headers=headers, auth=auth, timeout=timeout
        ) as response:
            self._was_reached = True
            response_headers = {name: self.endpoint.hide(value) for name, value in response.headers.items()}
            return response.status_code, response_headers, self._read(response, deadline)

    def _read(self, response: httpx.Response, deadline: Deadline) -> bytes:
        """The body of a response, or what came of it if the status is an error."""
        max_bytes = MAX_BYTES if response.is_success else MAX_ERROR_BYTES
        body = bytearray()
        try:
            for piece in response.iter_bytes():  # without a chunk size, which would wait for more bytes
                body += piece
                if len(body) > max_bytes:
                    if not response.is_success:
                        break
                    msg = f"{self.endpoint.host} sent more than {max_bytes // 1_000_000} MB, the limit for a reply"
                    raise ModelError(msg)
                if deadline.left < 0:  # slowly arriving bytes never reach the timeout of a read
                    raise self._late(deadline)
        except (httpx.NetworkError, httpx.ProtocolError, httpx.DecodingError) as error:
            if response.is_success:
                msg = f"the reply of {self.endpoint.host} was cut or damaged ({self._describe(error)})"
                raise TransientError(msg, "damage") from None
        return self.endpoint.scrub(bytes(body))

    def _parse(self, body: bytes) -> Mapping[str, Any]:
        # A gateway keeps a connection alive with blank lines, or lines that start with a colon, before the reply.
        text = b"\n".join(line for line in body.splitlines() if not line.startswith(b":")).strip()
        try:
            reply = json.loads(text)
        except (ValueError, RecursionError):
            msg = (
                f"{self.endpoint.host} answers with {_kind(text)} instead of JSON; is base_url the address of its API?"
            )
            raise TransientError(msg, "damage") from None
        if not isinstance(reply, dict):
            msg = f"{self.endpoint.host} answers with a JSON {type(reply).__name__} instead of an object"
            raise TransientError(msg, "damage")
        # Some gateways return the failure of another server with status 200, also next to a part of its answer.
        for part in (reply, *all_objects(reply.get("choices"))):
            error = part.get("error")
            if error:
                code = str(error.get("code")) if isinstance(error, dict) else ""
                status = int(code) if code.isdecimal() and 400 <= int(code) < 600 else 500
                raise failure(status, {}, json.dumps({"error": error}).encode(), self.endpoint)
        return reply

    def _late(self, deadline: Deadline) -> LateError:
        msg = f"{self.endpoint.host} did not finish its reply within {self.deadline:g} s"
        return LateError(msg, "rate" if deadline.is_rated else "silence")

    def _describe(self, error: Exception) -> str:
        text = self.endpoint.hide(" ".join(str(error).split()))[:MAX_SHOWN]
        return f"{type(error).__name__}: {text}" if text else type(error).__name__

    def _open_client(self) -> httpx.Client:
        with self._lock:
            if self._client is None:
                try:
                    self._client = open_client(self.endpoint)
                except (ImportError, OSError, ValueError) as error:
                    # The type of the proxy is unknown or needs another package, or a certificate file is missing.
                    msg = (
                        "the proxy or the certificates of this environment cannot be used; check ALL_PROXY, "
                        f"HTTPS_PROXY and SSL_CERT_FILE: {self._describe(error)}"
                    )
                    raise AccessError(msg) from None
                self._masked_logs.start()
            return self._client


def _kind(text: bytes) -> str:
    """What a body is that is not JSON."""
    if not text:
        return "an empty reply"
    if text.startswith(b"<"):
        return "a web page"
    return "a stream of events" if text.startswith((b"data:", b"event:")) else "something else"


def open_client(endpoint: Endpoint) -> httpx.Client:
    """A client without redirects, which would pass the key on."""
    agent = {"user-agent": f"gca-scanpy/{__version__}"}
    if not endpoint.is_local:
        return httpx.Client(headers=agent, follow_redirects=False)
    # A server on this machine is reached without the proxy of the environment, but with its certificates. They take
    # 25 ms to read, and without encryption none are used.
    is_encrypted = endpoint.url.startswith("https:")
    verify = httpx.create_ssl_context(trust_env=True) if is_encrypted else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.Client(headers=agent, verify=verify, trust_env=False, follow_redirects=False)


def without_frames(work: Callable[[], T]) -> T:
    """Do some work. An exception loses the frames of httpx and httpcore, of which variables hold what is sent."""
    try:
        return work()
    except BaseException as error:
        for one in causes(error):
            one.__traceback__ = None
        raise error  # noqa: TRY201, because a bare raise brings the frames back on older Pythons
