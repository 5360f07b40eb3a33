"""Where secrets enter a request, at the last moment, and are masked in what httpx and httpcore log."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Generator, Mapping
from typing import Optional, TypeVar
from urllib.parse import unquote

import httpx

from gca_scanpy._llm.endpoint import Endpoint
from gca_scanpy._secrets import Secret

T = TypeVar("T")
_LOGGERS = ("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")))


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
