"""The program itself: help, version, and how it ends."""

from __future__ import annotations

import json
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


QUICK = [
    ["--help"],
    ["annotate", "--help"],
    ["--version"],
    ["schema"],
    ["cache", "info"],
    ["presets"],
    ["completion", "zsh"],
]


@pytest.mark.parametrize("arguments", QUICK, ids=" ".join)
def test_help_does_not_import_scanpy(gca, arguments):
    """What needs no data waits for neither Scanpy, AnnData nor matplotlib."""
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


def test_the_schema(gca):
    """``gca schema`` prints the schema that reports validate against."""
    from gca_scanpy import io

    done = gca("schema")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == io.json_schema()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(gca, shell):
    """The script asks the program, and the program completes commands, options and values."""
    script = gca("completion", shell)
    assert (script.returncode, script.stderr) == (0, "")
    assert f"_GCA_COMPLETE={shell}_complete" in script.stdout
    if shell == "bash":
        for words, number, wanted in (
            ("gca ann", "1", ["annotate"]),
            ("gca annotate --stats", "2", ["--stats-json"]),
            ("gca annotate --preset mouse_k", "3", ["mouse_kidney"]),
        ):
            asked = {"_GCA_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": number}
            program = "from gca_scanpy._cli.main import main; main(prog_name='gca')"  # as the console script does
            done = subprocess.run(
                [sys.executable, "-c", program], env={**os.environ, **asked}, capture_output=True, text=True, timeout=60
            )
            assert [line.partition(",")[2] for line in done.stdout.splitlines()] == wanted


def test_the_older_command(gca, tmp_path):
    """``gca scanpy annotate`` works with the options of then, says what it is called now, and is not in the help."""
    (tmp_path / "in.csv").write_text("cluster,gene\n" + "".join(f"a,{gene}\n" for gene in ("MS4A1", "CD79A", "CD79B")))
    options = ["--species", "Homo sapiens", "--top-n-markers=2", "--guardrail-min-overlap", "1", "--progress"]
    done = gca("scanpy", "annotate", "in.csv", *options, "--summary-csv", "out.csv", "--json-report", "out.json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "Warning: 'gca scanpy annotate' is deprecated; call 'gca annotate'\n"
    assert "1 clusters: 1 supported" in done.stdout
    assert (tmp_path / "out.csv").exists()
    parameters = json.loads((tmp_path / "out.json").read_text())["parameters"]
    assert (parameters["n_markers"], parameters["min_support"]) == ("2", "1")
    assert "\n  scanpy" not in gca("--help").stdout


def test_the_labels_to_validate_of_the_older_command():
    """The column was an option of its own; both ways of writing it are understood."""
    from gca_scanpy._cli.legacy import _modern

    assert _modern(["x", "--cluster-key", "c", "--validate-only", "--label-column", "mine"]) == [
        "x", "--groupby", "c", "--validate-only", "mine",
    ]  # fmt: skip
    assert _modern(["x", "--validate-only", "mine"]) == ["x", "--validate-only", "mine"]


def test_the_console_script_is_the_same_program():
    """``gca`` is installed, and is what ``python -m gca_scanpy`` runs."""
    from importlib.metadata import entry_points

    found = entry_points()
    scripts = found.select(group="console_scripts") if hasattr(found, "select") else found["console_scripts"]
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
