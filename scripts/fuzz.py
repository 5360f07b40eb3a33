"""Feed damaged input to a reader for some minutes: each input must give a value or an error of this package.

    python scripts/fuzz.py markers|database|report|reply [--minutes 10] [--seed 0]

Valid examples are cut, spliced, doubled and overwritten with bytes and with words of their grammar. An input that
raises another error is written to fuzz-TARGET-N.bin, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import gca_scanpy as gca
from gca_scanpy import _codec
from gca_scanpy._llm import reply
from gca_scanpy._steps import ClusterMarkers, RankedGene

WORDS = (
    b'"', b"'", b",", b"\t", b"\n", b"\r\n", b";", b"{", b"}", b"[", b"]", b":", b"\\", b"\\u0000", b"\\ud800", b"\x00",
    b"\x00", b"null", b"true", b"NaN", b"Infinity", b"-1", b"1e999", b"999999999999999999999", b"\xff\xfe", b"```json",
    b"<think>", b"</think>", b"cluster", b"gene", b"names", b"group", b"cluster_id", b"label", b"clusters", b"label",
    b"clusters", b"\xef\xbb\xbf", b"schema_version", b"1.1", b"=1+1", b"<script>", b"../..", b"MS4A1",
    b"\xf0\x9f\xa7\xac", b"{" * 300, b"[" * 2000, b"x" * 5000,
)  # fmt: skip
CLUSTERS = [ClusterMarkers(key, (RankedGene("MS4A1", "MS4A1"),)) for key in ("0", "1", "10", "", "NK/T cell")]
MAX_SECONDS = 20.0


def mutated(examples: list[bytes], rng: random.Random) -> bytes:
    """One of the examples after a few random changes."""
    data = bytearray(rng.choice(examples))
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        here, there = sorted((rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)))
        change = rng.randrange(7)
        if change == 0:
            del data[here:there]
        elif change == 1:
            data[here:here] = rng.choice(WORDS)
        elif change == 2 and here < len(data):
            data[here] = rng.randrange(256)
        elif change == 3:
            data[here:here] = data[here:there][:2000]
        elif change == 4:
            other = rng.choice(examples)
            data[here:there] = other[rng.randrange(len(other) + 1) :][:500]
        elif change == 5:
            data[here : here + 8] = rng.choice(WORDS)
        else:
            del data[here:]
    return bytes(data)


def markers(data: bytes, folder: Path) -> None:
    """The reader of marker tables gives clusters whose genes are not empty."""
    path = folder / "m.csv"
    path.write_bytes(data)
    clusters = gca.io.read_markers(path)
    assert clusters
    assert all(gene.strip() for genes in clusters.values() for gene in genes)


def database(data: bytes, folder: Path) -> None:
    """The reader of marker databases reads the facts that it gives as the same facts again."""
    path = folder / "d.csv"
    path.write_bytes(data)
    loaded = gca.db.load(path)
    assert gca.db.load(loaded.facts).sha256 == loaded.sha256


def report(data: bytes, folder: Path) -> None:
    """A report that the reader takes is the same after it is written and read again."""
    path = folder / "r.json"
    path.write_bytes(data)
    loaded = gca.io.read_report(path)
    assert _codec.from_json(_codec.to_json(loaded)) == loaded


def answer(data: bytes, _: Path) -> None:
    """The parser of replies gives at most one verdict for each asked cluster, and no other."""
    parsed = reply.parse(data.decode("utf-8", "replace"), CLUSTERS)
    ids = [verdict.cluster_id for verdict in parsed.verdicts]
    asked = {cluster.cluster_id for cluster in CLUSTERS}
    assert len(set(ids)) == len(ids)
    assert set(ids) <= asked
    assert set(ids) | set(parsed.missing) == asked


def examples(target: str) -> list[bytes]:
    """The valid inputs that are damaged."""
    if target in ("markers", "database"):
        return [
            b"cluster,gene\n0,MS4A1\n0,CD79A\n1,CD3D\n",
            b'"","p_val","avg_log2FC","pct.1","pct.2","p_val_adj","cluster","gene"\n"1",0,2.5,0.9,0.1,0,"0","MS4A1"\n',
            b"group\tnames\tscores\tlogfoldchanges\tpvals\n0\tLYZ\t5.1\t2.0\t0.001\n1\tCD3D\t4\t1\t0.01\n",
            b"cell_type,cl_id,gene,species,role\nB cell,CL:0000236,MS4A1,human,positive\nT cell,,Cd3d,mouse,negative\n",
            b"cluster;gene\r\n0;MS4A1\r\n",
        ]
    if target == "report":
        valid = gca.annotate_markers(
            {"0": ["MS4A1", "CD79A"], "NK/T cell": ["NKG7", "CD3D"], "": ["LYZ"]}, tissue="blood"
        )
        return [_codec.to_json(valid).encode(), _codec.to_json(valid, indent=1).encode()]
    entry = {"label": "B cell", "ontology_id": "CL:0000236", "confidence": 0.9, "supporting_genes": ["MS4A1"]}
    whole = json.dumps({"clusters": [{"cluster_id": c.cluster_id, **entry} for c in CLUSTERS]})
    return [whole.encode(), f"<think>{whole}</think>Here:\n```json\n{whole}\n```".encode(), whole[:150].encode()]


TARGETS: dict[str, Callable[[bytes, Path], None]] = {
    "markers": markers,
    "database": database,
    "report": report,
    "reply": answer,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng, seen, bad = random.Random(args.seed), Counter(), 0
    seeds, end = examples(args.target), time.monotonic() + 60 * args.minutes
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end:
            data, start = mutated(seeds, rng), time.monotonic()
            try:
                TARGETS[args.target](data, Path(folder))
                outcome = "a value"
            except gca.GcaError as error:
                outcome = type(error).__name__
            except Exception as error:
                outcome = f"OTHER ERROR: {type(error).__name__}"
                traceback.print_exc()
            if time.monotonic() - start > MAX_SECONDS:
                outcome = "TOO SLOW"
            seen[outcome] += 1
            if outcome.startswith(("OTHER ERROR", "TOO SLOW")):
                bad += 1
                Path(f"fuzz-{args.target}-{bad}.bin").write_bytes(data)
                if bad >= 20:
                    break
    print(f"{args.target}: {sum(seen.values())} inputs;", ", ".join(f"{n} {name}" for name, n in seen.most_common()))
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
