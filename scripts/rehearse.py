"""Rehearse a release: compare what registries are given with pyproject.toml, and list what is left before the tag.

    python scripts/rehearse.py DIST [--dry]

DIST has the sdist and the wheel. Prints the release notes, and writes build/release/recipe.yaml, the recipe for
conda-forge with the sha256 of the sdist. A version without date or tag, and changes that are not committed, are errors;
with --dry they are only listed. Nothing is uploaded. `nox -s release` builds and checks the files first.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RECIPE = ROOT / "registries" / "conda-forge" / "recipe.yaml"
LISTING = ROOT / "registries" / "scverse" / "meta.yaml"
CONDA_NAMES = {"matplotlib": "matplotlib-base"}  # conda-forge's name, where it is another
# The fields that scverse's schema requires, and the kind of value of each field.
REQUIRED = tuple(
    "name description project_home documentation_home install license tags version language contact".split()
)
INSTALLS = {"pypi", "conda", "cran", "bioconductor"}
KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(
        ("name", "description", "license", "version", "language", "primary_category", "test_command"),
        ("a text", lambda value: isinstance(value, str) and bool(value.strip())),
    ),
    **dict.fromkeys(
        ("project_home", "documentation_home", "tutorials_home"),
        ("an address", lambda value: isinstance(value, str) and value.startswith("https://")),
    ),
    **dict.fromkeys(
        ("tags", "contact", "publications"),
        ("a list of different texts", lambda value: isinstance(value, list) and all(isinstance(v, str) for v in value)
         and 0 < len(value) == len(set(value))),
    ),
    "install": ("a name by registry", lambda value: isinstance(value, dict) and bool(value) and set(value) <= INSTALLS),
    "category": ("'core' or 'ecosystem'", ("core", "ecosystem").__contains__),
}  # fmt: skip
SUMMARY = 120  # letters of a recipe's summary that conda-forge shows


def run_requirements(project: dict[str, Any]) -> list[str]:
    """The dependencies of pyproject.toml as conda writes them, after Python."""
    pairs = [re.fullmatch(r"([\w.-]+)(.*)", text.replace(" ", "")) for text in project["dependencies"]]
    named = [f"{CONDA_NAMES.get(pair[1], pair[1])} {pair[2]}".strip() for pair in pairs if pair]
    return ["python >=${{ python_min }}", *named]


def recipe_problems(recipe: dict[str, Any], project: dict[str, Any], version: str) -> list[str]:
    """What the recipe says otherwise than pyproject.toml, a sentence each."""
    about, urls = recipe["about"], project["urls"]
    pairs = [
        ("context/version", recipe["context"]["version"], version),
        ("package/name", recipe["package"]["name"], project["name"]),
        ("requirements/run", recipe["requirements"]["run"], run_requirements(project)),
        ("entry_points", recipe["build"]["python"]["entry_points"],
         [f"{name} = {target}" for name, target in project["scripts"].items()]),
        ("about/license", about["license"], project["license"]),
        ("about/license_file", about["license_file"], project["license-files"][0]),
        ("about/homepage", about["homepage"], urls["Homepage"]),
        ("about/documentation", about["documentation"], urls["Documentation"]),
    ]  # fmt: skip
    sentences = [
        f"recipe: {name} is {there!r}, and should be {right!r}" for name, there, right in pairs if there != right
    ]
    if len(about["summary"]) > SUMMARY:
        sentences.append(f"recipe: about/summary has {len(about['summary'])} letters; {SUMMARY} are allowed")
    return sentences


def listing_problems(listing: dict[str, Any], project: dict[str, Any], version: str) -> list[str]:
    """What the entry in scverse's list lacks, or says otherwise than pyproject.toml, a sentence each."""
    pairs = [
        ("name", project["name"]),
        ("license", project["license"]),
        ("project_home", project["urls"]["Homepage"]),
        ("documentation_home", project["urls"]["Documentation"]),
        ("tutorials_home", project["urls"]["Tutorials"]),
        ("install", {"pypi": project["name"]}),
        ("version", version),
    ]
    missing = [f"scverse: {name} is missing" for name in REQUIRED if not listing.get(name)]
    wrong = [f"scverse: {name} is {listing.get(name)!r}, and should be {right!r}" for name, right in pairs
             if listing.get(name) != right]  # fmt: skip
    unknown = [f"scverse: {name} is no field" for name in listing if name not in KINDS]
    kinds = [f"scverse: {name} is {value!r}, and must be {KINDS[name][0]}" for name, value in listing.items()
             if name in KINDS and not KINDS[name][1](value)]  # fmt: skip
    return missing + wrong + unknown + kinds


def left_to_do(version: str, changelog: str, tags: dict[str, str], head: str, changed: str) -> list[str]:
    """What a release of this version still needs, a sentence each; ``tags`` has the commit of each tag."""
    todo = []
    if not re.search(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", changelog, re.M):
        todo.append(f"CHANGELOG.md: rename 'Unreleased' to '[{version}] - YYYY-MM-DD'")
    if changed:
        todo.append(f"commit what is changed:\n{changed}")
    tag = f"v{version}"
    if tag not in tags:
        todo.append(f"tag the commit: git tag -s {tag}")
    elif tags[tag] != head:
        todo.append(
            f"the tag {tag} is on {tags[tag][:12]}, and HEAD is {head[:12]}: raise the version, or check the tag out"
        )
    return todo


def unreleased(changelog: str) -> str:
    """The section of the next version."""
    section = re.search(r"^## \[Unreleased\]\n(.*?)(?=^## |\Z)", changelog, re.M | re.S)
    return section[1].strip() + "\n" if section else ""


def render(recipe: Path) -> int:
    """Let rattler-build, with which conda-forge builds, read and render the recipe; gives the number of its outputs."""
    import rattler_build

    variants = rattler_build.VariantConfig({"python_min": ["3.10"]})
    return len(rattler_build.Stage0Recipe.from_file(recipe).render(variants))


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    import release_notes  # beside this script
    import tomllib
    import yaml

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dist", type=Path)
    parser.add_argument("--dry", action="store_true", help="list what is left to do before the tag, instead of failing")
    options = parser.parse_args()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    (sdist,) = options.dist.glob("*.tar.gz")
    version = sdist.name.removesuffix(".tar.gz").partition("-")[2]
    tags = dict(line.split() for line in _git("tag", "--format=%(refname:short) %(objectname)").splitlines())
    todo = left_to_do(version, changelog, {tag: _git("rev-list", "-n1", tag) for tag in tags},
                      _git("rev-parse", "HEAD"), _git("status", "--short"))  # fmt: skip
    release_notes.check_urls(project)
    problems = recipe_problems(yaml.safe_load(RECIPE.read_text(encoding="utf-8")), project, version)
    problems += listing_problems(yaml.safe_load(LISTING.read_text(encoding="utf-8")), project, version)
    filled = ROOT / "build" / "release" / "recipe.yaml"
    filled.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(sdist.read_bytes()).hexdigest()
    filled.write_text(
        re.sub(r'sha256: "0{64}"', f"sha256: {digest}", RECIPE.read_text(encoding="utf-8")), encoding="utf-8"
    )
    print(f"{filled.relative_to(ROOT)} has {render(filled)} output, with sha256 {digest}")
    is_dated = not any(text.startswith("CHANGELOG.md") for text in todo)
    notes = release_notes.notes(f"v{version}", version, changelog) if is_dated else unreleased(changelog)
    print(f"\nThe text of the release page:\n\n{notes}")
    if todo:
        print("Left to do before the tag is pushed:", *(f"- {text}" for text in todo), sep="\n")
    if problems or (todo and not options.dry):
        raise SystemExit("\n".join(problems) or "this version is not ready")
    print("Nothing was uploaded: pushing the tag starts .github/workflows/release.yml.")


if __name__ == "__main__":
    main()
