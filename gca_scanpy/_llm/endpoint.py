"""From a model name, ``provider:model``, to the server, wire format and key to use; and API keys that cannot leak."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Optional
from urllib.parse import urlsplit, urlunsplit

from attrs import field, frozen

from gca_scanpy.errors import InputError

MASK = "***"
MIN_HIDDEN = 4  # characters; a shorter text is not a key, and would match parts of many words
MIN_SCRUBBED = 16  # characters; a shorter text, such as "test", may be a word of the answer, which must not change
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


def plain_url(url: str) -> str:
    """A URL without the parts that may be secret: user, password and query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


@frozen(repr=False)
class Secret:
    """An API key. Its repr and str hide it, so it is in no log or traceback; only :meth:`reveal` returns it."""

    _text: str = field(default="")

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return f"Secret({MASK!r})" if self._text else "Secret('')"

    __str__ = __repr__

    def __reduce__(self) -> str:
        msg = "an API key cannot be pickled; create the model again in the other process"
        raise TypeError(msg)

    def reveal(self) -> str:
        """The key itself, for the request."""
        return self._text

    def hide_in(self, text: str) -> str:
        """A text, such as the message of a server, with the key masked."""
        return text.replace(self._text, MASK) if len(self._text) >= MIN_HIDDEN else text

    def scrub(self, body: bytes) -> bytes:
        """A raw reply with the key masked, before the reply is cut or quoted."""
        return body.replace(self._text.encode(), MASK.encode()) if len(self._text) >= MIN_SCRUBBED else body


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
        Base URL of the API; a query is kept.
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
    url: str = field(repr=plain_url)
    key: Secret
    key_names: tuple[str, ...] = ()
    headers: Mapping[str, Secret] = field(factory=dict)

    @property
    def host(self) -> str:
        """Host and port, for messages."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    @property
    def is_self_run(self) -> bool:
        """Whether the user or an institution probably runs the server: it uses http, and commercial services do not."""
        return urlsplit(self.url).scheme == "http"

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine."""
        return is_loopback(urlsplit(self.url).hostname or "")

    def hide(self, text: str) -> str:
        """A text with the key and the header values masked."""
        for secret in (self.key, *self.headers.values()):
            text = secret.hide_in(text)
        return text

    def scrub(self, body: bytes) -> bytes:
        """A raw reply with the key and the header values masked, unless they are short enough to be words of it."""
        for secret in (self.key, *self.headers.values()):
            body = secret.scrub(body)
        return body


def endpoint_of(
    name: str,
    environ: Mapping[str, str],
    *,
    base_url: Optional[str] = None,
    api_key: Optional[str] = None,
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
    provider_name, model, provider = _split_name(name, base_url)
    url = _base_url(base_url, provider.version) if base_url else _default_url(provider_name, provider, environ)
    key_names = provider.keys if not base_url else tuple(dict.fromkeys((*provider.keys, ANY_SERVER_KEY)))
    key = api_key or next((environ[n].strip() for n in key_names if environ.get(n, "").strip()), "")
    if provider.keys and not key and not base_url:
        msg = f"model={name!r} needs a key: set {' or '.join(provider.keys)}, or pass api_key="
        raise InputError(msg)
    _check_sendable(key, headers or {})
    full_name = f"{provider_name}:{model}" if provider_name else model
    parts = urlsplit(url)
    server = parts.netloc.rpartition("@")[2] + (parts.path if parts.path != provider.version else "")
    return Endpoint(
        name=f"{full_name}@{server}" if base_url else full_name,
        wire=provider.wire,
        model=model,
        url=url,
        key=Secret(key),
        key_names=key_names,
        headers={str(k): Secret(str(v)) for k, v in (headers or {}).items()},
    )


def is_loopback(host: str) -> bool:
    """Whether a host name means this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split_name(name: str, base_url: Optional[str]) -> tuple[str, str, Provider]:
    """The provider's name (empty for a bare model name), the model, and the provider."""
    provider_name, _, model = name.strip().partition(":")
    if provider_name.lower() in PROVIDERS and model.strip():
        return provider_name.lower(), model.strip(), PROVIDERS[provider_name.lower()]
    if base_url is None or not name.strip() or provider_name.lower() in PROVIDERS:
        known = ", ".join(f"{p}:MODEL" for p in PROVIDERS)
        msg = f"model={name!r} names no provider and model; write one of {known}, or pass base_url as well"
        raise InputError(msg)
    # The key of a service is sent to that service only: an unnamed server gets GCA_API_KEY or no key.
    return "", name.strip(), Provider("openai", "", (ANY_SERVER_KEY,))


def _check_sendable(key: str, headers: Mapping[str, str]) -> None:
    if not _is_printable(key) or " " in key:
        msg = "the API key contains spaces, or characters that no header can contain; was it copied whole?"
        raise InputError(msg)
    for header, value in headers.items():
        if not _HEADER.fullmatch(str(header)) or not _is_printable(str(value)) or str(value) != str(value).strip():
            msg = f"the header {str(header)!r} cannot be sent: its name or its value is not plain ASCII; correct it"
            raise InputError(msg)


def _is_printable(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _default_url(name: str, provider: Provider, environ: Mapping[str, str]) -> str:
    # OLLAMA_HOST is the address that Ollama listens on. "0.0.0.0:11434" means all addresses, so use this machine's.
    host = environ.get("OLLAMA_HOST", "").strip() if name == "ollama" else ""
    if not host:
        return provider.url
    url = host if "//" in host else f"http://{host}"
    parts = urlsplit(url.replace("//0.0.0.0", "//127.0.0.1"))
    port = "" if parts.port else ":11434"
    return _base_url(f"{parts.scheme}://{parts.netloc}{port}{parts.path}", provider.version)


def _base_url(url: str, version: str) -> str:
    """The base URL. If it has no path, the path of the API is added."""
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        msg = f"base_url={url!r} is not an http or https address, such as http://127.0.0.1:8080/v1"
        raise InputError(msg)
    path = parts.path.rstrip("/")
    for ending in ("/chat/completions", "/messages"):
        path = path[: -len(ending)] if path.endswith(ending) else path
    return urlunsplit((parts.scheme, parts.netloc, path or version, parts.query, ""))
