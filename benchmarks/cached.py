"""Measure how much time a second run takes, in which all answers of a language model come from the cache.

python benchmarks/cached.py --clusters 60 --latency 1 --write
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Optional

sys.path.insert(0, str(Path(__file__).parent))
import measure

SERVER = measure.ROOT / "tests" / "_llm" / "server.py"


@contextmanager
def server(latency: float, labels: Optional[Mapping[str, str]] = None) -> Iterator[Any]:
    """A server on 127.0.0.1 in OpenAI's format that answers each request with the labels after ``latency`` seconds."""
    spec = importlib.util.spec_from_file_location("gca_bench_server", SERVER)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)

    def answer(request: Any, _: int) -> Any:
        entries = request.entries("T cell")
        answers = [{**entry, "label": (labels or {}).get(entry["cluster_id"], entry["label"])} for entry in entries]
        return module.Raw(body=module.openai(answers), delay=latency)

    running = module.FaultServer(answer)
    try:
        yield running
    finally:
        running.close()


def gene_lists(clusters: int) -> dict[str, list[str]]:
    """Marker genes of so many clusters; each cluster has the genes of another type of the database."""
    import gca_scanpy as gca

    facts = gca.db.load().facts
    facts = facts[facts["role"].eq("positive") & facts["species"].ne("mouse")]
    types = list(facts.groupby("cl_id")["gene"])[:clusters]
    return {str(number): list(genes[:30]) for number, (_, genes) in enumerate(types)}


def run(clusters: int, latency: float, **options: Any) -> dict[str, Any]:
    """The seconds and the number of requests of the first run and of the second."""
    import gca_scanpy as gca

    lists = gene_lists(clusters)
    gca.annotate_markers(lists)  # loads the database
    with server(latency) as running, tempfile.TemporaryDirectory() as folder:

        def ask() -> None:
            model = gca.LanguageModel("m", base_url=running.url)
            gca.annotate_markers(lists, model=gca.Asking(model, cache=folder, **options))

        first = measure.seconds(ask)
        asked = len(running.requests)
        again = min(measure.seconds(ask) for _ in range(3))
        return {"first": first, "again": again, "asked": asked, "asked_again": len(running.requests) - asked}


def main() -> None:
    """Measure and print; with ``--write``, write the table as well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clusters", type=int, default=60)
    parser.add_argument("--latency", type=float, default=1.0, help="seconds a request")
    parser.add_argument("--write", action="store_true", help="write the table into docs/performance.md")
    args = parser.parse_args()
    rows = []
    for title, options in (
        ("a cluster a request, one after another", {"chunk_size": 1, "n_threads": 1}),
        ("a cluster a request, eight at once", {"chunk_size": 1}),
        ("16 clusters a request, eight at once (the default)", {}),
    ):
        result = run(args.clusters, args.latency, **options)
        share = f"{result['again'] / result['first']:.1%}"
        rows.append([title, str(result["asked"]), f"{result['first']:.2f}", f"{result['again']:.2f}", share])
    head = [
        f"{args.clusters} clusters, {args.latency:g} s a request",
        "requests",
        "first run, s",
        "second, s",
        "share",
    ]
    text = f"{measure.machine()}.\n\n{measure.table(head, rows)}"
    print(text)
    if args.write:
        measure.write("cached", text)


if __name__ == "__main__":
    main()
