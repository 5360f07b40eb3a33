"""Measure how much time samples add to a run: in memory, and out of core with samples one after the other or mixed.

python benchmarks/samples.py --cells 20000 50000 --samples 10 --write
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import measure
import synthetic

PAGE = measure.ROOT / "docs" / "samples.md"
CHUNK = 1_000  # cells


def cells_of(n_cells: int, n_samples: int) -> Any:
    """Synthetic cells with a column of samples that are mixed, and one of samples one after the other."""
    cells = synthetic.cells(n_cells)
    mixed = np.random.default_rng(0).integers(0, n_samples, n_cells)
    cells.obs["mixed"] = [f"S{sample}" for sample in mixed]
    cells.obs["in order"] = [f"S{sample}" for sample in np.sort(mixed)]
    return cells


def chunked(cells: Any) -> Any:
    """The cells with their matrix in chunks."""
    from dask import array
    from scipy import sparse

    lazy = cells.copy()
    whole = array.from_array(cells.X, chunks=(CHUNK, -1), asarray=False)
    lazy.X = whole.map_blocks(sparse.csr_matrix, dtype=cells.X.dtype, meta=sparse.csr_matrix((0, 0), dtype="f4"))
    return lazy


def compare(cells: Any, column: str, rounds: int) -> tuple[float, float]:
    """The median CPU seconds of runs without samples and of runs with them, which alternate."""
    import dask

    import gca_scanpy as gca

    def run(**options: Any) -> Callable[[], Any]:
        return lambda: gca.tl.annotate(cells, synthetic.CLUSTER, **options)

    calls, taken = (run(), run(sample_key=column)), ([], [])
    with dask.config.set(scheduler="synchronous"):
        for call in calls:
            call()
        for _ in range(rounds):
            for call, seconds in zip(calls, taken):
                start = time.process_time()
                call()
                seconds.append(time.process_time() - start)
    return statistics.median(taken[0]), statistics.median(taken[1])


def main() -> None:
    """Measure and print; with ``--write``, write the table as well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, nargs="+", default=[20_000])
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="write the table into docs/samples.md")
    args = parser.parse_args()
    rows = []
    for n_cells in args.cells:
        cells = cells_of(n_cells, args.samples)
        lazy = chunked(cells)
        for title, data, column in (
            ("in memory", cells, "mixed"),
            (f"chunks of {CHUNK:,} cells, samples one after the other", lazy, "in order"),
            (f"chunks of {CHUNK:,} cells, samples mixed", lazy, "mixed"),
        ):
            without, within = compare(data, column, args.rounds)
            ratio = f"{within / without:.2f}"
            rows.append([f"{n_cells:,} cells, {title}", f"{without:.2f}", f"{within:.2f}", ratio])
    head = [f"25 clusters, {args.samples} samples", "without, CPU s", "with samples, CPU s", "ratio"]
    text = f"{measure.machine()}\n\n{measure.table(head, rows)}"
    print(text)
    if args.write:
        measure.write("samples", text, PAGE)


if __name__ == "__main__":
    main()
