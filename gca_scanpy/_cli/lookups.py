"""``gca markers``, ``gca names`` and ``gca presets``: what the tables and the ontology know, without a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

import click
from click.core import ParameterSource
from click.types import StringParamType

from gca_scanpy._cli.options import assets_option, marker_db_option
from gca_scanpy._cli.output_options import check_free
from gca_scanpy._cli.printing import add_row, new_table, print_table

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData
    from click.shell_completion import CompletionItem

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
        click.echo(f"  corrected: {note}")


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
    for kind, texts in (("corrected", result.corrected), ("warning", result.warnings), ("error", result.errors)):
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


USUAL_COLUMNS = ("label", "cell_type", "celltype", "cell_label", "annotation", "name")


@click.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--column", metavar="NAME", help="Column of the labels: of the table, or of .obs.")
@click.option("--tissue", multiple=True, help="Tissue of the cells; repeatable. Some names depend on it.")
@click.option("--species", type=click.Choice(("human", "mouse")), help="Species of the cells.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write the table (.csv), or the cells with their terms in .obs['cell_type_ontology_term_id'] (.h5ad, .zarr).",
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def names(
    source: Path,
    column: Optional[str],
    tissue: tuple[str, ...],
    species: Optional[str],
    output: Optional[Path],
    force: bool,
) -> None:
    """Read the labels in SOURCE as Cell Ontology terms.

    SOURCE is a table, a text with a label on each line, or a file of cells.

    The table that is printed has a row for each different label: its term, how it was found, and what was left aside.
    A label that may mean several types has no term but candidates.
    """
    from gca_scanpy._stores import files
    from gca_scanpy.names import map as read_names

    is_cells = source.suffix.lower() in files.READERS
    if output is not None:
        _check_output(output, (".csv", *(files.ENDINGS if is_cells else ())), force, source)
    adata = files.read(source) if is_cells else None
    labels = _of_cells(adata, column, source) if adata is not None else _of_table(source, column)
    table = read_names(labels, tissue=list(tissue), species=species)
    _print(table)
    if output is None:
        return
    if adata is not None and output.suffix.lower() in files.ENDINGS:
        from gca_scanpy import tl

        tl.to_cellxgene(adata, labels=column, tissue=list(tissue), species=species, overwrite=force)
        files.write(adata, output)
    else:
        from gca_scanpy._files import whole

        with whole(output) as part:
            table.to_csv(part, index=False)
    click.echo(f"written: {output}", err=True)


def _check_output(output: Path, endings: tuple[str, ...], force: bool, source: Path) -> None:
    if output.suffix.lower() not in endings:
        msg = f"{output} has an unknown ending; use {' or '.join(endings)}"
        raise click.UsageError(msg)
    check_free(output, force=force, inputs=[source], replaced=None if output.suffix.lower() == ".csv" else source)


def _of_cells(adata: AnnData, column: Optional[str], source: Path) -> list[str]:
    if column is None or column not in adata.obs.columns:
        what = f"{source} has no column {column!r}" if column else f"{source} is a file of cells: give --column"
        msg = f"{what}; the columns of .obs are: {', '.join(map(str, adata.obs.columns))}"
        raise click.UsageError(msg)
    return [str(label) for label in adata.obs[column].dropna().unique()]


def _of_table(source: Path, column: Optional[str]) -> list[str]:
    from gca_scanpy import _tables
    from gca_scanpy.errors import InputError
    from gca_scanpy.names import find

    if source.suffix.lower() == ".txt":  # a label on each line, with blanks in it
        lines = [line.strip() for line in source.read_text(encoding="utf-8").splitlines()]
        return list(dict.fromkeys(line for line in lines if line and line.lower() not in USUAL_COLUMNS))
    table = _tables.read(source, InputError)
    found = column or next((name for name in table.columns if str(name).strip().lower() in USUAL_COLUMNS), None)
    if found is None and len(table.columns) == 1:
        found = table.columns[0]
        is_label = find(str(found)).ontology_id is not None  # a list of labels without a header
        return [str(found)] * is_label + list(dict.fromkeys(table[found]))
    if found not in table.columns:
        what = f"{source} has no column {found!r}" if found else f"{source} has no column of labels: give --column"
        msg = f"{what}; its columns are: {', '.join(map(str, table.columns))}"
        raise click.UsageError(msg)
    return list(dict.fromkeys(table[found]))


def _print(table: pd.DataFrame) -> None:
    shown = new_table("label", "Cell Ontology term", "id", "how", "left aside, or candidates")
    for row in table.itertuples():
        others = "; ".join(text for text in (row.aside, row.candidates or row.reason) if text)
        add_row(shown, row.label, row.name or "", row.ontology_id or "", row.how, others)
    print_table(shown)
    click.echo(f"{table['ontology_id'].notna().sum()} of {len(table)} labels have a term")


class Preset(NamedTuple):
    """The options that a preset sets unless the call gives them; each field has the name of its option.

    Attributes
    ----------
    min_support
        3 for the tissues of the accuracy benchmark, in which 3 and 2 accept the same labels; 2 for the others.
    """

    species: str
    tissue: str
    min_support: int


@lru_cache(maxsize=1)
def load_presets() -> Mapping[str, Preset]:
    """The presets by name, in the order of the table."""
    import csv
    from importlib.resources import files

    text = (files("gca_scanpy") / "data" / "presets.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t")
    return {row["preset"]: Preset(row["species"], row["tissue"], int(row["min_support"])) for row in rows}


class _PresetName(StringParamType):
    """A choice whose table is read only when it is used, so that help is quick."""

    name = "name"

    def convert(self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]) -> Any:
        names = list(load_presets())
        if value not in names:
            from gca_scanpy._names.words import nearest

            near = [name for name in names if str(value).lower() in name.split("_")]
            near = near or nearest(str(value).lower(), names)
            near = near or [name for name in names if nearest(str(value).lower(), name.split("_"))]
            similar = f"the most similar are {', '.join(near)}; " if near else ""
            self.fail(f"there is no preset {value!r}; {similar}'gca presets' lists all", param, ctx)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return click.Choice(list(load_presets())).shell_complete(ctx, param, incomplete)


preset_option = click.option(
    "--preset",
    type=_PresetName(),
    help="Set species, tissue and --min-support by one name, such as human_pbmc; 'gca presets' lists them.",
)


def with_preset(ctx: click.Context, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a call, in which its preset sets those that the call does not give."""
    merged = dict(options)
    name = merged.pop("preset")
    if name is not None:
        given = {key for key in merged if ctx.get_parameter_source(key) is ParameterSource.COMMANDLINE}
        merged.update({key: value for key, value in load_presets()[name]._asdict().items() if key not in given})
    return merged


@click.command()
def presets() -> None:
    """List the presets; an option that you give outranks the value of the preset."""
    table = new_table("preset", "species", "tissue", "min-support")
    for name, preset in load_presets().items():
        add_row(table, name, preset.species, preset.tissue, preset.min_support)
    print_table(table)
