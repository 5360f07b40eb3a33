"""Write the tables of docs/compatibility.md, after the heading "What is tested", from pyproject.toml.

python scripts/write_compatibility.py
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tomllib

from gca_scanpy._packages import DIFFERENCES

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "compatibility.md"
HEADING = "## What is tested\n"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _packages(tier: dict[str, Any]) -> str:
    named = _code(tier["requirements"]) or "the newest of everything that the Python allows"
    return f"pre-releases, too, of {named}" if tier["may_fail"] else named


def _pythons(project: dict[str, Any]) -> list[str]:
    start = "Programming Language :: Python :: 3."
    return [text.rpartition(" ")[2] for text in project["classifiers"] if text.startswith(start)]


def _matrix(project: dict[str, Any], settings: dict[str, Any]) -> str:
    pythons, tiers = _pythons(project), settings["compat"]
    newest = max((python for tier in tiers.values() for python in tier["suite_on"]), key=pythons.index)

    def cell(tier: dict[str, Any], python: str) -> str:
        if python in tier["not_on"]:
            return "no"
        if python in tier["suite_on"]:
            return "all tests" if python == newest else "most tests"
        return "may fail" if tier["may_fail"] else "integration"

    rows = [[name, *(cell(tier, python) for python in pythons)] for name, tier in tiers.items()]
    packages = [f"- {name}: {_packages(tier)}" for name, tier in tiers.items()]
    excluded = [f"- {name}, not on {p}: {why}" for name, tier in tiers.items() for p, why in tier["not_on"].items()]
    most, integration = _code(settings["newest_only"]), _code(settings["integration_tests"])
    text = "\n".join([*packages, *excluded, f"- most tests: all but {most}", f"- integration: {integration}"])
    return _table(["", *(f"Python {python}" for python in pythons)], rows) + f"\n{text}\n"


def tables(data: dict[str, Any]) -> str:
    """The tables after the heading, from the data of pyproject.toml."""
    project, settings = data["project"], data["tool"]["gca"]
    extras = project["optional-dependencies"].items()
    parts = {
        HEADING: _matrix(project, settings),
        "## What the core needs\n": f"{_code(project['dependencies'])}.\n\n"
        "What comes with these is in `core-dependencies.txt`; a package more needs a reason in the review.\n",
        "## Extras\n": _table(["extra", "brings"], ([f"`{name}`", _code(needs)] for name, needs in extras)),
        "## What differs between versions\n": "All of it is hidden in `gca_scanpy/_packages.py`.\n\n"
        + _table(["from", "what", "entry"], ([f"{d.package} {d.version}", d.what, f"`{d.name}`"] for d in DIFFERENCES)),
    }
    return "\n".join(f"{heading}\n{text}" for heading, text in parts.items())


def page(text: str) -> str:
    """The page with up-to-date tables."""
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return text.partition(HEADING)[0] + tables(data)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
