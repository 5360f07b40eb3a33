"""Annotate cells that do not fit into memory: from zarr, half as many, with two workers, from h5ad, and simulated.

python benchmarks/large.py --cells 1000000 --data FOLDER --write

The cells are written into the folder unless they are there (13 GB for a million cells, with 2 GB of memory). Ten times
as many cells are simulated: each part of them is made when it is read.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import anndata
import measure
import synthetic


def _read(path: Path) -> Any:
    if path.suffix == ".simulated":
        return synthetic.simulated(int(path.stem))
    return anndata.read_h5ad(path, backed="r") if path.suffix == ".h5ad" else anndata.experimental.read_lazy(path)


def one(path: Path, workers: int) -> dict[str, Any]:
    """Annotate a store in this new process, or with workers on 127.0.0.1."""
    import gca_scanpy as gca
    from gca_scanpy import _codec

    result: dict[str, Any] = {}

    adata = _read(path) if path.suffix == ".simulated" else None  # making cells is not what is measured

    def annotate() -> None:
        nonlocal adata
        adata = _read(path) if adata is None else adata
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


def store(folder: Path, cells: int, genes: int, ending: str = ".zarr") -> Path:
    """The store with so many cells, which is written unless it is there."""
    path = folder / f"{cells}{ending}"
    if not path.exists():
        write = synthetic.write_zarr if ending == ".zarr" else synthetic.write_h5ad
        write(path, cells, synthetic.tissue(genes))
    return path


def _named(path: Path, workers: int) -> str:
    how = {".h5ad": "backed h5ad", ".simulated": "simulated", ".zarr": "zarr"}[path.suffix]
    return f"{int(path.stem):,} cells, {how}, {f'{workers} workers' if workers else 'threads of one process'}"


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
        backed, more = store(folder, args.cells, args.genes, ".h5ad"), Path(f"{10 * args.cells}.simulated")
        runs = [(half, 0), (full, 0), (half, 2), (backed, 0), (Path(f"{args.cells}.simulated"), 0), (more, 0)]
        threads = os.cpu_count() or 1
        results = [
            measure.child("large.py", "--one", path, "--workers", workers, threads=threads) for path, workers in runs
        ]
    rows = [
        [_named(path, workers), f"{result['seconds']:.1f}",
         "of the workers" if workers else f"{result['memory'] / 1000:.2f}",
         f"{result['right']} of {len(result['clusters'])}"]
        for (path, workers), result in zip(runs, results)
    ]  # fmt: skip
    head = ["", "seconds", "peak memory, GB", "clusters with their planted broad type"]
    seconds, same = [result["seconds"] for result in results], results[2]["clusters"] == results[0]["clusters"]
    text = (
        f"{measure.machine()}.\n\n{measure.table(head, rows)}\n"
        f"Twice the cells take {seconds[1] / seconds[0]:.2f} times "
        f"the time, and ten times the simulated cells {seconds[5] / seconds[4]:.1f} times. "
        "The report of two workers is "
        f"{'the same as' if same else 'DIFFERENT from'} that of one process.\n"
    )
    print(text)
    if args.write:
        measure.write("large", text)


if __name__ == "__main__":
    main()
