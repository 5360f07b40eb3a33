"""Compare this package with others that take the same step, in one run, on the same cells.

python benchmarks/compare.py --cells 50000 --write

Each step has a new process. It loads the cells and times the first call. Then warm calls take turns with warm calls of
Scanpy's t-test, so that a machine that slows down slows both; slow steps have none. ``--write`` writes the table into
docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import measure
import synthetic

SAMPLED = 50  # score_genes scores every 50th type, and its time is multiplied by 50
FEWER = 50  # decoupler reads every 50th cell, and its time is multiplied by 50
TRAINED_ON = 5_000  # cells that train CellTypist's model
LONG = 15  # if the first call takes more seconds, no warm call is measured
BASE = "t-test"
Step = Callable[[], Any]


def _t_test(adata: Any) -> Step:
    import scanpy as sc

    return lambda: sc.tl.rank_genes_groups(adata, synthetic.CLUSTER, method="t-test", key_added="base")


def _wilcoxon(adata: Any) -> Step:
    import scanpy as sc

    return lambda: sc.tl.rank_genes_groups(adata, synthetic.CLUSTER, method="wilcoxon", key_added="other")


def _aggregate(adata: Any) -> Step:
    import scanpy as sc

    return lambda: sc.get.aggregate(adata, synthetic.CLUSTER, ["mean", "var", "count_nonzero"])


def _annotate(adata: Any) -> Step:
    import gca_scanpy as gca

    return lambda: gca.tl.annotate(adata, synthetic.CLUSTER)


def _annotate_wilcoxon(adata: Any) -> Step:
    import gca_scanpy as gca

    return lambda: gca.tl.annotate(adata, synthetic.CLUSTER, method="wilcoxon")


def _annotate_ranked(adata: Any) -> Step:
    import scanpy as sc

    sc.tl.rank_genes_groups(adata, synthetic.CLUSTER, method="t-test")
    return _annotate(adata)


def _network() -> Any:
    """The positive markers of the bundled database as a network of decoupler."""
    import gca_scanpy as gca

    facts = gca.db.load().facts
    facts = facts[facts["role"].eq("positive") & facts["species"].ne("mouse")]
    return facts.rename(columns={"cell_type": "source", "gene": "target"})[["source", "target"]].drop_duplicates()


def _decoupler(method: str, adata: Any, net: Any) -> Step:
    import decoupler as dc

    few, score = adata[::FEWER].copy(), getattr(dc.mt, method)
    score(few[:50].copy(), net=net, raw=False)  # compiles; this would count FEWER times
    return lambda: score(few, net=net, raw=False)


def _ulm(adata: Any) -> Step:
    return _decoupler("ulm", adata, _network().assign(weight=1.0))


def _ora(adata: Any) -> Step:
    return _decoupler("ora", adata, _network())


def _score_genes(adata: Any) -> Step:
    import scanpy as sc

    by_type = {name: list(genes) for name, genes in _network().groupby("source")["target"]}
    chosen = list(by_type.items())[::SAMPLED]

    def score() -> None:
        for _, genes in chosen:
            sc.tl.score_genes(adata, [gene for gene in genes if gene in adata.var_names], score_name="score")

    return score


def _cellconsensus(adata: Any) -> Step:
    from cellconsensus import CellConsensus

    return lambda: CellConsensus(clustering="precomputed", cluster_key=synthetic.CLUSTER).fit(adata).predict(level=3)


def _celltypist(adata: Any) -> Step:
    import celltypist

    model = celltypist.train(adata[:TRAINED_ON].copy(), labels=synthetic.TRUTH, use_SGD=True, check_expression=False)
    clusters = adata.obs[synthetic.CLUSTER]
    return lambda: celltypist.annotate(adata, model=model, majority_voting=True, over_clustering=clusters)


# The name in the table, the preparation (which is not timed), and the factor of its time.
STEPS: dict[str, tuple[str, Callable[[Any], Step], int]] = {
    "t-test": ("`sc.tl.rank_genes_groups`, t-test", _t_test, 1),
    "annotate": ("`gca.tl.annotate`, from clusters to report", _annotate, 1),
    "annotate-ranked": ("`gca.tl.annotate`, with a ranking there", _annotate_ranked, 1),
    "aggregate": ("`sc.get.aggregate`: mean, var, count_nonzero", _aggregate, 1),
    "annotate-wilcoxon": ("`gca.tl.annotate`, wilcoxon by illico", _annotate_wilcoxon, 1),
    "wilcoxon": ("`sc.tl.rank_genes_groups`, wilcoxon", _wilcoxon, 1),
    "ulm": (f"decoupler `ulm`, our database (every {FEWER}th cell measured)", _ulm, FEWER),
    "ora": (f"decoupler `ora`, our database (every {FEWER}th cell measured)", _ora, FEWER),
    "score_genes": (f"`sc.tl.score_genes` for each type (every {SAMPLED}th measured)", _score_genes, SAMPLED),
    "cellconsensus": ("cellconsensus, given clusters", _cellconsensus, 1),
    "celltypist": (f"CellTypist, prediction by a model of {TRAINED_ON:,} cells", _celltypist, 1),
}


def one(name: str, path: Path, runs: int) -> dict[str, Any]:
    """Time one step in this new process."""
    import anndata

    _, prepare, factor = STEPS[name]
    adata = anndata.read_h5ad(path)
    step = prepare(adata)
    loaded = measure.peak()
    first = measure.seconds(step) * factor
    most = measure.peak()
    result = {"first": first, "loaded": loaded, "memory": most / loaded}
    if first > LONG * factor and name not in (BASE, "annotate"):
        return result
    base = step if name == BASE else _t_test(adata)
    measure.seconds(base)
    pairs = [(measure.seconds(base), measure.seconds(step) * factor) for _ in range(runs)]
    result["warm"] = statistics.median(time for _, time in pairs)
    result["ratio"] = statistics.median(time / base_time for base_time, time in pairs)
    return {**result, **(_bandwidth(adata, runs) if name == "annotate" else {})}


def _bandwidth(adata: Any, runs: int) -> dict[str, float]:
    """The time of the pass over the matrix beside that of a plain sum over the same arrays, which reads memory only."""
    from gca_scanpy._adata import read_clustering
    from gca_scanpy._ranking.gather import gather

    clustering, matrix = read_clustering(adata, synthetic.CLUSTER), adata.X
    pairs = [
        (
            measure.seconds(lambda: (matrix.data.sum(), matrix.indices.sum())),
            measure.seconds(lambda: gather(matrix, clustering, threads=1)),
        )
        for _ in range(runs)
    ]
    return {
        "sums": statistics.median(time / plain for plain, time in pairs),
        "ns": statistics.median(time for _, time in pairs) / matrix.nnz * 1e9,
    }


def compare(path: Path, names: list[str], runs: int) -> dict[str, Any]:
    """The results of all steps; a step that cannot run here has its error instead."""
    results: dict[str, Any] = {}
    for name in names:
        try:
            results[name] = measure.child("compare.py", "--one", name, "--data", path, "--runs", runs)
        except RuntimeError as error:
            results[name] = {"error": str(error)}
        print(name, results[name], file=sys.stderr)
    return results


def shown(results: dict[str, Any]) -> str:
    """The results as a table."""
    base = results[BASE]
    rows = []
    for name, result in results.items():
        title = STEPS[name][0]
        if "error" in result:
            rows.append([title, "did not run", "", "", "", ""])
            continue
        warm = (
            [f"{result['warm']:.2f}", "1" if name == BASE else _ratio(result["ratio"])]
            if "warm" in result
            else ["", ""]
        )
        first, memory = (f"{result[key]:.2f}" for key in ("first", "memory"))
        rows.append([title, first, _ratio(result["first"] / base["first"]), *warm, memory])
    text = measure.table(
        ["", "first call, s", "of t-test's", "warm call, s", "of t-test's", "peak memory, of loaded"], rows
    )
    if "sums" in results.get("annotate", {}):
        found = results["annotate"]
        text += (
            f"\nThe pass over the matrix takes {found['ns']:.1f} ns for each value on one thread, "
            f"{found['sums']:.1f} times as long as a plain sum over its values and indices.\n"
        )
    return text


def _ratio(value: float) -> str:
    return f"{value:.3g}"


def main() -> None:
    """Compare and print the table; with ``--write``, write it as well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=2_000)
    parser.add_argument("--genes", type=int, default=synthetic.N_GENES)
    parser.add_argument("--runs", type=int, default=5, help="warm calls of each step")
    parser.add_argument("--only", nargs="*", choices=STEPS, default=list(STEPS))
    parser.add_argument("--write", action="store_true", help="write the table into docs/performance.md")
    parser.add_argument("--data", type=Path, help="an h5ad file of cells to use instead of new ones")
    parser.add_argument("--one", choices=STEPS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(one(args.one, args.data, args.runs)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = args.data or Path(folder) / "cells.h5ad"
        if args.data is None:
            synthetic.cells(args.cells, synthetic.tissue(args.genes)).write_h5ad(path)
        names = list(dict.fromkeys([BASE, *args.only]))
        results = compare(path, names, args.runs)
    text = f"{measure.machine()}.\n\n{shown(results)}"
    print(text)
    if args.write:
        measure.write("compare", text)


if __name__ == "__main__":
    main()
