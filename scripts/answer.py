"""Annotate the PBMCs that ship with Scanpy, and compare the report with those of other environments.

    python scripts/answer.py FOLDER NAME

The report is written to FOLDER/NAME.json without versions and times. The exit code is 1 if it differs from another
report in the folder in any byte. All reports must come from the same wheel.
"""

from __future__ import annotations

import argparse
import difflib
import json
from pathlib import Path

DIFFERING = {"provenance": ("versions", "request_id", "created_at"), "telemetry": ("seconds", "request_seconds")}


def plain(report: str) -> str:
    """A report in JSON, one value a line, without the values that differ between runs."""
    data = json.loads(report)
    for part, names in DIFFERING.items():
        for name in names:
            del data[part][name]
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def answer(path: Path) -> str:
    """The report of the bundled cells, which the installed packages write to this path."""
    import scanpy as sc

    import gca_scanpy as gca

    adata = sc.datasets.pbmc68k_reduced()
    gca.tl.annotate(adata, groupby="louvain", species="human", tissue="blood")
    gca.io.to_json(adata, path)
    return path.read_text(encoding="utf-8")


def differences(folder: Path, path: Path) -> list[str]:
    """The first lines that differ between this report and each other report of the folder."""
    lines: list[str] = []
    text = path.read_text(encoding="utf-8")
    for other in sorted(folder.glob("*.json")):
        other_text = other.read_text(encoding="utf-8")
        if other_text != text:
            before, after = other_text.splitlines(), text.splitlines()
            lines += list(difflib.unified_diff(before, after, other.stem, path.stem, "", "", 1, ""))[:20]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("name", help="name of this environment, such as 3.9-oldest")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    path = options.folder / f"{options.name}.json"
    path.write_text(plain(answer(path)), encoding="utf-8")
    lines = differences(options.folder, path)
    if lines:
        path.replace(path.with_suffix(".differs"))  # so that the next report is not compared with it
        raise SystemExit("\n".join(["the report differs:", *lines]))
    others = sorted(other.stem for other in options.folder.glob("*.json") if other != path)
    print(f"the same report, byte for byte, as that of {', '.join(others) or 'no other environment yet'}")


if __name__ == "__main__":
    main()
