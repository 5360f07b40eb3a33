"""The program itself: help, version, and how it ends."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

needs_bash = pytest.mark.skipif(sys.platform == "win32" or shutil.which("bash") is None, reason="there is no bash")


def test_help(gca):
    """``gca --help`` names the commands."""
    done = gca("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "annotate" in done.stdout
    assert "demo" in done.stdout


@needs_bash
def test_a_shell_sees_how_it_ends(tmp_path):
    """Exit codes, what goes to which stream, and a pipe that is closed early: Python adds nothing to them."""
    (tmp_path / "in.csv").write_text("cluster,gene\n" + "".join(f"a,{gene}\n" for gene in ("CD3D", "ZNF10", "ZNF12")))
    code = """
    gca schema >schema.json 2>schema.txt; echo "schema $?"
    gca annotate none.csv 2>missing.txt; echo "missing $?"
    gca annotate --nothing 2>wrong.txt; echo "wrong $?"
    gca annotate in.csv --fail-on unknown >table.txt 2>unknown.txt; echo "unknown $?"
    { gca schema 2>pipe.txt; echo "pipe $?" >pipe_code.txt; } | true
    """
    program = f'gca() {{ "{sys.executable}" -m gca_scanpy "$@"; }}\n'
    done = subprocess.run(["bash", "-c", program + code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    assert done.stdout.split() == "schema 0 missing 2 wrong 2 unknown 3".split()
    assert (tmp_path / "pipe_code.txt").read_text() == "pipe 1\n"
    for name in ("missing", "wrong", "unknown"):
        lines = (tmp_path / f"{name}.txt").read_text().splitlines()
        assert [line.partition(": ")[0] for line in lines] == ["Error"], lines
    assert [(tmp_path / f"{name}.txt").read_text() for name in ("schema", "pipe")] == ["", ""]
    assert "1 cluster: 0 supported, 0 flagged, 1 unknown" in (tmp_path / "table.txt").read_text()


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
    ("arguments", "message"),
    [
        (["anotate"], "No such command 'anotate'"),
        (["--foo"], "No such option"),
        (["annotate"], "Missing argument"),
        (["annotate", "x.csv", "--foo"], "No such option"),
        (["annotate", ".", "--n-markers", "0"], "--n-markers"),
        (["demo", "--out", __file__], "is a file"),
    ],
)
def test_a_wrong_call_is_one_line(fails, arguments, message):
    """A wrong command, option or value is one line that says which."""
    assert message in fails(*arguments)


def test_the_schema(gca):
    """``gca schema`` prints the schema that reports validate against."""
    from gca_scanpy import io

    done = gca("schema")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == io.json_schema()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(gca, shell):
    """The script of each shell asks the program."""
    script = gca("completion", shell)
    assert (script.returncode, script.stderr) == (0, "")
    assert f"_GCA_COMPLETE={shell}_complete" in script.stdout


@pytest.mark.parametrize(
    ("words", "number", "wanted"),
    [
        ("gca ann", 1, "annotate"),
        ("gca annotate --stats", 2, "--stats-json"),
        ("gca annotate --preset mouse_k", 3, "mouse_kidney"),
    ],
)
def test_what_is_completed(words, number, wanted):
    """The program completes commands, options and values for the script of a shell."""
    asked = {"_GCA_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(number)}
    program = "from gca_scanpy._cli.main import main; main(prog_name='gca')"  # as the console script does
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **asked}, capture_output=True, text=True, timeout=60
    )
    assert [line.partition(",")[2] for line in done.stdout.splitlines()] == [wanted]


def test_the_console_script_is_the_same_program():
    """``gca`` is installed, and is what ``python -m gca_scanpy`` runs."""
    from importlib.metadata import entry_points

    entries = entry_points()
    scripts = entries.select(group="console_scripts") if hasattr(entries, "select") else entries["console_scripts"]
    from gca_scanpy._cli.main import main

    assert [script.load() for script in scripts if script.name == "gca"] == [main]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pseudo-terminal")
@pytest.mark.parametrize("name", ["b", "a cluster with a long name"])
def test_a_narrow_terminal_shows_whole_genes(on_a_terminal, tmp_path, name):
    """In a terminal of 80 letters nothing is cut off, and no gene is broken."""
    genes = ["MS4A1", "CD79A", "CD79B"]
    rows = "".join(f"{name},{gene}\n" for gene in genes)
    (tmp_path / "in.csv").write_text(f"cluster,gene\n{rows}", encoding="utf-8")
    text = on_a_terminal("stdout", "annotate", "in.csv")
    assert max(map(len, text.splitlines())) <= 80
    assert set(genes) <= set(text.replace(",", " ").split())
