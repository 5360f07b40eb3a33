"""What the program prints on stderr, without the words of Python: arguments are options there, calls are commands."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from datetime import datetime

import pytest
from attrs import evolve

import gca_scanpy
from gca_scanpy._arguments import KINDS
from gca_scanpy._cli.main import main
from gca_scanpy._cli.printing import log, options_of, print_report, reworded, to_stderr

CSV = "cluster,gene\n" + "".join(f"1,{gene}\n" for gene in ("MS4A1", "CD79A", "CD79B", "BANK1"))
PANGLAO = ["--marker-db", "panglaodb", "--assets-home", "elsewhere"]


@pytest.fixture
def markers(tmp_path):
    """A marker table of one cluster."""
    (tmp_path / "markers.csv").write_text(CSV)
    return tmp_path / "markers.csv"


def test_log_json(gca, markers, tmp_path):
    """Every line on stderr is a JSON object, warnings and what is done alike; stdout is as always."""
    done = gca("annotate", markers, "--tissue", "blod", "--log-json", "--verbose", "--stats-json", "s.json")
    assert done.returncode == 0
    assert "1 cluster: 1 supported" in done.stdout
    entries = [json.loads(line) for line in done.stderr.splitlines()]
    assert all(datetime.fromisoformat(entry["time"]).utcoffset() is not None for entry in entries)
    warnings = [entry for entry in entries if entry["level"] == "warning"]
    assert [entry["category"] for entry in warnings] == ["UnknownTissueWarning"]
    assert "tissue 'blod' is not known" in warnings[0]["message"]
    assert {"read", "scoring", "written"} <= {entry.get("event") for entry in entries}


@pytest.mark.parametrize(
    ("arguments", "code", "category"),
    [
        (["annotate", "markers.csv", "--log-json", "--nothing"], 2, "UsageError"),
        (["annotate", "markers.csv", "--log-json", *PANGLAO], 1, "DatabaseError"),
    ],
)
def test_errors_as_json(gca, markers, arguments, code, category):
    """An error is one JSON object, even a usage error; --assets-home is the folder in which tables are looked for."""
    done = gca(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    entry = json.loads(done.stderr)
    assert (entry["level"], entry["category"]) == ("error", category)
    assert "--nothing" in entry["message"] or "there is no table of panglaodb in elsewhere; " in entry["message"]


def test_quiet(gca, markers):
    """--quiet leaves out warnings, not the results."""
    done = gca("annotate", markers, "--tissue", "blod", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 cluster: 1 supported" in done.stdout


def test_the_logger_is_as_before(capsys):
    """What the program does with the package's logger ends with it; a message is one line."""
    logger = logging.getLogger("gca_scanpy")
    before = logger.level, logger.propagate, list(logger.handlers)
    with to_stderr([], main):
        log.warning("a\nb")
    assert (logger.level, logger.propagate, logger.handlers) == before
    assert capsys.readouterr().err == "Warning: a b\n"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pseudo-terminal")
def test_a_progress_bar_on_a_terminal_only(gca, markers, on_a_terminal, serve):
    """The bar is on a terminal, and not in a file, nor with --quiet."""
    server = serve()
    ask = ["annotate", markers, "--model", "m", "--base-url", server.url, "--no-cache"]
    assert "language model" in on_a_terminal("stderr", *ask)
    assert on_a_terminal("stderr", *ask, "--quiet") == ""
    piped = gca(*ask)
    assert (piped.returncode, piped.stderr) == (0, "")
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("python", "command_line"),
    [
        ("layer='counts' is not there", "--layer 'counts' is not there"),
        ("choose another matrix with layer=", "choose another matrix with --layer"),
        ("name a column with gene_symbols=; or not", "name a column with --gene-symbols; or not"),
        ("use_raw=True, but .raw is None; leave out use_raw", "--use-raw, but .raw is None; leave out --use-raw"),
        ("use_raw=False is odd", "--no-raw is odd"),
        ("n_threads=0 must be a whole number", "--threads 0 must be a whole number"),
        ("write openai:MODEL, or pass base_url as well", "write openai:MODEL, or pass --base-url as well"),
        ("set OPENAI_API_KEY, or pass api_key=", "set OPENAI_API_KEY"),
        ("the server requires a key: pass api_key=", "the server requires a key: set GCA_API_KEY"),
        ("run gca_scanpy.tl.annotate(adata, groupby=..., key_added='a') first", "run gca annotate first"),
        ("gca_scanpy.get.curation(adata, 'gptca') lists the decisions", "gca review lists the decisions"),
        # What is not an argument, or is the user's, stays.
        ("there is no .obs['key_added']; columns: 'marker_db'", "there is no .obs['key_added']; columns: 'marker_db'"),
        ("my_marker_db.csv and marker_db.csv and a/marker_db", "my_marker_db.csv and marker_db.csv and a/marker_db"),
        ("https://h/x?model=a&tissue=b", "https://h/x?model=a&tissue=b"),
        ("copy=True is for Python", "copy=True is for Python"),
    ],
)
def test_arguments_become_options(python, command_line):
    """An argument with an option is replaced by it, and nothing else is."""
    assert reworded(python, main) == command_line


def test_every_argument_of_annotate_has_its_option():
    """The arguments that the command line can set are found under the same names."""
    assert {"tissue", "species", "groupby", "key_added", "layer", "marker_db"} <= options_of(main).keys() & KINDS.keys()


CALLS = {
    "a key that is not set": ["--model", "openai:x"],
    "no provider": ["--model", "gpt-9"],
    "offline among models": ["--model", "offline", "--model", "openai:x", "--base-url", "http://127.0.0.1:9"],
    "a column that is not there": ["--groupby", "leiden"],
    "a layer that is not there": ["--layer", "none"],
    "raw that is not there": ["--use-raw"],
    "raw and a layer": ["--use-raw", "--layer", "counts"],
    "no symbols": ["--gene-symbols", "none"],
    "a method that is not there": ["--method", "none"],
    "a species that is not there": ["--species", "yeast"],
    "a table that is not there": ["--marker-db", "none.tsv"],
    "a key of other data": ["--key-added", "other"],
    "a key that no file can contain": ["--key-added", "a/b"],
    "an empty key": ["--key-added", ""],
    "labels that are not there": ["--validate-only", "none"],
    "a tissue that is not there": ["--tissue", "xyzzy", "--layer", "none"],
}


@pytest.mark.parametrize("call", CALLS)
def test_no_error_has_words_of_python(gca, cells, tmp_path, call):
    """Errors and warnings of real calls: no argument, and no call of a function."""
    cells.uns["other"] = {"params": {}}
    cells.write_h5ad(tmp_path / "a.h5ad")
    options = CALLS[call] if "--groupby" in CALLS[call] else ["--groupby", "cluster", *CALLS[call]]
    done = gca("annotate", "a.h5ad", *options)
    shown = done.stderr
    assert (done.returncode > 0, done.stdout) == (True, "")
    assert not re.search(r"(?<!['\w])(\w+)=|gca_scanpy\.|adata\b", shown), shown
    assert not re.search(rf"(?<![\w'\"./-])({'|'.join(name for name in KINDS if '_' in name)})\b", shown), shown


def test_the_server_of_a_key(fails, cells, tmp_path):
    """The environment variable is the way to pass a key, and the only one that is named."""
    cells.write_h5ad(tmp_path / "a.h5ad")
    message = fails("annotate", "a.h5ad", "--groupby", "cluster", "--model", "openai:x")
    assert message == "Error: --model 'openai:x' needs a key: set OPENAI_API_KEY"


@pytest.mark.parametrize(("width", "is_shown"), [(80, False), (119, False), (120, True), (160, True)])
def test_the_finest_guess_needs_a_wide_terminal(capsys, monkeypatch, with_path, width, is_shown):
    """It has a column of its own if there is room; no line is longer than the terminal, and 80 characters suffice."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("shutil.get_terminal_size", lambda fallback: os.terminal_size((width, 24)))
    report = gca_scanpy.annotate_markers({"b": ["MS4A1", "CD79A", "CD79B", "BANK1"], "none": []}, tissue="blood")
    print_report(evolve(report, clusters=(with_path(report.clusters[0]), report.clusters[1])))
    table = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out).splitlines()  # without colors
    assert max(map(len, table[:6])) <= width
    row = next(line for line in table if line.strip().startswith("b "))
    assert ("B cell" in row, "0.81" in row) == (True, True)
    assert ("finest guess" in table[1], "naive B cell 0.47" in row) == (is_shown, is_shown)


def test_a_narrow_terminal_breaks_no_word(capsys, monkeypatch):
    """With 80 characters, the table has no ids, and each word of a label stays whole."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("shutil.get_terminal_size", lambda fallback: os.terminal_size((80, 24)))
    markers = {"0": ["PRSS57", "CD34", "EGFL7", "SPINK2"], "1": ["FCGR3A", "CDKN1C", "LST1", "MS4A7", "RHOC"]}
    report = gca_scanpy.annotate_markers({**markers, "2": ["CD8A", "CD8B", "CD3D", "CD3E"]}, tissue="blood")
    print_report(report)
    text = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    words = {word for cluster in report.clusters for word in cluster.annotation.primary_label.split()}
    assert {"hematopoietic", "non-classical", "CD8-positive,"} <= words
    assert words <= set(text.split())
    assert "CL:" not in text


def test_no_column_without_a_finer_guess(capsys, with_path):
    """If each label is its finest guess, the table has no column for it."""
    report = gca_scanpy.annotate_markers({"b": ["MS4A1", "CD79A", "CD79B", "BANK1"]})
    cluster = with_path(report.clusters[0])
    print_report(evolve(report, clusters=(evolve(cluster, path=cluster.path[:2]),)))
    assert "finest" not in capsys.readouterr().out
