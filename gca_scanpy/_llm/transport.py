"""One request over HTTP: sent, retried after temporary failures, and given up at the deadline."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from typing import Any, Optional

import httpx
import tenacity
from attrs import Factory, define, field

from gca_scanpy._llm.endpoint import Endpoint
from gca_scanpy._llm.failures import TransientError, failure
from gca_scanpy._llm.gate import Deadline, DeadlineError, Gate
from gca_scanpy._llm.sealed import MaskedLogs, Sealed, without_frames
from gca_scanpy._llm.wires import Request
from gca_scanpy._secrets import Secret
from gca_scanpy._version import __version__
from gca_scanpy.errors import AccessError, ModelError

MAX_BYTES = 10_000_000  # of a reply
MAX_ERROR_BYTES = 100_000  # of an error; the rest is not read
MAX_SHOWN = 200  # characters of an error's text in a message
CONNECT = 10.0  # seconds
_BACKOFF = tenacity.wait_exponential(multiplier=0.5, max=20.0) + tenacity.wait_random(0.0, 1.0)


@define(eq=False)
class Transport:
    """The connections to one endpoint, opened by the first request.

    Attributes
    ----------
    timeout
        Seconds without any received byte after which a request is aborted and sent again.
    deadline
        Seconds for one question, including all its retries.
    attempts
        Maximum number of requests for one question.
    """

    endpoint: Endpoint
    timeout: float
    deadline: float
    attempts: int
    _client: Optional[httpx.Client] = field(default=None, init=False, repr=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)
    _masked_logs: MaskedLogs = field(
        default=Factory(lambda self: MaskedLogs(self.endpoint), takes_self=True), init=False, repr=False
    )

    def post(self, request: Request, gate: Gate, estimate: int, deadline: Deadline) -> Mapping[str, Any]:
        """The reply to a request, as JSON.

        Raises
        ------
        ModelError
            If there is no usable reply. The message is one sentence without the key: the error of the server, or that
            it does not answer.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TransientError),
            wait=_retry_delay,
            stop=tenacity.stop_after_attempt(self.attempts) | _StopBefore(deadline),
            sleep=tenacity.sleep_using_event(gate.stop),
            before_sleep=lambda _: gate.retried(),
            reraise=True,
        )
        try:
            reply: Mapping[str, Any] = retrying(self._attempt, request, gate, estimate, deadline)
        except TransientError as error:
            delay = f", and asks to wait {error.retry_after:.0f} s" if error.retry_after else ""
            msg = f"{error}{delay}; given up after {retrying.statistics.get('attempt_number', 1)} attempts"
            raise ModelError(msg) from None
        return reply

    def check(self, headers: Mapping[str, Secret]) -> str:
        """Request the list of models once, which is free of charge; returns a short description of the response.

        Raises
        ------
        ModelError
            If there is no answer, or the server does not accept the key.
        """
        request = Request("/models", headers, {})
        status, response_headers, body = self._response(request, Deadline(self.deadline), "GET")
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
        if deadline.left <= 0:
            raise self._late()
        start = time.monotonic()
        gate.admit(estimate)
        deadline.extend(time.monotonic() - start)
        try:
            with gate.timed():
                return self._reply(request, deadline)
        except BaseException:
            gate.release(estimate)
            raise

    def _reply(self, request: Request, deadline: Deadline) -> Mapping[str, Any]:
        status, headers, body = self._response(request, deadline, "POST")
        if not 200 <= status < 300:
            raise failure(status, headers, body, self.endpoint)
        return self._parse(body)

    def _response(self, request: Request, deadline: Deadline, method: str) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of the response, within the deadline."""
        try:
            return deadline.run(lambda: without_frames(lambda: self._exchange(request, deadline, method)))
        except DeadlineError:
            raise self._late() from None
        except httpx.ConnectError as error:
            if self.endpoint.is_local:
                msg = f"no server answers at {self.endpoint.host}; is it running?"
                raise AccessError(msg) from None
            raise self._no_answer(error) from None
        except httpx.TransportError as error:
            raise self._no_answer(error) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            msg = f"{self.endpoint.host}: {self._describe(error)}"
            raise ModelError(msg) from None

    def _exchange(self, request: Request, deadline: Deadline, method: str) -> tuple[int, Mapping[str, str], bytes]:
        left = max(0.1, deadline.left)
        timeout = httpx.Timeout(min(self.timeout, left), connect=min(CONNECT, left))
        url, headers = self.endpoint.url.rstrip("/") + request.path, {"content-type": "application/json"}
        auth = Sealed(self.endpoint, request.headers)
        content = json.dumps(request.body, ensure_ascii=False).encode("utf-8", "replace") if method == "POST" else None
        client = self._open_client()
        with client.stream(method, url, content=content, headers=headers, auth=auth, timeout=timeout) as response:
            max_bytes = MAX_BYTES if response.is_success else MAX_ERROR_BYTES
            body = bytearray()
            for piece in response.iter_bytes():  # without a chunk size, which would wait for more bytes
                body += piece
                if len(body) > max_bytes:
                    if not response.is_success:
                        break
                    msg = f"{self.endpoint.host} sent more than {max_bytes // 1_000_000} MB, the limit for a reply"
                    raise ModelError(msg)
                if deadline.left < 0:  # slowly arriving bytes never reach the timeout of a read
                    raise self._late()
            response_headers = {name: self.endpoint.hide(value) for name, value in response.headers.items()}
            return response.status_code, response_headers, self.endpoint.scrub(bytes(body))

    def _parse(self, body: bytes) -> Mapping[str, Any]:
        try:
            reply = json.loads(body)
        except (ValueError, RecursionError):
            kind = "a web page" if body.lstrip()[:1] == b"<" else "something else"
            msg = f"{self.endpoint.host} answers with {kind} instead of JSON; is base_url the address of its API?"
            raise ModelError(msg) from None
        if not isinstance(reply, dict):
            msg = f"{self.endpoint.host} answers with a JSON {type(reply).__name__} instead of an object"
            raise ModelError(msg)
        # Some gateways return the failure of another server with status 200.
        error = reply.get("error")
        if error and "choices" not in reply:
            code = error.get("code") if isinstance(error, dict) else None
            status = code if isinstance(code, int) and 400 <= code < 600 else 500
            raise failure(status, {}, body, self.endpoint)
        return reply

    def _late(self) -> ModelError:
        return ModelError(f"{self.endpoint.host} did not finish its reply within {self.deadline:g} s")

    def _no_answer(self, error: Exception) -> TransientError:
        return TransientError(f"{self.endpoint.host} does not answer ({self._describe(error)})")

    def _describe(self, error: Exception) -> str:
        text = self.endpoint.hide(" ".join(str(error).split()))[:MAX_SHOWN]
        return f"{type(error).__name__}: {text}" if text else type(error).__name__

    def _open_client(self) -> httpx.Client:
        with self._lock:
            if self._client is None:
                agent = {"user-agent": f"gca-scanpy/{__version__}"}
                # A server on this machine is reached without the proxy of the environment.
                try:
                    self._client = httpx.Client(
                        headers=agent, trust_env=not self.endpoint.is_local, follow_redirects=False
                    )
                except (ImportError, OSError, ValueError) as error:
                    # The type of the proxy is unknown or needs another package, or a certificate file is missing.
                    msg = (
                        "the proxy or the certificates of this environment cannot be used; check ALL_PROXY, "
                        f"HTTPS_PROXY and SSL_CERT_FILE: {self._describe(error)}"
                    )
                    raise AccessError(msg) from None
                self._masked_logs.start()
            return self._client


class _StopBefore(tenacity.stop.stop_base):
    """Stop retrying if the next attempt would start after the deadline, which may be extended in the meantime."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    def __call__(self, retry_state: tenacity.RetryCallState) -> bool:
        return retry_state.upcoming_sleep >= self._deadline.left


def _retry_delay(state: tenacity.RetryCallState) -> float:
    """Seconds until the next attempt."""
    error = state.outcome.exception() if state.outcome else None
    retry_after = getattr(error, "retry_after", None)
    backoff: float = _BACKOFF(state)
    # A little more than the server asks for, and a different delay for each thread.
    return backoff if retry_after is None else float(retry_after) + min(backoff, 1.0) / 4
