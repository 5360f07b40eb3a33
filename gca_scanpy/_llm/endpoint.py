"""From a model name, ``provider:model``, to the server, wire format and key to use."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Optional, Union
from urllib.parse import unquote, unquote_plus, urlsplit, urlunsplit

from attrs import field, frozen

from gca_scanpy._secrets import MIN_SCRUBBED, Address, Concealed, Secret, hide_users
from gca_scanpy.errors import InputError

MIN_VALUE = 8  # characters of a value in a query that is masked alone

ANY_SERVER_KEY = "GCA_API_KEY"
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@frozen
class Provider:
    """A service and its API.

    Attributes
    ----------
    wire
        Name of the wire format.
    url
        Base URL of the API.
    keys
        Environment variables that may contain the key; empty if the server needs no key.
    version
        Path of the API, which is added to a base URL without a path.
    """

    wire: str
    url: str
    keys: tuple[str, ...]
    version: str = "/v1"


PROVIDERS: Mapping[str, Provider] = {
    "openai": Provider("openai", "https://api.openai.com/v1", ("OPENAI_API_KEY",)),
    "anthropic": Provider("anthropic", "https://api.anthropic.com/v1", ("ANTHROPIC_API_KEY",)),
    "gemini": Provider(
        "gemini",
        "https://generativelanguage.googleapis.com/v1beta",
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        "/v1beta",
    ),
    "ollama": Provider("openai", "http://127.0.0.1:11434/v1", ()),
    "openrouter": Provider("openai", "https://openrouter.ai/api/v1", ("OPENROUTER_API_KEY",)),
}


@frozen
class Endpoint:
    """The server, model and key of a language model.

    Attributes
    ----------
    name
        ``provider:model``. If the server is not the provider's own, ``@`` and the server follow, with its path if that
        is not the usual one, because one server may offer several models of the same name. It never contains a key.
    wire
        Name of the wire format.
    model
        Name of the model, as it is sent.
    url
        Base URL of the API, without user, password and query.
    user, query
        Those parts of the base URL, which may be secret or empty: ``user:password`` and the text after ``?``.
    key
        The API key, which may be empty.
    key_names
        Environment variables that may contain the key.
    headers
        Extra headers, such as those that an institutional gateway requires; their values are secret, too.
    """

    name: str
    wire: str
    model: str
    url: str
    key: Secret
    key_names: tuple[str, ...] = ()
    headers: Mapping[str, Secret] = field(factory=dict)
    user: Secret = field(factory=Secret)
    query: Secret = field(factory=Secret)

    @property
    def host(self) -> str:
        """Host and port, for messages."""
        return urlsplit(self.url).netloc

    @property
    def is_self_run(self) -> bool:
        """Whether the user or an institution probably runs the server: it uses http, and commercial services do not."""
        return urlsplit(self.url).scheme == "http"

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine."""
        return is_loopback(urlsplit(self.url).hostname or "")

    def hide(self, text: str) -> str:
        """A text with everything secret masked: key, header values, user, password and query."""
        for secret in self._secrets():
            text = secret.hide_in(text)
        return hide_users(text)

    def scrub(self, body: bytes) -> bytes:
        """A raw reply with all of that masked, unless it is short enough to be words of the reply."""
        text = body.decode("utf-8", "surrogateescape")
        for secret in self._secrets():
            text = secret.hide_in(text, MIN_SCRUBBED)
        return text.encode("utf-8", "surrogateescape")

    def _secrets(self) -> Iterator[Secret]:
        yield from (self.key, *self.headers.values(), self.user, self.query)
        yield self.user.map(lambda text: unquote(text.partition(":")[2]))
        for index in range(self.query.reveal().count("&") + 1):
            pair = self.query.map(partial(_pair, index))
            yield from (pair, pair.map(_long))


def endpoint_of(
    name: str,
    environ: Mapping[str, str],
    *,
    base_url: Union[str, Secret, None] = None,
    api_key: Union[str, Secret, None] = None,
    headers: Optional[Mapping[str, str]] = None,
) -> Endpoint:
    """The endpoint of a model name.

    Parameters
    ----------
    name
        ``provider:model``. With ``base_url``, a bare model name is accepted too, and OpenAI's format is used.
    environ
        Environment variables, which may contain the key.

    Raises
    ------
    InputError
        If the provider is unknown, the URL is invalid, or the service needs a key and none is given.
    """
    # From here on, no variable of a frame has a secret text, because tracebacks may show the variables.
    environ, api_key, base_url = Concealed(environ), Secret.of(api_key), Address.of(base_url)
    headers = Concealed(headers)
    provider_name, model, provider = _split_name(name, bool(base_url))
    address = base_url or _default_address(provider_name, provider, environ)
    key_names = provider.keys if not base_url else tuple(dict.fromkeys((*provider.keys, ANY_SERVER_KEY)))
    variable = next((n for n in key_names if environ.get(n, "").strip()), None)
    key = api_key or (Secret(environ[variable].strip()) if variable else Secret())
    parts = _usable(address, provider.version)
    if parts is None:
        msg = f"base_url={address!r} is not an http or https address, such as http://127.0.0.1:8080/v1"
        raise InputError(msg)
    if provider.keys and not key and not base_url:
        msg = f"model={name!r} needs a key: set {' or '.join(provider.keys)}, or pass api_key="
        raise InputError(msg)
    secret_headers = {str(name): Secret(str(headers[name])) for name in headers}
    _check_sendable(key, secret_headers)
    full_name = f"{provider_name}:{model}" if provider_name else model
    server = parts.host + (parts.path if parts.path != provider.version else "")
    return Endpoint(
        name=f"{full_name}@{server}" if base_url else full_name,
        wire=provider.wire,
        model=model,
        url=f"{parts.scheme}://{parts.host}{parts.path}",
        key=key,
        key_names=key_names,
        headers=secret_headers,
        user=parts.user,
        query=parts.query,
    )


def is_loopback(host: str) -> bool:
    """Whether a host name means this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split_name(name: str, has_address: bool) -> tuple[str, str, Provider]:
    """The provider's name (empty for a bare model name), the model, and the provider."""
    provider_name, _, model = name.strip().partition(":")
    if provider_name.lower() in PROVIDERS and model.strip():
        return provider_name.lower(), model.strip(), PROVIDERS[provider_name.lower()]
    if not has_address or not name.strip() or provider_name.lower() in PROVIDERS:
        known = ", ".join(f"{p}:MODEL" for p in PROVIDERS)
        msg = f"model={name!r} names no provider and model; write one of {known}, or pass base_url as well"
        raise InputError(msg)
    # The key of a service is sent to that service only: an unnamed server gets GCA_API_KEY or no key.
    return "", name.strip(), Provider("openai", "", (ANY_SERVER_KEY,))


def _check_sendable(key: Secret, headers: Mapping[str, Secret]) -> None:
    if not _is_sendable(key) or " " in key.reveal():
        msg = "the API key contains spaces, or characters that no header can contain; was it copied whole?"
        raise InputError(msg)
    for header, value in headers.items():
        if not _HEADER.fullmatch(header) or not _is_sendable(value):
            msg = f"the header {header!r} cannot be sent: its name or its value is not plain ASCII; correct it"
            raise InputError(msg)


def _is_sendable(value: Secret) -> bool:
    text = value.reveal()
    return text.isascii() and text.isprintable() and text == text.strip()


def _default_address(name: str, provider: Provider, environ: Mapping[str, str]) -> Address:
    # OLLAMA_HOST is the address that Ollama listens on. "0.0.0.0:11434" means all addresses, so use this machine's.
    host = environ.get("OLLAMA_HOST", "").strip() if name == "ollama" else ""
    if not host:
        return Address(provider.url)
    url = (host if "//" in host else f"http://{host}").replace("//0.0.0.0", "//127.0.0.1")
    try:
        parts = urlsplit(url)
        port = "" if parts.port else ":11434"
        return Address(urlunsplit((parts.scheme, f"{parts.netloc}{port}", parts.path, parts.query, "")))
    except ValueError:
        return Address(url)


@frozen
class _Parts:
    """The parts of a base URL."""

    scheme: str
    host: str
    path: str
    user: Secret
    query: Secret


def _usable(address: Address, version: str) -> Optional[_Parts]:
    """The parts of a base URL, None if it cannot be used. If it has no path, the path of the API is added."""
    try:
        parts = urlsplit(address.reveal().strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return None
    path = parts.path.rstrip("/")
    for ending in ("/chat/completions", "/messages"):
        path = path[: -len(ending)] if path.endswith(ending) else path
    user, _, host = parts.netloc.rpartition("@")
    return _Parts(parts.scheme, host, path or version, Secret(user), Secret(parts.query)) if usable else None


def _pair(index: int, query: str) -> str:
    """One part of a query, such as ``key=value``."""
    return query.split("&")[index]


def _long(pair: str) -> str:
    """The value of a part of a query, if it is long enough to be a key and not a word."""
    value = unquote_plus(pair.partition("=")[2])
    return value if len(value) >= MIN_VALUE else ""
