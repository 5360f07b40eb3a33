"""Every code block of README.md, CONTRIBUTING.md and docs/ runs, or is checked against the program.

Blocks of ``python`` and ``bash`` run in the order of their page, in a folder with the files that a reader would have;
lines of ``console`` blocks must be commands that there are, with options that they have.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
import unittest
from importlib.metadata import metadata
from pathlib import Path

import click
import pytest

from gca_scanpy import io
from gca_scanpy._cli.main import main

ROOT = Path(__file__).resolve().parents[2]
if not (ROOT / "docs").is_dir():
    pytest.skip("the documents are not there", allow_module_level=True)
NEEDED = os.environ.get("GCA_DOCS")  # nox -s docs: what is not installed is a failure
if not NEEDED:
    pytest.importorskip("sybil", reason="sybil is not installed: nox -s docs installs it")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCKS = {page: re.findall(r"^```(\w+)\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S) for page in PAGES}
KNOWN = {"python", "bash", "console", "text", "json", "r"}  # what is text, or of another language, does not run
# These show what their blocks print.
PRINTED = ["language_models.md", "nuclei.md", "scoring.md", "spatial.md", "trust.md", "tumors.md"]
# These take nothing from the pages before.
ALONE = [
    "README.md", "exports.md", "nuclei.md", "scanpy_integration.md", "scoring.md", "seurat.md", "spatial.md",
    "telemetry.md", "trust.md", "tumors.md",
]  # fmt: skip
LEIDEN = ["scanpy_integration.md", "migration.md"]
# What a page writes that needs no test is not left behind: each page has a folder of its own.
EXTRAS = set(metadata("gca-scanpy").get_all("Provides-Extra"))

needs_bash = pytest.mark.skipif(sys.platform == "win32" or shutil.which("bash") is None, reason="there is no bash")


def _with(language):
    return [page for page in PAGES if any(name == language for name, _ in BLOCKS[page])]


def _id(page):
    return page.name


@functools.cache
def _files(folder, plant):
    """Make the files that a reader has, once; each page has a copy."""
    import numpy as np

    import gca_scanpy as gca

    folder.mkdir()
    cells = plant((30,) * 8)
    cells.obs["leiden"], cells.obs["my_labels"] = cells.obs["cluster"], cells.obs["planted"]
    cells.write_h5ad(folder / "clustered.h5ad")
    cells.write_zarr(folder / "big.zarr")
    cells.write_h5ad(folder / "big.h5ad")
    gca.tl.annotate(cells, "leiden", tissue="blood", copy=True).write_h5ad(folder / "annotated.h5ad")
    counts = cells.copy()
    counts.X = counts.layers["counts"].astype(np.float32)
    counts.obs = counts.obs[[]]
    del counts.layers["counts"]
    counts.write_h5ad(folder / "counts.h5ad")
    table = "".join(f"{key},{gene}\n" for key, gene in (("0", "MS4A1"), ("0", "CD79A"), ("1", "CD3D"), ("1", "CD3E")))
    (folder / "markers.csv").write_text(f"cluster,gene\n{table}")
    (folder / "lab_labels.csv").write_text("label\nTAL\nPodocytes 2\n")
    (folder / "my_markers.csv").write_text("cell_type,gene\nB cell,MS4A1\nB cell,CD79A\n")
    return folder


@pytest.fixture
def reader(tmp_path, tmp_path_factory, monkeypatch, plant):
    """Give a folder with the files that a reader has: counts, clustered and annotated cells, marker tables."""
    shutil.copytree(_files(tmp_path_factory.getbasetemp() / "reader", plant), tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def _figures_closed():
    """Close figures before and after a page; if those of many tests are open, Matplotlib warns."""
    from matplotlib import pyplot as plt

    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture(autouse=True)
def _logging_as_before():
    """Undo the levels that a page sets, which hide records from later tests of the same process."""
    loggers = [logging.getLogger(), logging.getLogger("gca_scanpy")]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels):
        logger.setLevel(level)


@pytest.fixture
def stand_in(monkeypatch):
    """Give the address of a server on this machine that answers as a language model; keys lead to it, and to nobody."""
    path = ROOT / "tests" / "_llm" / "server.py"
    spec = importlib.util.spec_from_file_location("gca_docs_server", path)
    server = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(server)
    running = server.FaultServer(lambda request, _: server.openai(request.entries("B cell")))
    monkeypatch.setenv("OPENAI_API_KEY", "no-key")
    monkeypatch.setenv("GCA_BASE_URL", running.url)
    yield running.url
    running.close()


def test_every_block_has_a_language():
    """No block is left out because nobody says what it is."""
    for page, blocks in BLOCKS.items():
        opened = re.findall(r"^```(\S+)", page.read_text(encoding="utf-8"), re.M)
        assert {name for name in opened if not name.startswith("{")} <= KNOWN, page
        assert len([name for name in opened if not name.startswith("{")]) == len(blocks), page
    assert sum(len(blocks) for blocks in BLOCKS.values()) > 50


@pytest.mark.filterwarnings("ignore::gca_scanpy.errors.DeprecatedNameWarning")
@pytest.mark.parametrize("page", _with("python"), ids=_id)
def test_the_python_runs(page, reader, stand_in, capsys):
    """The blocks of a page run one after the other; servers that it names are the one of this test."""
    from sybil import Document
    from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

    if page.name in LEIDEN and not NEEDED:
        pytest.importorskip("igraph", reason="igraph is not installed: nox -s docs installs it")
    text = re.sub(r"https?://(127\.0\.0\.1:\d+|gateway\.example\.org)", stand_in, page.read_text(encoding="utf-8"))
    document = Document(text, str(page))
    document.namespace.update(_before(page))
    regions = [region for parser in (SkipParser(), PythonCodeBlockParser()) for region in parser(document)]
    for region in sorted(regions, key=lambda region: region.start):
        document.add(region)
    assert sum(_runs(example) for example in document.examples()) > 0
    if page.name in PRINTED:  # broken into lines for the page
        shown = "".join(text for language, text in BLOCKS[page] if language == "text")
        printed = capsys.readouterr().out.replace(stand_in.partition("//")[2], "127.0.0.1:8080")
        assert "".join(shown.split()) == "".join(printed.split())


def _runs(example):
    """Run an example; False where the page says that it is not for here."""
    try:
        example.evaluate()
    except unittest.SkipTest:
        return False
    return True


def _before(page):
    """What a page takes for granted: the names that its reader has from the pages before."""
    if page.name in ALONE:
        return {}
    import scanpy as sc

    import gca_scanpy as gca

    adata = sc.read_h5ad("annotated.h5ad")
    sc.tl.rank_genes_groups(adata, "leiden")
    return {"adata": adata, "gca": gca, "sc": sc}


@needs_bash
@pytest.mark.parametrize("page", [page for page in _with("bash") if page.name != "command_line.md"], ids=_id)
def test_the_shell_runs(page, reader):
    """The blocks of bash run as they stand."""
    _in_bash("".join(text for language, text in BLOCKS[page] if language == "bash"), reader)


@needs_bash
@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_the_pipeline(tmp_path):
    """The pipeline of command_line.md runs as it stands there, and writes what it says."""
    ((_, block),) = (block for block in BLOCKS[ROOT / "docs" / "command_line.md"] if block[0] == "bash")
    assert len(block.strip().splitlines()) == 10
    assert _in_bash(block, tmp_path).endswith("a cluster is unknown, look at it\n")
    report = io.read_report(tmp_path / "report.json")
    rows = [line.split("\t")[:2] for line in (tmp_path / "labels.tsv").read_text(encoding="utf-8").splitlines()]
    assert rows == [[c.cluster_id, c.annotation.primary_label] for c in report.clusters]
    assert (tmp_path / "mine.h5ad").stat().st_size > 100_000
    assert "12 clusters" in (tmp_path / "again.txt").read_text(encoding="utf-8")


def _in_bash(code, folder):
    """What a script prints, which must not fail."""
    program = f'gca() {{ "{sys.executable}" -m gca_scanpy "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", program + code],
        cwd=folder,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _commands(page):
    for language, text in BLOCKS[page]:
        if language == "console":
            lines = text.replace("\\\n", " ").splitlines()
            yield from (words for words in (shlex.split(line, comments=True) for line in lines) if words)


@pytest.mark.parametrize("page", _with("console"), ids=_id)
def test_the_commands_are_there(page, reader, tmp_path):
    """Each line of a console block is a command that there is, with options, sessions, files and extras it has."""
    for words in _commands(page):
        program, rest = words[0], words[1:]
        if program == "gca":
            _accepted(rest)
        elif program == "eval":
            _accepted(re.fullmatch(r"\$\(gca (.*)\)", rest[0])[1].split())
        elif words[:4] == ["python", "-m", "pip", "install"]:
            asked = {name for text in rest for name in re.findall(r"\[(.*?)\]", text)}
            assert {name for text in asked for name in text.split(",")} <= EXTRAS, words
            groups = {rest[place + 1] for place, word in enumerate(rest) if word == "--group"}
            listed = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("[dependency-groups]")[2]
            assert groups <= set(re.findall(r"^(\w+) = \[", listed.partition("\n[")[0], re.M)), words
        elif program == "nox":
            ours = set(re.findall(r"^def ([a-z]\w*)", (ROOT / "noxfile.py").read_text(encoding="utf-8"), re.M))
            own = rest[1 : rest.index("--") if "--" in rest else None]
            assert {name.partition("-")[0] for name in own} <= ours, words
        elif program in {"python", "pytest"} or program.startswith("."):
            path = program if program.startswith(".") else next(word for word in rest if not word.startswith("-"))
            assert (ROOT / path).exists(), words
        else:
            pytest.fail(f"{page.name}: nobody knows how to check {' '.join(words)}")


def _accepted(words):
    """Let click read the words without doing what they say."""
    words = words[: words.index(">")] if ">" in words else words
    command, context = main, None
    while True:
        context = click.Command.make_context(command, command.name, list(words), parent=context)
        if not isinstance(command, click.Group):
            return
        name = "_protected_args" if hasattr(context, "_protected_args") else "protected_args"  # click 8.2 and before
        given = [*getattr(context, name), *context.args]
        _, command, words = command.resolve_command(context, given)


def test_the_contract_names_every_key():
    """The table of what is written has each column and each entry, and no other."""
    from gca_scanpy import _keys

    text = (ROOT / "docs" / "scanpy_integration.md").read_text(encoding="utf-8")
    named = set(re.findall(r'^\| `(\.\w+\["[^`]*)`', text, re.M))
    entries = {value for name, value in vars(_keys).items() if name.startswith("UNS_")}
    keys = _keys.ObsKeys()
    columns = {f'.obs["{name}"]' for name in (*keys.all(), keys.curated_label, keys.curated_ontology_id)}
    colors = f'.uns["{_keys.colors_of(keys.label)}"]'  # the row names the other two
    assert named == columns | {f'.uns["gptca"]["{name}"]' for name in entries} | {colors}


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_links_within_the_checkout(page):
    """A relative link leads to a file, and its fragment to a heading of it; Sphinx sees to the site only."""
    for target in re.findall(r"\]\((?!https?://|mailto:)([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, fragment = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if fragment:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.M)
            slugs = {re.sub(r"[^\w -]", "", text.casefold()).replace(" ", "-") for text in headings}
            assert fragment in slugs, target
