"""Print the changelog of a release. The exit code is 1 if the tag, version, changelog or addresses do not agree.

python scripts/release_notes.py v1.2.3 [https://github.com/OWNER/NAME, the repository that publishes]
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
URLS = ("Homepage", "Documentation", "Issues", "Changelog")


def notes(tag: str, version: str, changelog: str) -> str:
    """The section of a version in the changelog.

    Raises
    ------
    ValueError
        If the tag names another version, or the changelog has no dated section of this version, or an empty one.
    """
    if tag != f"v{version}":
        raise ValueError(f"the tag is {tag}, but gca_scanpy/_packages.py says {version}")
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$"
    section = re.search(rf"{heading}\n(.*?)(?=^## |^\[[^\]]+\]: |\Z)", changelog, re.M | re.S)
    if section is None or not section[1].strip():
        raise ValueError(f"CHANGELOG.md has no section '## [{version}] - YYYY-MM-DD' with something in it")
    return section[1].strip() + "\n"


def check_urls(project: dict[str, Any], repository: str = "https://") -> None:
    """Check that the page on PyPI will link to the repository.

    Raises
    ------
    ValueError
        If an address is missing, or belongs to another repository.
    """
    urls = project.get("urls", {})
    wrong = [f"{name} = {urls.get(name)}" for name in URLS if not urls.get(name, "").startswith(repository)]
    if wrong:
        raise ValueError(f"[project.urls] in pyproject.toml must begin with {repository}, and has {', '.join(wrong)}")


def main() -> None:
    import tomllib  # new in Python 3.11; the tests import this file on older Pythons as well

    version = re.findall(r'__version__ = "(.+)"', (ROOT / "gca_scanpy" / "_packages.py").read_text(encoding="utf-8"))[0]
    try:
        check_urls(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"], *sys.argv[2:])
        print(notes(sys.argv[1], version, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")), end="")
    except ValueError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
