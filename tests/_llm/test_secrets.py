"""One key, one password, one header and one query: in no text that Python, its tools or the package can show."""

from __future__ import annotations

import copy
import importlib
import io
import json
import logging
import pickle
import pkgutil
import pprint
import re
import traceback
import urllib.parse
from pathlib import Path

import attrs
import pytest

import gca_scanpy as gca
from gca_scanpy import _llm, _secrets
from gca_scanpy._llm import prompt, transport
from gca_scanpy._llm.wires import WIRES
from gca_scanpy.errors import InputError, ModelError, ModelWarning

# Globals, because a traceback may show the local variables of a test.
KEY, HEADER, PASSWORD, QUERY = (
    "sk-canary-0123456789",
    "header-canary-01234",
    "password-canary-012",
    "query-canary-012345",
)
CANARIES = (KEY, HEADER, PASSWORD, QUERY)
MESSAGES = [prompt.Message("system", "s"), prompt.Message("user", json.dumps({"clusters": []}))]
SCHEMA = prompt.reply_schema(["0"])
PACKAGE = Path(gca.__file__).parent
WIRE_NAMES = ("openai", "anthropic", "gemini")


def address(server):
    """Put a user, a password and a query into the server's address."""
    return server.url.replace("//", f"//lab:{PASSWORD}@") + f"/v1?code={QUERY}"


@pytest.fixture
def secretive(monkeypatch):
    """Make a model with a secret in each place, at a server."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def make(server, wire="openai", **options):
        places = {"base_url": address(server), "api_key": KEY, "headers": {"X-Team": HEADER}}
        return gca.LanguageModel(f"{wire}:m", **{**places, **options})

    return make


def canaries_in(text):
    """Find the canaries that a text shows, plain or escaped."""
    return [canary for canary in CANARIES if canary[:12] in text or _secrets.Secret(canary).hide_in(text) != text]


def rich_text(*things, **options):
    """Show things as rich does."""
    from rich.console import Console

    console = Console(file=io.StringIO(), width=400)
    for thing in things:
        console.print(thing, **options)
    return console.file.getvalue()


def shown(thing):
    """Show an object as printing tools, debuggers and serializers do, with the name of the tool."""
    from rich import inspect
    from rich.console import Console
    from rich.pretty import pretty_repr

    console = Console(file=io.StringIO(), width=400)
    inspect(thing, console=console, all=True)
    yield "rich.inspect", console.file.getvalue()
    yield "rich.print", rich_text(thing)
    yield "rich.pretty", pretty_repr(thing)
    yield "repr", f"{thing!r} {thing}"
    yield "pprint", pprint.pformat(thing)
    yield (
        "vars",
        str(getattr(thing, "__dict__", "")) + str([getattr(thing, n, "") for n in dir(thing) if n[:2] != "__"]),
    )
    if attrs.has(type(thing)):
        values = attrs.asdict(thing)
        yield "attrs.asdict", str(values)
        yield "json", json.dumps(values, default=str)
    yield "pickle", carried(pickle.dumps, thing)
    yield "copy", carried(copy.deepcopy, thing)


def carried(carry, thing):
    """Show a copy of an object, or why there is none."""
    try:
        return repr(carry(thing))
    except TypeError as error:
        return str(error)


def told(error, by_all=False):
    """Show an exception and its causes with the variables of all frames, as Python and, if asked, other tools do.

    The frames of the test itself are left out, because its variables hold the secrets.
    """
    from rich.traceback import Traceback

    one, seen = error, []
    while one is not None:
        seen.append(one)
        while one.__traceback__ and PACKAGE not in Path(one.__traceback__.tb_frame.f_code.co_filename).parents:
            one.__traceback__ = one.__traceback__.tb_next
        yield "message", f"{one} {one!r} {one.args}"
        parts = traceback.TracebackException.from_exception(one, capture_locals=True)
        yield "traceback", "".join(parts.format())
        if by_all:
            limits = {"locals_max_string": None, "locals_max_length": None}
            trace = Traceback.from_exception(type(one), one, one.__traceback__, show_locals=True, **limits)
            yield "rich.traceback", rich_text(trace)
        one = one.__cause__ or one.__context__
    assert len(seen) < 10
    if not by_all:
        return
    info = pytest.ExceptionInfo.from_exception(error)
    yield "pytest", str(info.getrepr(showlocals=True, style="long", chain=True, truncate_locals=False))
    try:
        from IPython.core.ultratb import VerboseTB
    except ImportError:  # it comes with the notebooks' dependencies
        return
    yield "IPython", "\n".join(VerboseTB().structured_traceback(type(error), error, error.__traceback__))


def assert_silent(*shows):
    """No text shows a canary; the message names the tool that does."""
    for tool, text in (pair for show in shows for pair in show):
        shown = canaries_in(text)
        assert shown == [], f"{tool}: {[line for line in text.splitlines() if canaries_in(line)]}"


def reachable(thing, seen=None):
    """Walk through all objects that can be reached from one by attributes and items."""
    seen = {} if seen is None else seen
    if id(thing) in seen or isinstance(thing, (type, type(re), type(len), type(shown))):
        return
    seen[id(thing)] = thing
    yield thing
    parts = []
    if isinstance(thing, dict):
        parts += [*thing, *thing.values()]
    elif isinstance(thing, (list, tuple, set, frozenset)):
        parts += thing
    slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    names = [*getattr(thing, "__dict__", ()), *(name for name in slots if isinstance(name, str))]
    for part in (*parts, *(getattr(thing, name, None) for name in names)):
        yield from reachable(part, seen)


@pytest.mark.parametrize("wire", WIRE_NAMES)
def test_no_tool_shows_a_key_of_a_model(serve, secretive, wire):
    """Neither the model nor anything in it shows a key, before and after a request, which brings all of them."""
    server = serve()
    model = secretive(server, wire)
    assert_silent(shown(model))
    gca.annotate_markers({"0": ["MS4A1", "CD79A"]}, model=gca.Asking(model, cache=False))
    (request,) = server.requests
    sent = f"{request.path} {request.headers}"
    assert HEADER in sent
    assert QUERY in sent
    assert _secrets.Secret(PASSWORD).hide_in(sent) != sent
    assert (KEY in sent) is (wire != "openai")  # the user takes the place of OpenAI's key
    request = WIRES[wire].request(model.endpoint, MESSAGES, SCHEMA, model._form)
    for thing in (model, model.endpoint, model.endpoint.key, model._transport, request, gca.Asking(model)):
        assert_silent(shown(thing))
    texts = [part for part in reachable([model, request]) if isinstance(part, (str, bytes, bytearray))]
    assert [text for text in texts if canaries_in(str(text))] == []


def test_every_class_keeps_its_keys_as_secrets():
    """A field of any class of the room that is called like a secret has a type that hides it."""
    names, kinds, found = {"key", "headers", "user", "query", "api_key", "password", "token", "secret"}, set(), set()
    for module in pkgutil.walk_packages(_llm.__path__, "gca_scanpy._llm."):
        things = vars(importlib.import_module(module.name)).values()
        kinds |= {kind for kind in things if getattr(kind, "__module__", "") == module.name and attrs.has(kind)}
    for kind in kinds:
        for field in attrs.fields(kind):
            if field.name.lstrip("_") in names:
                assert re.search(r"Secret|Concealed|Address", str(field.type)), f"{kind.__name__}.{field.name}"
                found.add(kind.__name__)
    assert {"Endpoint", "Request"} <= found


ECHOES = {
    "plain": str,
    "JSON": lambda text: "".join(rf"\u{ord(c):04x}" for c in text),
    "URL": lambda text: "".join(f"%{ord(c):02X}" for c in text),
    "HTML": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "lines": lambda text: f"{text[:9]}\n{text[9:]}",
    "cut": lambda text: "x" * 285 + text,
    "quoted": urllib.parse.quote,
}


@pytest.mark.parametrize(
    ("wire", "status"),
    [("openai", 400), ("openai", 401), ("openai", 404), ("openai", 307), ("anthropic", 401), ("gemini", 307)],
)
def test_no_traceback_shows_a_key_of_a_failed_request(serve, secretive, fault, caplog, wire, status):
    """Whatever a server echoes, in whatever form and place: no message, variable of a frame, or log line shows it."""
    caplog.set_level(logging.DEBUG)
    answers = []
    server = serve(lambda *_: answers[-1])
    model = secretive(server, wire)
    for form, write in ECHOES.items():
        echo = " and ".join(map(write, CANARIES))
        headers = {"location": f"http://example.invalid/?key={urllib.parse.quote(echo)}", "x-echo": CANARIES[0]}
        answers.append(fault.Raw(status, {"error": {"message": echo}}, headers))
        with pytest.raises(ModelError) as caught:
            model.complete(MESSAGES, SCHEMA)
        assert_silent(told(caught.value, by_all=(form, wire, status) == ("plain", "openai", 401)))
    model.close()
    assert len(server.requests) >= len(ECHOES)
    records = [("log", f"{record.getMessage()} {record.__dict__}") for record in caplog.records]
    assert {record.name for record in caplog.records} >= {"httpx", "httpcore.http11"}
    assert_silent(records)


FAULTS = {
    "closed port": lambda f: f.Raw(cut=True),
    "too large": lambda f: f.Raw(200, (KEY + " " + PASSWORD).encode() * 9),
    "web page": lambda f: f.Raw(200, f"<html>{KEY}{QUERY}".encode()),
    "no object": lambda f: f.Raw(200, [KEY]),
    "slow": lambda f: f.Raw(200, (KEY * 4).encode(), trickle=0.2),
    "silent": lambda f: f.Raw(200, delay=3.0),
    "overloaded": lambda f: f.Raw(503, {"error": KEY}, {"retry-after": "99"}),
    "refusal": lambda f: f.openai(None, refusal="x" * 190 + KEY),
}


@pytest.mark.parametrize("name", FAULTS)
def test_no_traceback_shows_a_key_of_a_broken_exchange(serve, secretive, fault, monkeypatch, name):
    """The frames of an exchange that breaks, also those of httpx and httpcore, show no key in their variables."""
    monkeypatch.setattr(transport, "MAX_BYTES", 300 if name == "too large" else transport.MAX_BYTES)
    model = secretive(serve(lambda *_: FAULTS[name](fault)), timeout=0.2, deadline=0.5)
    with pytest.raises(ModelError) as caught:
        model.complete(MESSAGES, SCHEMA)
    assert_silent(told(caught.value))


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": f"http://user:{PASSWORD}@h:x/"},
        {"base_url": f"h:80?key={QUERY}"},
        {"base_url": f"ftp://{PASSWORD}@h/"},
        {"base_url": f"http://[::1?key={QUERY}"},
        {"base_url": KEY},
        {"base_url": f"{KEY}+/=x"},
        {"base_url": [f"http://lab:{PASSWORD}@h/?key={QUERY}"]},
        {"base_url": f"http://lab:{PASSWORD}@h/".encode()},
        {"api_key": [KEY]},
        {"api_key": KEY.encode()},
        {"headers": [HEADER]},
        {"headers": {"X-Team": [HEADER]}},
        {"headers": {"X-Team": HEADER, "X-Other": 7}},
        {"api_key": f"{KEY} {KEY}"},
        {"api_key": f"{KEY}\n"},
        {"headers": {"X-Team": f"{HEADER}\n"}},
        {"headers": {"X Team": HEADER}},
        {"headers": {"X-Team": f"Ü{HEADER}"}},
        {"timeout": 0, "base_url": f"http://user:{PASSWORD}@h/"},
        {"api_key": None, "name": "anthropic:m", "base_url": None},
        {"name": "no provider", "base_url": None},
    ],
)
def test_no_error_shows_what_cannot_be_used(monkeypatch, options):
    """A model that cannot be made is an error that shows no part of key, header, password and query."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OTHER_KEY", HEADER)
    given = {"name": "openai:m", "api_key": KEY, "headers": {"X-Team": HEADER}, **options}
    with pytest.raises(InputError) as caught:
        gca.LanguageModel(**given)
    assert_silent(told(caught.value, by_all="timeout" in options))


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": [f"http://lab:{PASSWORD}@h/?key={QUERY}"]},
        {"base_url": Path(f"/{KEY}")},
        {"headers": [HEADER]},
        {"headers": {"X-Team": HEADER, "X-Other": 7}},
    ],
)
def test_no_setting_shows_what_has_a_wrong_type(wrong):
    """A list or a path in the place of a secret is an error that names its type and shows nothing of it."""
    (value,) = wrong.values()
    for use in (gca.settings.current, lambda **values: gca.settings.override(**values).__enter__()):
        with pytest.raises(InputError, match=f"not <{type(value).__name__}>") as caught:
            use(**wrong)
        assert_silent(told(caught.value))


@pytest.mark.parametrize(
    "variables",
    [
        {"GCA_HEADERS": f"Bearer {HEADER}"},
        {"GCA_HEADERS": json.dumps([HEADER])},
        {"GCA_MIN_SUPPORT": "few"},
    ],
)
def test_settings_show_no_key(monkeypatch, variables):
    """Neither the settings nor an error about them show headers, passwords and the environment."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("GCA_BASE_URL", f" http://lab:{PASSWORD}@h:x/?key={QUERY}")
    monkeypatch.setenv("GCA_HEADERS", json.dumps({"X-Team": HEADER}))
    assert_silent(shown(gca.settings), shown(gca.settings.current()))
    assert gca.settings.headers == {"X-Team": HEADER}
    assert str(gca.settings.base_url) == "http://***@h:x/?***"
    with pytest.raises(InputError) as caught, gca.settings.override(headers={"X-Team": HEADER}, timeout=-1):
        pass
    assert_silent(told(caught.value))
    for wrong in (f"Bearer {HEADER}", 7):
        with pytest.raises(InputError, match="headers must be a dict of texts") as caught:
            gca.settings.current(headers=wrong)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError) as caught:
        gca.settings.current()
    assert_silent(told(caught.value, by_all=True))


def test_a_run_leaves_no_key(serve, secretive, fault, cells, tmp_path, caplog):
    """No key is in the report, .uns, the HTML, CSV and JSON, the cache, the warnings and the log of a run."""
    caplog.set_level(logging.DEBUG)
    echo = ECHOES["JSON"](KEY) + " " + ECHOES["URL"](PASSWORD) + f" {HEADER} {QUERY}"

    def answer(request, number):
        entries = [{**entry, "rationale": echo, "caveats": [echo]} for entry in request.entries()]
        return None if not entries else fault.openai(entries) if number == 1 else fault.Raw(401, {"error": echo})

    model = secretive(serve(answer))
    gca.tl.annotate(cells, "cluster", model=gca.Asking(model, cache=tmp_path / "cache"))
    with pytest.warns(ModelWarning) as warned:
        gca.tl.annotate(
            cells, "cluster", model=gca.Asking(model, context="new", cache=tmp_path / "cache"), key_added="b"
        )
    for key in ("gptca", "b"):
        gca.io.to_html(cells, tmp_path / f"{key}.html", key=key)
        gca.io.to_csv(cells, tmp_path / f"{key}.csv", key=key)
        gca.io.to_json(cells, tmp_path / f"{key}.json", key=key)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 10
    assert_silent(
        [(path.name, path.read_text(encoding="utf-8")) for path in files],
        [("warning", str(warning.message)) for warning in warned],
        [("log", f"{record.getMessage()} {record.__dict__}") for record in caplog.records],
        [(".uns", str(cells.uns)), ("report", rich_text(gca.get.report(cells)))],
    )
