"""Compare the packages that the core brings with core-dependencies.txt, on the Pythons of `nox -s tests`.

    python scripts/closure.py [--write]      an unlisted package is an error; --write lists it
    python scripts/closure.py --extras       check that every extra has wheels for every Python

Needs uv, which resolves for a Python that is not installed. Packages are resolved for Linux on x86-64.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import tomllib

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "core-dependencies.txt"
HEADER = "# What `pip install gca-scanpy` brings, by Python; `nox -s packaging` fails if one is missing here.\n"
# Pure Python, published as source only.
SOURCE_ONLY = {"loompy"}


def resolved(python: str, *options: str) -> list[str]:
    """The names of all packages that this Python gets."""
    command = ["uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate", *options]
    command += ["--python-version", python, "--python-platform", "x86_64-manylinux_2_28"]
    done = subprocess.run([*command, "pyproject.toml"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"Python {python}{' '.join(['', *options])}: {done.stderr}")
    return [line.partition("==")[0] for line in done.stdout.splitlines() if "==" in line]


def closure(pythons: list[str]) -> dict[str, list[str]]:
    """The Pythons by package, both sorted."""
    packages: dict[str, list[str]] = {}
    for python in pythons:
        for name in resolved(python):
            packages.setdefault(name, []).append(python)
    return dict(sorted(packages.items()))


def parse(text: str) -> dict[str, list[str]]:
    """The Pythons by package, as the file lists them."""
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return {name: pythons for name, *pythons in lines}


def text(packages: dict[str, list[str]]) -> str:
    """The file that lists these packages."""
    return HEADER + "".join(f"{' '.join([name, *pythons])}\n" for name, pythons in packages.items())


def grown(before: dict[str, list[str]], now: dict[str, list[str]]) -> list[str]:
    """The packages that are not listed for a Python."""
    return [f"{name} on Python {p}" for name, pythons in now.items() for p in pythons if p not in before.get(name, ())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="update the list")
    parser.add_argument("--extras", action="store_true", help="check the wheels of the extras instead")
    options = parser.parse_args()
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    start = "Programming Language :: Python :: 3."
    pythons = [text.rpartition(" ")[2] for text in data["project"]["classifiers"] if text.startswith(start)]
    if options.extras:
        wheels = ["--only-binary", ":all:", *(word for name in SOURCE_ONLY for word in ("--no-binary", name))]
        for python in pythons:
            names = resolved(python, "--all-extras", *wheels)
            print(f"Python {python}: {len(names)} packages with all extras, source only: {', '.join(SOURCE_ONLY)}")
        return
    corners = {python for tier in data["tool"]["gca"]["compat"].values() for python in tier["suite_on"]}
    now = closure([python for python in pythons if python in corners])
    if options.write:
        LIST.write_text(text(now), encoding="utf-8")
    before = parse(LIST.read_text(encoding="utf-8"))
    for name in sorted(before.keys() - now.keys()):
        print(f"the core does not bring {name} anymore")
    more = grown(before, now)
    if more:
        sys.exit("the core brings packages that core-dependencies.txt lacks (--write lists them): " + ", ".join(more))
    print(f"the core brings {len(now)} packages, as listed")


if __name__ == "__main__":
    main()
