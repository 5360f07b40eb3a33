"""``provider:model`` to the place where that model is asked."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Optional
from urllib.parse import urlsplit, urlunsplit

from attrs import field, frozen

from gca_scanpy.errors import InputError

MASK = "***"
MIN_HIDDEN = 4  # a shorter text is no key, and would be found in every word
MIN_SCRUBBED = 16  # a shorter one, such as "test", may be part of an answer's words, which must stay as they are


@frozen(repr=False)
class Secret:
    """A key. Its text is in no repr, so in no log and no traceback; :meth:`reveal` gives it to the wire alone."""

    _text: str = field(default="")

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return f"Secret({MASK!r})" if self._text else "Secret('')"

    __str__ = __repr__

    def __reduce__(self) -> str:
        msg = "a key is not pickled; make the model anew in the other process"
        raise TypeError(msg)

    def reveal(self) -> str:
        """The key itself."""
        return self._text

    def hide_in(self, text: str) -> str:
        """A text, such as a server's message, without the key."""
        return text.replace(self._text, MASK) if len(self._text) >= MIN_HIDDEN else text

    def scrub(self, body: bytes) -> bytes:
        """A reply as it came, without the key, before anything of it is cut or quoted."""
        return body.replace(self._text.encode(), MASK.encode()) if len(self._text) >= MIN_SCRUBBED else body


ANY_SERVER_KEY = "GCA_API_KEY"
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def plain_url(url: str) -> str:
    """A URL without what may be a secret: user, password and query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


@frozen
class Provider:
    """A service and how it is spoken to.

    Attributes
    ----------
    wire
        Name of the wire format.
    url
        Where its API begins.
    keys
        Environment variables that may hold the key; none where the server needs no key.
    version
        Path of the API, for a base URL without one.
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
    """Where and as what a model is asked.

    Attributes
    ----------
    name
        ``provider:model``, with the server where it is not the provider's own, and its path where that is not the
        usual one, since a server may have several models of one name; holds no key.
    url
        Where the API begins, a query kept.
    headers
        Extra headers, such as an institutional gateway wants them; their values are keys too.
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
        """Whether it looks like a server that somebody runs: those have no certificate, services have."""
        return urlsplit(self.url).scheme == "http"

    @property
    def is_local(self) -> bool:
        """Whether the server is this machine."""
        return is_loopback(urlsplit(self.url).hostname or "")

    def hide(self, text: str) -> str:
        """A text without the key or a header's value."""
        for secret in (self.key, *self.headers.values()):
            text = secret.hide_in(text)
        return text

    def scrub(self, body: bytes) -> bytes:
        """A reply without the key or a header's value, as far as they are too long to be words of it."""
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
        ``provider:model``; with ``base_url`` also a bare model name, which is asked in OpenAI's format.
    environ
        Where keys are looked for.

    Raises
    ------
    InputError
        Where the provider is not known, the URL is none, or there is no key for a service that wants one.
    """
    provider_name, _, model = name.strip().partition(":")
    if provider_name.lower() not in PROVIDERS or not model.strip():
        if base_url is None or not name.strip() or provider_name.lower() in PROVIDERS:
            known = ", ".join(f"{p}:MODEL" for p in PROVIDERS)
            msg = f"model={name!r} names no provider and model; write one of {known}, or give base_url as well"
            raise InputError(msg)
        # A key of a service is for that service: a server of no name gets GCA_API_KEY or nothing.
        provider_name, model = "", name
        provider = Provider("openai", "", (ANY_SERVER_KEY,))
    else:
        provider_name = provider_name.lower()
        provider = PROVIDERS[provider_name]
    url = _checked(base_url, provider.version) if base_url else _own_url(provider_name, provider, environ)
    names = provider.keys if not base_url else tuple(dict.fromkeys((*provider.keys, ANY_SERVER_KEY)))
    key = api_key or next((environ[n].strip() for n in names if environ.get(n, "").strip()), "")
    if provider.keys and not key and not base_url:
        msg = f"model={name!r} needs a key: set {' or '.join(provider.keys)}, or pass api_key="
        raise InputError(msg)
    if not _printable(key) or " " in key:
        msg = "the API key holds spaces or letters that no header can carry; was it copied whole?"
        raise InputError(msg)
    for header, value in (headers or {}).items():
        if not _HEADER.fullmatch(str(header)) or not _printable(str(value)) or str(value) != str(value).strip():
            msg = f"the header {str(header)!r} has a name or a value that cannot be sent; both are plain ASCII"
            raise InputError(msg)
    spoken = f"{provider_name}:{model.strip()}" if provider_name else model.strip()
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2] + (parts.path if parts.path != provider.version else "")
    return Endpoint(
        name=f"{spoken}@{place}" if base_url else spoken,
        wire=provider.wire,
        model=model.strip(),
        url=url,
        key=Secret(key),
        key_names=names,
        headers={str(k): Secret(str(v)) for k, v in (headers or {}).items()},
    )


def _printable(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _own_url(name: str, provider: Provider, environ: Mapping[str, str]) -> str:
    # Ollama's own variable: "0.0.0.0:11434" is where it listens, not where it is asked.
    host = environ.get("OLLAMA_HOST", "").strip() if name == "ollama" else ""
    if not host:
        return provider.url
    url = host if "//" in host else f"http://{host}"
    parts = urlsplit(url.replace("//0.0.0.0", "//127.0.0.1"))
    port = "" if parts.port else ":11434"
    return _checked(f"{parts.scheme}://{parts.netloc}{port}{parts.path}", provider.version)


def _checked(url: str, version: str) -> str:
    """A base URL with the path of the API, where it has none."""
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        msg = f"base_url={url!r} is no http or https address, such as http://127.0.0.1:8080/v1"
        raise InputError(msg)
    path = parts.path.rstrip("/")
    for ending in ("/chat/completions", "/messages"):
        path = path[: -len(ending)] if path.endswith(ending) else path
    return urlunsplit((parts.scheme, parts.netloc, path or version, parts.query, ""))


def is_loopback(host: str) -> bool:
    """Whether a host name is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
