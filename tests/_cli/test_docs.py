"""docs/command_line.md says what the program says, and its pipeline runs."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gca_scanpy import io

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "command_line.md"

pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="the documents are not there")


@pytest.fixture(scope="module")
def script():
    """The script that writes the help texts into the page."""
    spec = importlib.util.spec_from_file_location("gca_write_help", ROOT / "scripts" / "write_help.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_help_texts(script):
    """The page has the help of every command as it is; `python scripts/write_help.py` brings it up to date."""
    text = PAGE.read_text(encoding="utf-8")
    assert script.page(text) == text
    assert {"gca", "gca annotate", "gca cache prune", "gca markers fetch", "gca doctor"} <= set(script.texts())
    assert "gca scanpy" not in script.texts()


def test_the_help_is_what_the_program_prints(gca, script):
    """The texts of the script are those of a child process."""
    done = gca("cache", "prune", "--help", COLUMNS="82")
    assert done.stdout.replace("python -m gca_scanpy", "gca").split() == script.texts()["gca cache prune"].split()


def test_every_option_in_the_text_is_one(script):
    """What the page tells of options, the program has."""
    text = PAGE.read_text(encoding="utf-8").partition(script.HEADING)[0].partition("## From GPT")[0]
    there = set(re.findall(r"--[a-z][a-z0-9-]+", "".join(script.texts().values())))
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", text))
    assert len(named) > 15
    assert named <= there


def test_every_option_is_tested(script):
    """Each option of each command is given to the program in a test of this folder."""
    there = set(re.findall(r"--[a-z][a-z0-9-]+", "".join(script.texts().values()))) - {"--help"}
    own = Path(__file__)
    tests = "".join(path.read_text(encoding="utf-8") for path in own.parent.glob("test_*.py") if path != own)
    given = set(re.findall(r"""["' ](--[a-z][a-z0-9-]+)["' =]""", tests))
    assert there - given == set()


@pytest.mark.skipif(sys.platform == "win32" or shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_the_pipeline(tmp_path):
    """The pipeline of the page runs as it stands there."""
    (block,) = re.findall(r"```bash\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(block.strip().splitlines()) == 10
    program = f'gca() {{ "{sys.executable}" -m gca_scanpy "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", program + block],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("a cluster is unknown, look at it\n")
    report = io.read_report(tmp_path / "report.json")
    rows = [line.split("\t")[:2] for line in (tmp_path / "labels.tsv").read_text(encoding="utf-8").splitlines()]
    assert rows == [[c.cluster_id, c.annotation.primary_label] for c in report.clusters]
    assert (tmp_path / "mine.h5ad").stat().st_size > 100_000
    assert "12 clusters" in (tmp_path / "again.txt").read_text(encoding="utf-8")
