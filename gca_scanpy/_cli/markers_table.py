"""Marker tables on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Optional

import click

from gca_scanpy._cli.terminal import add_row, new_table, print_table

if TYPE_CHECKING:
    from gca_scanpy._core.database import MarkerDatabase
    from gca_scanpy.db._describe import Marker, Numbers, SourceState


def print_sources(states: Sequence[SourceState]) -> None:
    """Print a row per source."""
    table = new_table("source", "ready", "what is there", "licence", "from")
    for state in states:
        add_row(table, state.name, "yes" if state.ready else "no", state.state, state.licence, state.home)
    print_table(table)


def print_database(database: MarkerDatabase, numbers: Numbers, state: Optional[SourceState]) -> None:
    """Print what a database holds, a line each."""
    click.echo(database.version if state is None else state.name)
    lines = {
        "version": database.version,
        "sha256": database.sha256,
        "cell types": numbers.types,
        "genes": numbers.genes,
        "facts": f"{numbers.facts}, {numbers.negative} of them negative, {numbers.corroborated} with a source",
        "licence": "its owner's" if state is None else state.licence,
        "source": database.version if state is None else state.home,
    }
    for name, value in lines.items():
        click.echo(f"  {name}: {value}")
    for note in database.notes:
        click.echo(f"  mended: {note}")


def print_type(version: str, name: str, cl_id: str, markers: Sequence[Marker]) -> None:
    """Print the facts of a cell type, a row each."""
    click.echo(f"{name} ({cl_id or 'no Cell Ontology term'}) in {version}")
    table = new_table("gene", "role", "strength", "species", "tissue", "sources")
    for m in markers:
        add_row(table, m.gene, m.role, m.strength, m.species, m.tissue.replace(";", ", "), ", ".join(m.sources))
    print_table(table)
