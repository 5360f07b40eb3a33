"""Write gca_scanpy/data/ontology.tsv.gz from a release of the Cell Ontology.

    python scripts/build_ontology.py CL-ontology-v2026-03-26.json.zst

The input is a file in PyPI's cellxgene-ontology-guide (Cell Ontology, CC BY 4.0,
obofoundry.org/ontology/cl). Needs zstandard.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path

import zstandard

DATA = Path(__file__).resolve().parents[1] / "gca_scanpy" / "data"


def rows(terms: dict[str, dict]) -> list[str]:
    """`id, label, parents, exact synonyms` of each current term, ordered by id."""
    current = {key: term for key, term in terms.items() if key.startswith("CL:") and not term.get("deprecated")}
    out = []
    for key in sorted(current):
        term = current[key]
        parents = sorted(p for p, distance in term["ancestors"].items() if distance == 1 and p in current)
        synonyms = sorted(set(term.get("synonyms", [])))
        out.append(
            "\t".join([key.removeprefix("CL:"), term["label"], ",".join(p[3:] for p in parents), "|".join(synonyms)])
        )
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("release", type=Path)
    path = parser.parse_args().release
    with path.open("rb") as file:
        terms = json.load(zstandard.ZstdDecompressor().stream_reader(file))
    version = path.name.split("-v")[-1].split(".")[0]
    lines = rows(terms)
    text = "\n".join([f"# Cell Ontology {version}, CC BY 4.0", "id\tlabel\tparents\tsynonyms", *lines]) + "\n"
    target = DATA / "ontology.tsv.gz"
    with target.open("wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as out:
        out.write(text.encode())
    print(target.name, len(lines), "terms", target.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
