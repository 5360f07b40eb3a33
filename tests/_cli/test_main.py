"""The program itself: help, version, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

HELP_SECONDS = 1.5 if os.environ.get("CI") else 0.5


def test_help_is_quick(gca):
    """``gca --help`` answers at once, and names both commands."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        done = gca("--help")
        seconds.append(time.perf_counter() - start)
    assert done.returncode == 0
    assert "annotate" in done.stdout
    assert "demo" in done.stdout
    assert done.stderr == ""
    assert min(seconds) < HELP_SECONDS


@pytest.mark.parametrize("arguments", [["--help"], ["annotate", "--help"], ["--version"]])
def test_help_does_not_import_scanpy(gca, arguments):
    """Help and version wait for neither Scanpy, AnnData nor matplotlib."""
    done = gca(*arguments, PYTHONPROFILEIMPORTTIME="1")
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines() if "|" in line}
    assert "click" in imported
    assert imported.isdisjoint({"scanpy", "anndata", "matplotlib", "pandas", "numpy"})


def test_the_version(gca):
    """``--version`` prints the version of the package."""
    from gca_scanpy import __version__

    assert gca("--version").stdout.strip() == f"gca, version {__version__}"


def test_no_arguments_give_help(gca):
    """``gca`` alone shows the help, not an error."""
    done = gca()
    assert "Commands:" in done.stdout + done.stderr
    assert "Error" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["anotate"], "No such command 'anotate'"),
        (["--foo"], "No such option"),
        (["annotate"], "Missing argument"),
        (["annotate", "x.csv", "--foo"], "No such option"),
        (["annotate", ".", "--n-markers", "0"], "--n-markers"),
        (["demo", "--out", __file__], "is a file"),
    ],
)
def test_a_wrong_call_is_one_line(fails, arguments, said):
    """A wrong command, option or value is one line that says which."""
    assert said in fails(*arguments)


def test_the_console_script_is_the_same_program():
    """``gca`` is installed, and is what ``python -m gca_scanpy`` runs."""
    from importlib.metadata import entry_points

    found = entry_points()
    scripts = found.select(group="console_scripts") if hasattr(found, "select") else found["console_scripts"]
    from gca_scanpy._cli.main import main

    assert [script.load() for script in scripts if script.name == "gca"] == [main]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pseudo-terminal")
@pytest.mark.parametrize("name", ["b", "a cluster with a long name"])
def test_a_narrow_terminal_shows_whole_genes(tmp_path, name):
    """In a terminal of 80 letters nothing is cut off, and no gene is broken."""
    import pty

    genes = ["MS4A1", "CD79A", "CD79B"]
    rows = "".join(f"{name},{gene}\n" for gene in genes)
    (tmp_path / "in.csv").write_text(f"cluster,gene\n{rows}", encoding="utf-8")
    main_end, child_end = pty.openpty()
    arguments = [sys.executable, "-m", "gca_scanpy", "annotate", str(tmp_path / "in.csv")]
    environment = {**os.environ, "COLUMNS": "80", "LINES": "24", "TERM": "dumb", "PYTHONIOENCODING": "utf-8"}
    child = subprocess.Popen(arguments, stdout=child_end, stderr=subprocess.DEVNULL, env=environment)
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
    text = shown.decode("utf-8").replace("\r", "")
    assert max(map(len, text.splitlines())) <= 80
    assert set(genes) <= set(text.replace(",", " ").split())
