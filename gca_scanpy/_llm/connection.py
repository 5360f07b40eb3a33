"""The connection to a server: its client, why it can never be made, and how secrets enter a request.

They enter at the last moment, so that no variable of a frame has them, and are masked in what httpx and httpcore log.
"""

from __future__ import annotations

import base64
import logging
import os
import ssl
from collections.abc import Callable, Generator, Mapping
from typing import Optional, TypeVar
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from gca_scanpy._llm.endpoint import Endpoint
from gca_scanpy._secrets import Secret
from gca_scanpy._version import __version__

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
T = TypeVar("T")
_LOGGERS = ("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")))


def open_client(endpoint: Endpoint) -> httpx.Client:
    """A client without redirects, which would pass the key on."""
    agent = {"user-agent": f"gca-scanpy/{__version__}"}
    if not endpoint.is_local:
        return httpx.Client(headers=agent, follow_redirects=False)
    # A server on this machine is reached without the proxy of the environment, but with its certificates.
    needs_certificates = endpoint.url.startswith("https:") and any(os.environ.get(name) for name in _CERTIFICATES)
    verify = httpx.create_ssl_context(trust_env=True) if needs_certificates else True
    return httpx.Client(headers=agent, verify=verify, trust_env=False, follow_redirects=False)


def connection_problem(error: httpx.HTTPError, endpoint: Endpoint) -> str:
    """Why no request can reach the endpoint, and what to do; empty if another attempt may succeed."""
    host, proxy = endpoint.host, _proxy(endpoint)
    for cause in _chain(error):
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


def without_frames(work: Callable[[], T]) -> T:
    """Do some work. An exception loses the frames of httpx and httpcore, of which variables hold what is sent."""
    try:
        return work()
    except BaseException as error:
        for one in _chain(error):
            one.__traceback__ = None
        raise error  # noqa: TRY201, because a bare raise brings the frames back on older Pythons


def _chain(error: BaseException) -> list[BaseException]:
    """An exception and those that it came from."""
    chain: list[BaseException] = []
    todo: list[Optional[BaseException]] = [error]
    while todo:
        one = todo.pop()
        if one is not None and one not in chain:
            chain.append(one)
            todo += [one.__cause__, one.__context__]
    return chain


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
