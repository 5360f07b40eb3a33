"""The HTTP client of an endpoint, and why a connection to it can never be made: a certificate, TLS, or a proxy."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from typing import Optional
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from gca_scanpy._llm.endpoint import Endpoint
from gca_scanpy._version import __version__

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


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


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes."""
    found: Optional[BaseException] = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__


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
