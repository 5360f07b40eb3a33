"""The command line, called in this process; the few tests that ask for ``program`` or a terminal start a real one."""

from __future__ import annotations

import importlib.util
import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import pytest
from click.testing import CliRunner

from gca_scanpy._cli.main import main

# Newer click always keeps the streams apart, and has no option for it.
SEPARATE = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}


class Done(NamedTuple):
    """How a call ended; the names are those of ``subprocess.CompletedProcess``."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def gca(tmp_path):
    """Call ``gca`` with these arguments in the test's folder; an error that it does not handle fails the test."""

    def run(*arguments, **environment):
        with pytest.MonkeyPatch.context() as patch, mock.patch.dict(os.environ, environment):
            patch.chdir(tmp_path)
            runner = CliRunner(**SEPARATE)
            done = runner.invoke(main, [*map(str, arguments)], prog_name="gca", catch_exceptions=False)
        return Done(done.exit_code, done.stdout, done.stderr)

    return run


@pytest.fixture
def program(tmp_path):
    """Run ``python -m gca_scanpy`` as a child process; for what only a process shows."""

    def run(*arguments, timeout=120, **environment):
        return subprocess.run(
            [sys.executable, "-m", "gca_scanpy", *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
        )

    return run


@pytest.fixture
def fails(gca):
    """Run a call that must fail: an exit code, an empty stdout, and one line on stderr, which it gives."""

    def run(*arguments, **environment):
        done = gca(*arguments, **environment)
        lines = [line for line in done.stderr.splitlines() if not line.startswith("Warning: ")]
        assert done.returncode > 0
        assert done.stdout == ""
        assert len(lines) == 1, done.stderr
        assert lines[0].startswith("Error: ")
        return lines[0]

    return run


@pytest.fixture
def on_a_terminal(tmp_path):
    """Run with ``"stdout"`` or ``"stderr"`` as a terminal of 80 letters; gives what is shown there."""

    def run(stream, *arguments):
        import fcntl
        import pty
        import struct
        import termios

        main_end, child_end = pty.openpty()
        fcntl.ioctl(child_end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))  # tqdm draws nothing in 0 columns
        child = subprocess.Popen(
            [sys.executable, "-m", "gca_scanpy", *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "80", "LINES": "24", "TERM": "dumb", "PYTHONIOENCODING": "utf-8"},
            **{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: child_end},
        )
        os.close(child_end)
        shown = b""
        while True:
            try:
                part = os.read(main_end, 4096)
            except OSError:  # how Linux says that the other end is closed
                break
            if not part:
                break
            shown += part
        os.close(main_end)
        assert child.wait() == 0
        return shown.decode("utf-8").replace("\r\n", "\n")

    return run


@pytest.fixture
def h5ad(cells, tmp_path):
    """A file with the clusters "0" B cells, "1" T cells, "2" monocytes, "3" NK cells."""
    cells.write_h5ad(tmp_path / "in.h5ad")
    return tmp_path / "in.h5ad"


@pytest.fixture
def table(lineages, tmp_path):
    """A table of cluster and gene, clusters named by what they are."""
    rows = [f'"{label}",{gene}' for label, genes in lineages.items() for gene in genes]
    path = tmp_path / "markers.csv"
    path.write_text("\n".join(["cluster,gene", *rows, ""]), encoding="utf-8")
    return path


@pytest.fixture
def serve():
    """Start a server that answers as a language model does: ``serve(answer)``; stopped after the test."""
    place = Path(__file__).resolve().parents[1] / "_llm" / "server.py"
    spec = importlib.util.spec_from_file_location("gca_cli_fault_server", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    started = []

    def start(answer=None):
        started.append(module.FaultServer(answer))
        return started[-1]

    yield start
    for server in started:
        server.close()
