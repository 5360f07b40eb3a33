"""Annotate cells that do not fit into memory: a zarr folder through Dask, twice as many cells, and two workers.

python benchmarks/large.py --cells 1000000 --data FOLDER --write

The cells are written into the folder unless they are there (1.5 GB for a million cells, with 2 GB of memory).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import measure
import synthetic


def _read(path: Path) -> Any:
    import anndata

    return anndata.experimental.read_lazy(path)


def one(path: Path, workers: int) -> dict[str, Any]:
    """Annotate a store in this new process, or with workers on 127.0.0.1."""
    import gca_scanpy as gca
    from gca_scanpy import _codec

    result: dict[str, Any] = {}

    def annotate() -> None:
        adata = _read(path)
        gca.tl.annotate(adata, synthetic.CLUSTER)
        result["clusters"] = _codec.to_dict(gca.get.report(adata))["clusters"]
        truth = synthetic.tissue(n_genes=1).labels
        result["right"] = sum(c["broad_label"] == label for c, label in zip(result["clusters"], truth))

    if workers:
        from dask.distributed import Client, LocalCluster

        options = {"threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1"}
        with LocalCluster(n_workers=workers, **options) as cluster, Client(cluster):
            seconds = measure.seconds(annotate)
    else:
        seconds = measure.seconds(annotate)
    return {"seconds": seconds, "memory": measure.peak(), **result}


def store(folder: Path, cells: int, genes: int) -> Path:
    """The zarr folder with so many cells, which is written unless it is there."""
    path = folder / f"{cells}.zarr"
    if not path.is_dir():
        synthetic.write_zarr(path, cells, synthetic.tissue(genes))
    return path


def main() -> None:
    """Measure and print; with ``--write``, write the table as well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=20_000)
    parser.add_argument("--genes", type=int, default=synthetic.N_GENES)
    parser.add_argument("--data", type=Path, help="folder of the stores; by default a temporary one")
    parser.add_argument("--write", action="store_true", help="write the table into docs/performance.md")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(one(args.one, args.workers)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.data or Path(temporary)
        half, full = (store(folder, cells, args.genes) for cells in (args.cells // 2, args.cells))
        runs = [(half, 0), (full, 0), (half, 2)]
        results = [measure.child("large.py", "--one", path, "--workers", workers) for path, workers in runs]
    rows = [
        [f"{int(path.stem):,} cells, {f'{workers} workers' if workers else 'threads of one process'}",
         f"{result['seconds']:.1f}", "of the workers" if workers else f"{result['memory'] / 1000:.2f}",
         f"{result['right']} of {len(result['clusters'])}"]
        for (path, workers), result in zip(runs, results)
    ]  # fmt: skip
    head = ["", "seconds", "peak memory, GB", "clusters with their planted broad type"]
    ratio, same = results[1]["seconds"] / results[0]["seconds"], results[2]["clusters"] == results[0]["clusters"]
    text = (
        f"{measure.machine()}.\n\n{measure.table(head, rows)}\nTwice the cells take {ratio:.2f} times the time. "
        f"The report of two workers is {'the same as' if same else 'DIFFERENT from'} that of one process.\n"
    )
    print(text)
    if args.write:
        measure.write("large", text)


if __name__ == "__main__":
    main()
