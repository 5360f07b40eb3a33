"""Tables on the terminal, and in a file or a pipe, which have no width of their own."""

from __future__ import annotations

import io
import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

PIPED_WIDTH = 160  # letters


def new_table(*columns: str) -> Table:
    """A table whose cells are broken where they are too long, never cut."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def add_row(table: Table, *cells: object) -> None:
    """Add a row of plain text: a file may be called "[red]"."""
    from rich.text import Text

    table.add_row(*(Text(str(cell)) for cell in cells))


def print_table(table: Table) -> None:
    """Print a table to stdout."""
    from rich.console import Console

    width = shutil.get_terminal_size((PIPED_WIDTH, 24)).columns if sys.stdout.isatty() else PIPED_WIDTH
    Console(file=sys.stdout, width=width).print(table)


def spare_letters() -> None:
    """Let stdout show a question mark for what it cannot: a cluster "β" must not end the run."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
