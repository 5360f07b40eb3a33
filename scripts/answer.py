"""Annotate the PBMCs that come with Scanpy, and compare with what other environments answered.

    python scripts/answer.py FOLDER NAME

The report is written to FOLDER/NAME.json without versions and times. Exit code 1 where another one there differs in a
byte; all of them must be of the same wheel.
"""

from __future__ import annotations

import argparse
import difflib
import json
from pathlib import Path

DIFFERING = {"provenance": ("versions", "request_id", "created_at"), "telemetry": ("seconds", "request_seconds")}


def plain(report: str) -> str:
    """A report in JSON without what differs from run to run, else as it is, in lines."""
    data = json.loads(report)
    for part, names in DIFFERING.items():
        for name in names:
            del data[part][name]
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def answer(path: Path) -> str:
    """The report of the bundled cells, as the installed packages write it to this path."""
    import scanpy as sc

    import gca_scanpy as gca

    adata = sc.datasets.pbmc68k_reduced()
    gca.tl.annotate(adata, groupby="louvain", species="human", tissue="blood")
    gca.io.to_json(adata, path)
    return path.read_text(encoding="utf-8")


def differences(folder: Path, own: Path) -> list[str]:
    """What the other reports of the folder have that this one has not, the first lines of each."""
    found = []
    text = own.read_text(encoding="utf-8")
    for other in sorted(folder.glob("*.json")):
        theirs = other.read_text(encoding="utf-8")
        if theirs != text:
            lines = difflib.unified_diff(theirs.splitlines(), text.splitlines(), other.stem, own.stem, "", "", 1, "")
            found += list(lines)[:20]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("name", help="of this environment, such as 3.9-oldest")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    own = options.folder / f"{options.name}.json"
    own.write_text(plain(answer(own)), encoding="utf-8")
    found = differences(options.folder, own)
    if found:
        own.replace(own.with_suffix(".differs"))  # which the next one is not to be compared with
        raise SystemExit("\n".join(["the report differs:", *found]))
    others = sorted(path.stem for path in options.folder.glob("*.json") if path != own)
    print(f"the same report, byte for byte, as {', '.join(others) or 'no other yet'}")


if __name__ == "__main__":
    main()
