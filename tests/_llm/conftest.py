"""Servers of a test, and a model that asks them."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import sys
from pathlib import Path

import pytest

import gca_scanpy as gca
from gca_scanpy._llm import gate
from gca_scanpy._scoring import case

RANK_ONCE = functools.lru_cache(case.rank)


@pytest.fixture(autouse=True)
def _rank_once(monkeypatch):
    """Rank the candidates of the same genes once; hundreds of these tests ask about the same four types."""
    monkeypatch.setattr(case, "rank", RANK_ONCE)


def _module():
    """The fault server's module; the tests have no package to import it from."""
    name = "gca_fault_server"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("server.py"))
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture
def fault():
    """The module of the fault server: Raw, openai, anthropic, gemini, right."""
    return _module()


@pytest.fixture
def serve():
    """Start a server: ``serve(answer)``; stopped after the test."""
    started = []

    def start(answer=None):
        started.append(_module().FaultServer(answer))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture
def model_of():
    """A model at a server; its limits of time are far beyond what a busy machine needs, unless a test shows them."""

    def make(server, name="openai:any", **options):
        limits = {"timeout": 30.0, "deadline": 60.0, "api_key": "sk-test-0123456789"}
        return gca.LanguageModel(name, base_url=server.url, **{**limits, **options})

    return make


@pytest.fixture
def waits(monkeypatch):
    """Seconds that requests would wait before they are sent, in their order.

    Only these move the clock, and a millionth at each look at it: how fast this machine is changes nothing.
    """
    asked_for, looks = [], itertools.count(1)
    monkeypatch.setattr(gate, "monotonic", lambda: sum(asked_for) + next(looks) / 1e6)
    monkeypatch.setattr(gate.Gate, "sleep", lambda _, seconds: asked_for.append(seconds))
    return asked_for


@pytest.fixture
def many(lineages):
    """Markers of so many clusters, planted types in turn, under ids that a loose match would mix up."""

    def made(count):
        odd = ["1", "10", "01", "CD4+", "CD4-", "7_0", "NK/T cell", "", "β", "x" * 9999]
        names = [*odd, *(f"c{i}" for i in range(max(0, count - len(odd))))][:count]
        kinds = list(lineages)
        return {name: lineages[kinds[i % 4]] for i, name in enumerate(names)}, {
            name: kinds[i % 4] for i, name in enumerate(names)
        }

    return made
