"""Tables on stdout, and the plan of a dry run."""

from __future__ import annotations

import io
import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from gca_scanpy._llm.question import Plan
    from gca_scanpy._reporting.display import Labels
    from gca_scanpy.model import DatasetReport, Provenance

PIPED_WIDTH = 160  # characters


def new_table(*columns: str) -> Table:
    """An empty table that wraps long cells and never cuts them."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def add_row(table: Table, *cells: object) -> None:
    """Add a row of plain text, because a file may be called "[red]"."""
    from rich.text import Text

    table.add_row(*(Text(str(cell)) for cell in cells))


def print_table(table: Table) -> None:
    """Print a table to stdout."""
    from rich.console import Console

    width = shutil.get_terminal_size((PIPED_WIDTH, 24)).columns if sys.stdout.isatty() else PIPED_WIDTH
    Console(file=sys.stdout, width=width).print(table)


def replace_unencodable() -> None:
    """Let stdout show a question mark for a character that it cannot encode: a cluster "β" must not end the run."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


CONFIDENCE_STYLES = {"High": "bold green", "Medium": "yellow", "Low": "dim"}
STATUS_STYLES = {"supported": "green", "flagged": "bold red", "unknown": "dim"}
SHOWN_GENES = 5


def print_report(report: DatasetReport, labels: Labels = "full") -> None:
    """Print one row per cluster to stdout, with the full or the short names of the types."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from gca_scanpy._reporting.curation import standing
    from gca_scanpy._reporting.display import with_labels
    from gca_scanpy.db import _bundled

    replace_unencodable()
    report = with_labels(report, labels, _bundled.shortener())
    # Little padding and no minimum widths, for which rich would shrink the last column: 80 characters are enough.
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("cluster", overflow="fold")
    table.add_column("cells", justify="right")
    table.add_column("label", overflow="fold")
    decided = standing(report)
    if decided:
        table.add_column("curated label", overflow="fold")
    table.add_column("CL id", no_wrap=True)
    table.add_column("confidence", no_wrap=True)
    table.add_column("status", overflow="fold")
    table.add_column("supporting genes", overflow="fold")
    for c in report.clusters:
        label = c.annotation.primary_label
        if c.annotation.proposed_label != label:
            label = f"{label} ({c.annotation.proposed_label}?)"
        flags = f" ({', '.join(c.validation.flag_reasons)})" if c.validation.flag_reasons else ""
        # Text, not markup: a cluster may be called "[red]".
        table.add_row(
            Text(_printable(c.cluster_id)),
            "" if c.n_cells is None else str(c.n_cells),
            Text(_printable(label)),
            *([Text(_printable(decided[c.cluster_id].to_label) if c.cluster_id in decided else "")] if decided else []),
            c.annotation.ontology_id or "",
            Text(f"{c.confidence} {c.confidence_score:.2f}", style=CONFIDENCE_STYLES[c.confidence]),
            Text(c.status + flags, style=STATUS_STYLES[c.status]),
            Text(_printable(", ".join(c.validation.supporting_markers[:SHOWN_GENES]))),
        )
    print_table(table)
    for c in report.clusters:
        if c.status != "supported" and c.validation.notes:
            print(f"{_printable(c.cluster_id)}: {_printable('; '.join(c.validation.notes))}")
    s = report.summary
    summary = f"{s.supported_clusters} supported, {s.flagged_clusters} flagged, {len(s.unknown_clusters)} unknown"
    clusters = f"{s.total_clusters} cluster{'' if s.total_clusters == 1 else 's'}"
    print("; ".join([f"{clusters}: {summary}", *map(_printable, _readings(report.provenance))]))


def _readings(origin: Provenance) -> list[str]:
    """What the species and the tissue were read as, if that is not what the call says."""
    species = [f"{origin.species} read as {origin.genes_of}"] if origin.species != origin.genes_of else []
    tissues = ((text, ", ".join(tissues)) for text, tissues in origin.tissues.items())
    return [*species, *(f"{text!r} read as {read}" for text, read in tissues if text != read)]


def print_plan(plan: Plan) -> None:
    """Print the exact messages of each request to stdout, and their total size."""
    replace_unencodable()
    for number, request in enumerate(plan.requests, 1):
        print(f"request {number} of {plan.n_requests} to {request.model}, about {request.prompt_tokens} tokens")
        for message in request.messages:
            print(f"  {message.role}: {_printable(message.content)}")
    print(plan)


def _printable(text: str) -> str:
    """The text without characters that would move the cursor or change the colors of the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)
