"""``gca annotate``: label the clusters of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

import click

from gca_scanpy._cli.metrics_option import metrics_option
from gca_scanpy._cli.model_options import model_arguments, model_options

TABLE_ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
# Options by the kind of input that they are for; an option that was not given is None and keeps its default.
OBJECT_ONLY = (
    "groupby", "rank_key", "method", "layer", "use_raw", "gene_symbols", "validate_only", "key_added",
)  # fmt: skip


@click.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path), metavar="IN")
@click.option("--groupby", help="Column of .obs with the clusters (h5ad and zarr).")
@click.option("--species", default="human", show_default=True, help="human or mouse.")
@click.option("--tissue", help="Where the cells come from, such as blood.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Annotated h5ad or zarr; csv or tsv for a table.")
@click.option("--json-report", type=click.Path(dir_okay=False, path_type=Path), help="Write the report as JSON.")
@click.option("--force", is_flag=True, help="Replace the output and the report, even if one is the input.")
@click.option(
    "--n-markers", type=click.IntRange(min=1), default=50, show_default=True, help="Marker genes per cluster."
)
@click.option("--rank-key", help="Key in .uns of a ranking to use.  [default: rank_genes_groups]")
@click.option("--method", help="How to rank where there is no ranking.  [default: t-test]")
@click.option("--layer", help="Layer to rank.")
@click.option("--use-raw/--no-raw", default=None, help="Whether to rank .raw.  [default: where there is one]")
@click.option("--gene-symbols", help="Column of .var with gene symbols.")
@click.option("--marker-db", multiple=True, help="Marker table, or 'bundled'; repeatable, merged.")
@click.option("--min-support", type=click.IntRange(min=1), help="Marker genes that a label needs.  [default: 2]")
@click.option("--no-force-unknown", is_flag=True, help="Keep the labels of flagged clusters.")
@click.option("--validate-only", metavar="COLUMN", help="Check the labels in this column of .obs, propose none.")
@click.option("--key-added", help="Prefix of what is written.  [default: gptca]")
@metrics_option
@model_options
def annotate(source: Path, output: Optional[Path], force: bool, json_report: Optional[Path], **options: Any) -> None:
    """Label the clusters of IN: an h5ad or zarr file, or a table of marker genes.

    A table (csv or tsv) is as Seurat's FindAllMarkers or scanpy.get.rank_genes_groups_df write it, or has the
    columns cluster and gene. The table of labels goes to stdout.
    """
    is_table = source.name.lower().endswith(TABLE_ENDINGS)
    # All that can be known to fail is said before the work, not after it.
    if output is not None:
        _check_ending(output, (".csv", ".tsv") if is_table else (".h5ad", ".zarr"))
    for target in (output, json_report):
        if target is not None:
            _check_free(source, target, force)
            target.parent.mkdir(parents=True, exist_ok=True)

    from gca_scanpy import io
    from gca_scanpy._cli.table import print_plan, print_report

    report = (_table if is_table else _object)(source, output, **options)
    if options["dry_run"]:
        print_plan(report)
        return
    print_report(report)
    if json_report is not None:
        io.to_json(report, json_report)


def _check_ending(output: Path, endings: tuple[str, ...]) -> None:
    if output.suffix.lower() not in endings:
        msg = f"the output of this input must end in {' or '.join(endings)}, not as {output.name}"
        raise click.UsageError(msg)


def _check_free(source: Path, target: Path, force: bool) -> None:
    if target.exists() and not force:
        same = " (it is the input)" if target.resolve() == source.resolve() else ""
        msg = f"{target} is already there{same}; choose another name or give --force"
        raise click.UsageError(msg)


def _common(options: dict[str, Any]) -> dict[str, Any]:
    return {
        "species": options["species"],
        "tissue": options["tissue"],
        "n_markers": options["n_markers"],
        "marker_db": list(options["marker_db"]) or None,
        "min_support": options["min_support"],
        "force_unknown": False if options["no_force_unknown"] else None,
        **model_arguments(options),
    }


def _object(source: Path, output: Optional[Path], **options: Any) -> Any:
    from gca_scanpy import get, tl
    from gca_scanpy._adata.files import read, write
    from gca_scanpy._keys import DEFAULT_KEY

    adata = read(source)
    if options["groupby"] is None:
        from gca_scanpy._adata.clusters import group_columns

        columns = ", ".join(group_columns(adata.obs)) or "none"
        msg = f"--groupby is needed; columns that hold groups: {columns}"
        raise click.UsageError(msg)
    given = {name: options[name] for name in OBJECT_ONLY if options[name] is not None}
    plan = tl.annotate(adata, **given, **_common(options))
    if options["dry_run"]:
        return plan
    if output is not None:
        write(adata, output)
    return get.report(adata, options["key_added"] or DEFAULT_KEY)


def _table(source: Path, output: Optional[Path], **options: Any) -> Any:
    from gca_scanpy import annotate_markers, get
    from gca_scanpy._files import whole
    from gca_scanpy.io import read_markers

    for name in OBJECT_ONLY:
        if options[name] is not None:
            option = "--use-raw/--no-raw" if name == "use_raw" else f"--{name.replace('_', '-')}"
            msg = f"{option} is for h5ad and zarr; {source.name} is a table of marker genes"
            raise click.UsageError(msg)
    report = annotate_markers(read_markers(source), **_common(options))
    if output is not None and not options["dry_run"]:
        with whole(output) as part:
            get.clusters(report).to_csv(part, sep="\t" if output.suffix.lower() == ".tsv" else ",")
    return report
