"""``gca review`` before the page: what cannot be reviewed is said in a line, without a browser; ``gca export``."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.request import urlopen

import pandas as pd
import pytest

import gca_scanpy
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
def test_the_program_ends_its_page(annotated_file, tmp_path):
    """The page answers at the address; by Ctrl-C program and page end, and nothing has changed.

    ``program`` of tests/_ui/conftest.py ends it by another signal.
    """
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
    assert program.stderr.readline().startswith("Starting the page")
    assert program.stderr.readline().startswith("Ctrl-C ends it")  # it waits from here on
    os.kill(program.pid, signal.SIGINT)
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


@pytest.fixture
def reviewed(cells, tmp_path):
    """A file with a decision about one cluster."""
    gca_scanpy.tl.annotate(cells, "cluster")
    gca_scanpy.tl.curate(cells, {"0": "pDC"}, who="Ada")
    cells.write_h5ad(tmp_path / "reviewed.h5ad")
    return tmp_path / "reviewed.h5ad"


def test_a_reviewed_file_is_exported(gca, reviewed, tmp_path):
    """Each format has the curated label, the table too, and the file stays as it is."""
    before = reviewed.read_bytes()
    names = {"json": "new/r.json", "csv": "r.csv", "html": "r.html"}
    reports = [text for kind, name in names.items() for text in (f"--{kind}-report", name)]
    done = gca("export", reviewed, *reports, "--cas-json", "cas.json")
    assert done.returncode == 0, done.stderr
    written = [line.partition("wrote ")[2] for line in done.stderr.splitlines()]
    assert sorted(written) == sorted(["cas.json", *(str(Path(name)) for name in names.values())])
    assert "curated label" in done.stdout
    assert reviewed.read_bytes() == before
    report = gca_scanpy.io.read_report(tmp_path / "new" / "r.json")
    assert [decision.to_label for decision in report.audit] == ["plasmacytoid dendritic cell"]
    assert pd.read_csv(tmp_path / "r.csv")["curated_label"].dropna().tolist() == ["plasmacytoid dendritic cell"]
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<title>reviewed.h5ad · cluster · Cell types of 4 clusters</title>" in page
    assert "curated: <bdi>plasmacytoid dendritic cell" in page
    labels = {entry["cell_label"] for entry in json.loads((tmp_path / "cas.json").read_text())["annotations"]}
    assert {"plasmacytoid dendritic cell", "B cell"} <= labels


def test_references(gca, reviewed, tmp_path):
    """What to cite is written as text, or as BibTeX if the file ends in .bib."""
    for name, start in (("cite.txt", "Software and ontology"), ("new/cite.bib", "@article{diehl2016cell,")):
        done = gca("export", reviewed, "--references", name)
        assert (done.returncode, done.stderr) == (0, f"wrote {Path(name)}\n")
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert text.startswith(start)
        assert "10.1093/database/baz046" in text


def test_what_cannot_be_exported(fails, reviewed):
    """Another key is named; nothing is replaced without --force."""
    assert "no report in .uns['mine']" in fails("export", reviewed, "--key", "mine")
    assert "it is an input" in fails("export", reviewed, "--json-report", reviewed)


@pytest.mark.parametrize(("labels", "shown"), [("full", "natural killer cell"), ("short", "NK")])
def test_full_or_short_names(gca, reviewed, tmp_path, labels, shown):
    """--labels chooses the names in the table on stdout and in the page."""
    done = gca("export", reviewed, "--html-report", "r.html", "--labels", labels)
    assert f" {shown} " in done.stdout
    assert f"<bdi>{shown}</bdi>" in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert f"curated: <bdi>{'pDC' if labels == 'short' else 'plasmacytoid dendritic cell'}</bdi>" in (
        tmp_path / "r.html"
    ).read_text(encoding="utf-8")
