"""``gca names``: the Cell Ontology terms of labels in a table or in a file of cells."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Optional

import click

from gca_scanpy._cli.output_options import check_free
from gca_scanpy._cli.printing import add_row, new_table, print_table

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

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
