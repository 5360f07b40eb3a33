"""``gca review`` before the page: what cannot be reviewed is said in a line, and no browser opens."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from importlib.util import find_spec
from urllib.request import urlopen

import pytest

from gca_scanpy import tl

needs_ui = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("streamlit", "filelock")), reason="the extra ui is not installed"
)


@pytest.fixture
def annotated_file(cells, tmp_path):
    """An annotated file, under a key of its own."""
    tl.annotate(cells, "cluster", key_added="mine")
    cells.write_h5ad(tmp_path / "cells.h5ad")
    return tmp_path / "cells.h5ad"


@needs_ui
def test_what_cannot_be_reviewed(annotated_file, fails, tmp_path):
    """No such file, another kind, no report under the key: a line, and no page."""
    assert "does not exist" in fails("review", "none.h5ad")
    (tmp_path / "markers.csv").write_text("cluster,gene\n")
    assert "ends in .h5ad or .zarr" in fails("review", "markers.csv")
    assert "no report in .uns['gptca']; it has reports under 'mine'" in fails("review", "cells.h5ad")
    assert "ends in .h5ad" not in fails("review", "cells.h5ad", "--key", "other")


@needs_ui
def test_a_port_that_is_taken(annotated_file, fails):
    """It is said, with the option that helps."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        message = fails("review", "cells.h5ad", "--key", "mine", "--port", port, "--no-browser")
    assert f"port {port} on 127.0.0.1 is not available, it may be in use; give another with --port" in message


@needs_ui
@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_program_ends_its_page(annotated_file, ending, tmp_path):
    """The page answers at the address; by Ctrl-C or a signal program and page end, and nothing has changed."""
    before = annotated_file.read_bytes()
    program = subprocess.Popen(
        [sys.executable, "-m", "gca_scanpy", "review", "cells.h5ad", "--key", "mine", "--no-browser"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job has it ignored
    )
    address = program.stdout.readline().split(" is at ")[1].strip()
    with urlopen(address) as page:
        assert page.status == 200
    assert program.stderr.readline().startswith("Ctrl-C ends it")  # it waits from here on
    os.kill(program.pid, ending)
    assert program.wait(30) == 0
    with socket.socket() as place:
        assert place.connect_ex(("127.0.0.1", int(address.split(":")[2].split("/")[0]))) != 0
    program.stdout.close()
    program.stderr.close()
    assert annotated_file.read_bytes() == before


def test_without_the_extra(annotated_file, fails, monkeypatch):
    """The command that installs it is named."""
    monkeypatch.setitem(sys.modules, "streamlit", None)
    assert "python -m pip install 'gca-scanpy[ui]'" in fails("review", "cells.h5ad")
