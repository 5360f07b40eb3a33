"""Check that an sdist and a wheel hold what belongs into them, and have the same bytes as another build.

    python scripts/check_dist.py DIST [OTHER ...]

Each folder has one sdist and one wheel. Prints sizes and hashes; the exit code is 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

LARGEST_WHEEL = 3_000_000  # bytes
LARGEST_SDIST = 5_000_000
# What a wheel may hold in the package besides its modules.
DATA = (".tsv", ".tsv.gz", ".json", ".css", ".j2", ".js")
NAMES = {"py.typed", "VERSION"}
METADATA = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "LICENSE"}
# What an sdist has at its top level.
TOP = {
    ".gitignore", "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "PKG-INFO", "README.md", "SECURITY.md",
    "benchmarks", "core-dependencies.txt", "docs", "gca_scanpy", "notebooks", "noxfile.py", "pyproject.toml",
    "registries", "scripts", "tests",
}  # fmt: skip
LITTER = {"__pycache__", ".DS_Store", ".coverage", ".ipynb_checkpoints"}


def unexpected_in_wheel(names: list[str]) -> list[str]:
    """The files of a wheel that should not be there."""

    def belongs(name: str) -> bool:
        path = PurePosixPath(name)
        if path.parts[0].endswith(".dist-info"):
            return path.name in METADATA
        return path.parts[0] == "gca_scanpy" and (path.suffix == ".py" or name.endswith(DATA) or path.name in NAMES)

    return [name for name in names if not belongs(name) or LITTER & set(PurePosixPath(name).parts)]


def unexpected_in_sdist(names: list[str]) -> list[str]:
    """The files of an sdist that should not be there."""
    paths = [PurePosixPath(name) for name in names]
    return [str(path) for path in paths if path.parts[1] not in TOP or LITTER & set(path.parts)]


def missing_in_wheel(names: list[str], checkout: Path) -> list[str]:
    """The files of the package in the checkout that the wheel lacks."""
    package = checkout / "gca_scanpy"
    files = [path for path in package.rglob("*") if path.is_file() and not LITTER & set(path.parts)]
    return sorted({path.relative_to(checkout).as_posix() for path in files} - set(names))


def problems(dist: Path, others: list[Path], checkout: Path) -> list[str]:
    """What is wrong with the files of a folder, a sentence each."""
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    sentences = []
    with zipfile.ZipFile(wheel) as archive:
        inside = archive.namelist()
    with tarfile.open(sdist) as archive:
        sources = [member.name for member in archive.getmembers() if member.isfile()]
    sentences += [f"{wheel.name} has {name}" for name in unexpected_in_wheel(inside)]
    sentences += [f"{wheel.name} lacks {name}" for name in missing_in_wheel(inside, checkout)]
    sentences += [f"{sdist.name} has {name}" for name in unexpected_in_sdist(sources)]
    for path, largest in ((wheel, LARGEST_WHEEL), (sdist, LARGEST_SDIST)):
        size = path.stat().st_size
        print(f"{path.name}: {size:,} bytes, sha256 {_hash(path)}")
        if size > largest:
            sentences.append(f"{path.name} has {size:,} bytes; {largest:,} are allowed")
    for other in (path for folder in others for path in sorted(folder.iterdir()) if path.suffix in {".whl", ".gz"}):
        if _hash(other) != _hash(dist / other.name):
            sentences.append(f"{other} has other bytes than {dist / other.name}")
    return sentences


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dist", type=Path)
    parser.add_argument("others", type=Path, nargs="*")
    options = parser.parse_args()
    sentences = problems(options.dist, options.others, Path(__file__).resolve().parents[1])
    if sentences:
        raise SystemExit("\n".join(sentences))


if __name__ == "__main__":
    main()
