"""One question over HTTP: sent, sent again where that may help, and given up at the deadline."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Mapping
from typing import Any, Optional

import httpx
import tenacity
from attrs import define, field

from gca_scanpy._llm.endpoint import Endpoint
from gca_scanpy._llm.failures import TransientError, failure
from gca_scanpy._llm.gate import Deadline, DeadlineError, Gate
from gca_scanpy._llm.wires import Sent
from gca_scanpy._version import __version__
from gca_scanpy.errors import AccessError, ModelError

MAX_BYTES = 10_000_000
MAX_ERROR_BYTES = 100_000
CONNECT = 10.0  # seconds
_BACKOFF = tenacity.wait_exponential(multiplier=0.5, max=20.0) + tenacity.wait_random(0.0, 1.0)


class _StopBefore(tenacity.stop.stop_base):
    """Do not sleep past a deadline that may be put off meanwhile."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    def __call__(self, retry_state: tenacity.RetryCallState) -> bool:
        return retry_state.upcoming_sleep >= self._deadline.left


@define(eq=False)
class Transport:
    """The connections to one endpoint.

    Attributes
    ----------
    timeout
        Seconds without a byte after which a request is given up and sent again.
    deadline
        Seconds for one question with all that is sent again.
    attempts
        Requests that one question may take.
    """

    endpoint: Endpoint
    timeout: float
    deadline: float
    attempts: int
    _client: Optional[httpx.Client] = field(default=None, init=False, repr=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)

    def post(self, sent: Sent, gate: Gate, estimate: int, deadline: Deadline) -> Mapping[str, Any]:
        """The reply to a request, as JSON.

        Raises
        ------
        ModelError
            In one sentence, without the key: what the server said, or that it does not answer.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TransientError),
            wait=_wait,
            stop=tenacity.stop_after_attempt(self.attempts) | _StopBefore(deadline),
            sleep=tenacity.sleep_using_event(gate.stop),
            before_sleep=lambda _: gate.retried(),
            reraise=True,
        )
        try:
            reply: Mapping[str, Any] = retrying(self._once, sent, gate, estimate, deadline)
        except TransientError as error:
            waits = f", and asks to wait {error.retry_after:.0f} s" if error.retry_after else ""
            msg = f"{error}{waits}; given up after {retrying.statistics.get('attempt_number', 1)} attempts"
            raise ModelError(msg) from None
        return reply

    def check(self, headers: Mapping[str, str]) -> str:
        """Ask for the list of models, which costs nothing, once; gives what came in a few words.

        Raises
        ------
        ModelError
            Where there is no answer, or one that refuses the key.
        """
        status, answered, body = self._received(Sent("/models", headers, {}), Deadline(self.deadline), "GET")
        if not 200 <= status < 300 and status not in (404, 405):  # not every server has that list
            raise failure(status, answered, body, self.endpoint)
        return f"{self.endpoint.host} answers {status}"

    def _once(self, sent: Sent, gate: Gate, estimate: int, deadline: Deadline) -> Mapping[str, Any]:
        if deadline.left <= 0:
            raise self._late()
        asked = time.monotonic()
        gate.admit(estimate)
        deadline.put_off(time.monotonic() - asked)
        try:
            with gate.timed():
                return self._reply(sent, deadline)
        except BaseException:
            gate.release(estimate)
            raise

    def _reply(self, sent: Sent, deadline: Deadline) -> Mapping[str, Any]:
        status, headers, body = self._received(sent, deadline, "POST")
        if not 200 <= status < 300:
            raise failure(status, headers, body, self.endpoint)
        return self._json(body)

    def _received(self, sent: Sent, deadline: Deadline, method: str) -> tuple[int, Mapping[str, str], bytes]:
        try:
            return deadline.bound(lambda: self._exchange(sent, deadline, method))
        except DeadlineError:
            raise self._late() from None
        except httpx.ConnectError as error:
            if self.endpoint.is_local:
                msg = f"no server answers at {self.endpoint.host}; is it running?"
                raise AccessError(msg) from None
            raise self._passing(error) from None
        except httpx.TransportError as error:
            raise self._passing(error) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            msg = f"{self.endpoint.host}: {self._said(error)}"
            raise ModelError(msg) from None

    def _exchange(self, sent: Sent, deadline: Deadline, method: str) -> tuple[int, Mapping[str, str], bytes]:
        left = max(0.1, deadline.left)
        patience = httpx.Timeout(min(self.timeout, left), connect=min(CONNECT, left))
        url = httpx.URL(self.endpoint.url)
        path, _, query = url.raw_path.partition(b"?")
        url = url.copy_with(raw_path=path.rstrip(b"/") + sent.path.encode() + (b"?" + query if query else b""))
        headers = httpx.Headers({"content-type": "application/json", **sent.headers})
        if url.userinfo:  # moved out of the URL, which httpx logs
            basic = base64.b64encode(f"{url.username}:{url.password}".encode()).decode()
            headers["authorization"] = f"Basic {basic}"
            url = url.copy_with(userinfo=b"")
        headers.update({name: value.reveal() for name, value in self.endpoint.headers.items()})
        content = json.dumps(sent.body, ensure_ascii=False).encode("utf-8", "replace") if method == "POST" else None
        with self._opened().stream(method, url, content=content, headers=headers, timeout=patience) as response:
            most = MAX_BYTES if response.is_success else MAX_ERROR_BYTES
            body = bytearray()
            for piece in response.iter_bytes():  # as they come: pieces of a size would be waited for
                body += piece
                if len(body) > most:
                    if not response.is_success:
                        break
                    msg = f"{self.endpoint.host} sent more than the {most // 1_000_000} MB that are read"
                    raise ModelError(msg)
                if deadline.left < 0:  # bytes that trickle in keep the time limit of a read away
                    raise self._late()
            return response.status_code, dict(response.headers), self.endpoint.scrub(bytes(body))

    def _json(self, body: bytes) -> Mapping[str, Any]:
        try:
            reply = json.loads(body)
        except (ValueError, RecursionError):
            kind = "a web page" if body.lstrip()[:1] == b"<" else "something else"
            msg = f"{self.endpoint.host} answers with {kind} instead of JSON; is base_url the address of its API?"
            raise ModelError(msg) from None
        if not isinstance(reply, dict):
            msg = f"{self.endpoint.host} answers with a JSON {type(reply).__name__} instead of an object"
            raise ModelError(msg)
        # Some gateways wrap an upstream failure in a success.
        error = reply.get("error")
        if error and "choices" not in reply:
            code = error.get("code") if isinstance(error, dict) else None
            status = code if isinstance(code, int) and 400 <= code < 600 else 500
            raise failure(status, {}, body, self.endpoint)
        return reply

    def _late(self) -> ModelError:
        return ModelError(f"{self.endpoint.host} did not finish its reply within {self.deadline:g} s")

    def _passing(self, error: Exception) -> TransientError:
        return TransientError(f"{self.endpoint.host} does not answer ({self._said(error)})")

    def _said(self, error: Exception) -> str:
        text = self.endpoint.hide(" ".join(str(error).split()))[:200]
        return f"{type(error).__name__}: {text}" if text else type(error).__name__

    def _opened(self) -> httpx.Client:
        with self._lock:
            if self._client is None:
                agent = {"user-agent": f"gca-scanpy/{__version__}"}
                # A proxy of the environment is for the world outside, not for a server on this machine.
                try:
                    self._client = httpx.Client(
                        headers=agent, trust_env=not self.endpoint.is_local, follow_redirects=False
                    )
                except (ImportError, OSError, ValueError) as error:
                    # A proxy of a kind that is not known or not installed, a file of certificates that is not there.
                    msg = (
                        "no connection can be made with the proxy and the certificates of this environment (ALL_PROXY, "
                        f"HTTPS_PROXY, SSL_CERT_FILE): {self._said(error)}"
                    )
                    raise AccessError(msg) from None
            return self._client

    def close(self) -> None:
        """Close the connections; the next question opens them again."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()


def _wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = getattr(error, "retry_after", None)
    backoff: float = _BACKOFF(state)
    # A little more than asked, and not all at the same moment.
    return backoff if asked is None else float(asked) + min(backoff, 1.0) / 4
