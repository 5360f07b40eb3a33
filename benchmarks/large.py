"""Cells that do not fit into memory: a zarr folder through Dask, twice as many cells, and two workers.

python benchmarks/large.py --cells 1000000 --data FOLDER --write

The cells are written into the folder where they are not there yet (1.5 GB for a million, 2 GB of memory do).
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
    """Annotate a store in this process, which is fresh, or with workers on 127.0.0.1."""
    import gca_scanpy as gca
    from gca_scanpy import _codec

    found: dict[str, Any] = {}

    def annotate() -> None:
        adata = _read(path)
        gca.tl.annotate(adata, synthetic.CLUSTER)
        found["clusters"] = _codec.to_dict(gca.get.report(adata))["clusters"]
        truth = synthetic.tissue(n_genes=1).labels
        found["right"] = sum(c["broad_label"] == label for c, label in zip(found["clusters"], truth))

    if workers:
        from dask.distributed import Client, LocalCluster

        options = {"threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1"}
        with LocalCluster(n_workers=workers, **options) as cluster, Client(cluster):
            seconds = measure.seconds(annotate)
    else:
        seconds = measure.seconds(annotate)
    return {"seconds": seconds, "memory": measure.peak(), **found}


def store(folder: Path, cells: int, genes: int) -> Path:
    """The zarr folder with so many cells, written where it is not there."""
    path = folder / f"{cells}.zarr"
    if not path.is_dir():
        synthetic.write_zarr(path, cells, synthetic.tissue(genes))
    return path


def main() -> None:
    """Measure, print, and write where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=20_000)
    parser.add_argument("--genes", type=int, default=synthetic.N_GENES)
    parser.add_argument("--data", type=Path, help="folder of the stores; a temporary one where left out")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one(given.one, given.workers)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.data or Path(temporary)
        half, full = (store(folder, cells, given.genes) for cells in (given.cells // 2, given.cells))
        runs = [(half, 0), (full, 0), (half, 2)]
        found = [measure.child("large.py", "--one", path, "--workers", workers) for path, workers in runs]
    rows = [
        [f"{int(path.stem):,} cells, {f'{workers} workers' if workers else 'threads of one process'}",
         f"{own['seconds']:.1f}", "of the workers" if workers else f"{own['memory'] / 1000:.2f}",
         f"{own['right']} of {len(own['clusters'])}"]
        for (path, workers), own in zip(runs, found)
    ]  # fmt: skip
    head = ["", "seconds", "peak memory, GB", "clusters with their planted broad type"]
    ratio, same = found[1]["seconds"] / found[0]["seconds"], found[2]["clusters"] == found[0]["clusters"]
    text = (
        f"{measure.machine()}.\n\n{measure.table(head, rows)}\nTwice the cells take {ratio:.2f} times the time. "
        f"The report of two workers is {'the same as' if same else 'ANOTHER than'} that of one process.\n"
    )
    print(text)
    if given.write:
        measure.write("large", text)


if __name__ == "__main__":
    main()
