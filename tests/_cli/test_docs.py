"""docs/command_line.md shows what the program prints; `nox -s docs` runs its pipeline."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

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
    """The page has the current help of every command; `python scripts/write_help.py` updates it."""
    text = PAGE.read_text(encoding="utf-8")
    assert script.page(text) == text
    assert {"gca", "gca annotate", "gca cache prune", "gca markers fetch", "gca doctor"} <= set(script.texts())
    assert "gca scanpy" not in script.texts()


def test_the_help_is_what_the_program_prints(program, script):
    """The texts of the script are those of a child process."""
    done = program("cache", "prune", "--help", COLUMNS="82")
    assert done.stdout.replace("python -m gca_scanpy", "gca").split() == script.texts()["gca cache prune"].split()


def test_every_option_in_the_text_is_one(script):
    """Every option that the page names exists."""
    text = PAGE.read_text(encoding="utf-8").partition(script.HEADING)[0].partition("## From GPT")[0]
    there = set(re.findall(r"--[a-z][a-z0-9-]+", "".join(script.texts().values())))
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", text))
    assert len(named) > 15
    assert named <= there


def test_every_option_is_tested(script):
    """Each option of each command is given to the program in a test of this folder."""
    there = set(re.findall(r"--[a-z][a-z0-9-]+", "".join(script.texts().values()))) - {"--help"}
    this = Path(__file__)
    tests = "".join(path.read_text(encoding="utf-8") for path in this.parent.glob("test_*.py") if path != this)
    given = set(re.findall(r"""["' ](--[a-z][a-z0-9-]+)["' =]""", tests))
    assert there - given == set()
