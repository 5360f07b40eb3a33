"""``gca markers``: list, describe, check, export and download marker tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import click

from gca_scanpy._cli.options import assets_option, marker_db_option
from gca_scanpy._cli.output_options import check_free
from gca_scanpy._cli.printing import add_row, new_table, print_table

if TYPE_CHECKING:
    from gca_scanpy._scoring.database import MarkerDatabase
    from gca_scanpy.db._describe import Marker, Numbers, SourceState


def print_sources(states: Sequence[SourceState]) -> None:
    """Print a row per source."""
    table = new_table("source", "ready", "what is there", "license", "from")
    for state in states:
        add_row(table, state.name, "yes" if state.ready else "no", state.state, state.license, state.home)
    print_table(table)


def print_database(database: MarkerDatabase, numbers: Numbers, state: Optional[SourceState]) -> None:
    """Print the numbers and the origin of a database, a line each."""
    click.echo(database.version if state is None else state.name)
    lines = {
        "version": database.version,
        "sha256": database.sha256,
        "cell types": numbers.types,
        "genes": numbers.genes,
        "facts": f"{numbers.facts}, {numbers.negative} of them negative",
        "witnessed": f"{numbers.exact} for their very type, {numbers.nearby} for a neighboring type only",
        "license": "its owner's" if state is None else state.license,
        "source": database.version if state is None else state.home,
    }
    for name, value in lines.items():
        click.echo(f"  {name}: {value}")
    for note in database.notes:
        click.echo(f"  mended: {note}")


def print_type(title: str, name: str, cl_id: str, markers: Sequence[Marker]) -> None:
    """Print the facts of a cell type, a row each."""
    click.echo(f"{name} ({cl_id or 'no Cell Ontology term'}) in {title}")
    table = new_table("gene", "role", "strength", "species", "tissue", "standing", "sources")
    for m in markers:
        tissue, sources = m.tissue.replace(";", ", "), ", ".join(m.sources)
        add_row(table, m.gene, m.role, m.strength, m.species, tissue, m.standing, sources)
    print_table(table)


# Those of gca_scanpy.db; not imported, so that help does not wait for pandas.
EXPORT_FORMATS = ("tsv", "parquet", "gmt", "json")
SHOWN = 10


@click.group()
@assets_option
def markers() -> None:
    """List, check, export and download marker tables."""


@markers.command("list")
def list_sources() -> None:
    """List the marker tables that --marker-db takes by name, and whether their files are there."""
    from gca_scanpy.db import _assets, _describe

    print_sources(_describe.sources())
    click.echo(f"assets folder: {_assets.folder()}")


@markers.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--type", "kind", metavar="NAME", help="Show the markers of this cell type: a name or a CL id.")
def info(sources: tuple[str, ...], kind: Optional[str]) -> None:
    """Describe each SOURCE: 'bundled' (the default), the name of a public table, or a file."""
    from gca_scanpy import db
    from gca_scanpy.db import _describe

    states = {state.name: state for state in _describe.sources()}
    for source in sources or ("bundled",):
        database = db.load(source)
        if kind is None:
            print_database(database, _describe.numbers(database), states.get(source))
        else:
            name, cl_id = _describe.cell_type(database, kind)
            print_type(_describe.title(database), name, cl_id, _describe.markers(database, name))


@markers.command("fact")
@click.argument("gene")
@click.argument("kind", metavar="TYPE")
@marker_db_option
def show_fact(gene: str, kind: str, marker_db: tuple[str, ...]) -> None:
    """Show who states that GENE marks the cell type TYPE, and in which expression profiles it stands out."""
    from gca_scanpy import db

    click.echo(db.fact(gene, kind, list(marker_db) or "bundled"))


@markers.command()
@click.argument("source", default="bundled", metavar="[SOURCE]")
@click.option("--all", "everything", is_flag=True, help="Show every finding, not only the first of each kind.")
def verify(source: str, everything: bool) -> None:
    """Load SOURCE (by default the bundled database) and check it; the exit code is 1 if it cannot be used."""
    from gca_scanpy import db

    result = db.verify(source)
    for kind, texts in (("mended", result.mended), ("warning", result.warnings), ("error", result.errors)):
        shown = texts if everything else texts[:SHOWN]
        for text in shown:
            click.echo(f"{kind}: {text}")
        if len(texts) > len(shown):
            click.echo(f"{kind}: ... and {len(texts) - len(shown)} more; --all shows them")
    click.echo(f"{result.database!r}, sha256 {result.database.sha256}: {'ok' if result.ok else 'cannot be used'}")
    if not result.ok:
        raise SystemExit(1)


@markers.command()
@click.option("--format", "kind", type=click.Choice(EXPORT_FORMATS), help="[default: by the ending of the file]")
@marker_db_option
@click.option(
    "-o", "--output", "output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write."
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def export(kind: Optional[str], marker_db: tuple[str, ...], output: Path, force: bool) -> None:
    """Write a marker database, or several merged, to a file."""
    from gca_scanpy import db

    check_free(output, force=force, inputs=map(Path, marker_db))
    database = db.export(output, list(marker_db) or "bundled", format=kind)
    click.echo(f"{output}: {database!r}", err=True)


@markers.command()
@click.argument("name")
@click.option("--sha256", metavar="HEX", help="sha256 that the file must have, if you know it.")
def fetch(name: str, sha256: Optional[str]) -> None:
    """Download the public table NAME into the assets folder."""
    from gca_scanpy import db

    fetched = db.fetch(name, sha256=sha256)
    click.echo(f"{'downloaded' if fetched.downloaded else 'already there'}: {fetched.path}")
    verified = "verified" if fetched.verified else "not verified, because its makers publish none"
    click.echo(f"sha256 {fetched.sha256}: {verified}")
