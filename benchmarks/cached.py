"""A second run of the same question to a language model: answers come from the cache, in how much of the time?

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
    """A server on 127.0.0.1 in OpenAI's format, which takes so many seconds for each request and knows the labels."""
    spec = importlib.util.spec_from_file_location("gca_bench_server", SERVER)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)

    def answer(request: Any, _: int) -> Any:
        entries = request.entries("T cell")
        told = [{**entry, "label": (labels or {}).get(entry["cluster_id"], entry["label"])} for entry in entries]
        return module.Raw(body=module.openai(told), delay=latency)

    made = module.FaultServer(answer)
    try:
        yield made
    finally:
        made.close()


def gene_lists(clusters: int) -> dict[str, list[str]]:
    """Marker genes of so many clusters: those of a type of the database each."""
    import gca_scanpy as gca

    facts = gca.db.load().facts
    facts = facts[facts["role"].eq("positive") & facts["species"].ne("mouse")]
    kinds = list(facts.groupby("cl_id")["gene"])[:clusters]
    return {str(number): list(genes[:30]) for number, (_, genes) in enumerate(kinds)}


def run(clusters: int, latency: float, **options: Any) -> dict[str, Any]:
    """Seconds of the first run and of the second, and how many requests each made."""
    import gca_scanpy as gca

    lists = gene_lists(clusters)
    gca.annotate_markers(lists)  # what is read once is read
    with server(latency) as there, tempfile.TemporaryDirectory() as folder:

        def ask() -> None:
            model = gca.LanguageModel("m", base_url=there.url)
            gca.annotate_markers(lists, model=gca.Asking(model, cache=folder, **options))

        first = measure.seconds(ask)
        asked = len(there.requests)
        again = min(measure.seconds(ask) for _ in range(3))
        return {"first": first, "again": again, "asked": asked, "asked_again": len(there.requests) - asked}


def main() -> None:
    """Measure, print, and write where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clusters", type=int, default=60)
    parser.add_argument("--latency", type=float, default=1.0, help="seconds a request")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    given = parser.parse_args()
    rows = []
    for title, options in (
        ("a cluster a request, one after another", {"chunk_size": 1, "n_threads": 1}),
        ("a cluster a request, eight at once", {"chunk_size": 1}),
        ("16 clusters a request, eight at once (the default)", {}),
    ):
        own = run(given.clusters, given.latency, **options)
        share = f"{own['again'] / own['first']:.1%}"
        rows.append([title, str(own["asked"]), f"{own['first']:.2f}", f"{own['again']:.2f}", share])
    head = [
        f"{given.clusters} clusters, {given.latency:g} s a request",
        "requests",
        "first run, s",
        "second, s",
        "share",
    ]
    text = f"{measure.machine()}.\n\n{measure.table(head, rows)}"
    print(text)
    if given.write:
        measure.write("cached", text)


if __name__ == "__main__":
    main()
