"""``gca export``: write the report of an annotated file, with the decisions of curators."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

import click

from gca_scanpy._cli.messages import message_options
from gca_scanpy._cli.output_options import check_outputs, labels_option, make_folders, write_outputs
from gca_scanpy._keys import DEFAULT_KEY

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path), metavar="FILE")
@click.option("--key", default=DEFAULT_KEY, show_default=True, help="The --key-added of the run.")
@click.option("--json-report", type=_FILE, help="Write the report as JSON ('gca schema').")
@click.option("--csv-report", type=_FILE, help="Write one row per cluster as csv.")
@click.option("--html-report", type=_FILE, help="Write the report as an HTML page.")
@labels_option
@click.option("--references", type=_FILE, help="Write what to cite for the evidence, as text or (.bib) BibTeX.")
@click.option("--cas-json", type=_FILE, help="Write the labels of the cells in the Cell Annotation Schema.")
@click.option("--force", is_flag=True, help="Replace existing files.")
@message_options
def export(source: Path, key: str, cas_json: Optional[Path], **stated: Any) -> None:
    """Write the report of FILE, an annotated h5ad or zarr, with the decisions of 'gca review'.

    Nothing is labeled again, and FILE is not changed. The table of labels goes to stdout.
    """
    options = {**stated, "output": cas_json, "stats_json": None, "key_added": key}
    check_outputs(source, options, ("",) if cas_json is None else (cas_json.suffix.lower(),), in_place=False)
    from gca_scanpy import get, io
    from gca_scanpy._cli.table import print_report
    from gca_scanpy._stores import files

    adata = files.read(source)
    report = get.report(adata, key)
    make_folders(options)
    try:
        print_report(report, options["labels"])
    finally:  # also if the reader of a pipe has gone
        all_written = write_outputs(report, options, adata, source, lambda _, path: io.to_cas(adata, path, key))
    if not all_written:
        raise SystemExit(1)
