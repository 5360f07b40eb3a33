"""docs/compatibility.md says what nox and pip read."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("tomllib", reason="Python before 3.11 has no tomllib")
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def script():
    """Give the script that writes the tables into the page."""
    spec = importlib.util.spec_from_file_location(
        "gca_write_compatibility", ROOT / "scripts" / "write_compatibility.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_current(script):
    """The tables are those of pyproject.toml; `python scripts/write_compatibility.py` brings them up to date."""
    text = script.PAGE.read_text(encoding="utf-8")
    assert script.page(text) == text


def test_the_table_follows_its_data(script):
    """What a tier says of a Python is in its cell: all tests, most, the integration tests, may fail, or none."""
    tier = {"requirements": ["scanpy==1.9.*"], "not_on": {}, "suite_on": [], "may_fail": False}
    tiers = {
        "old": {**tier, "suite_on": ["3.9"], "not_on": {"3.13": "no wheels"}},
        "new": {**tier, "requirements": [], "suite_on": ["3.13"]},
        "next": {**tier, "requirements": [], "may_fail": True},
    }
    project = {
        "classifiers": [f"Programming Language :: Python :: 3.{minor}" for minor in (9, 12, 13)],
        "dependencies": ["scanpy>=1.9"],
        "optional-dependencies": {"loom": ["loompy>=3"]},
    }
    own = {"compat": tiers, "integration_tests": ["tests/tl"], "newest_only": ["tests/browser"]}
    text = script.tables({"project": project, "tool": {"gca": own}})
    assert (
        "| old | most tests | integration | no |\n"
        "| new | integration | integration | all tests |\n"
        "| next | may fail | may fail | may fail |\n"
    ) in text
    assert "- most tests: all but `tests/browser`\n" in text
    assert "- old, not on 3.13: no wheels\n" in text
    assert "- integration: `tests/tl`\n" in text
    assert "| `loom` | `loompy>=3` |\n" in text
