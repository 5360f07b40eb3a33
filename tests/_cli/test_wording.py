"""No message of the command line has the words of Python: arguments are options there, and calls are commands."""

from __future__ import annotations

import re

import pytest

from gca_scanpy._arguments import KINDS
from gca_scanpy._cli.main import main
from gca_scanpy._cli.wording import options_of, reworded


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
