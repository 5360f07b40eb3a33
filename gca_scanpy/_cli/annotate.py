"""``gca annotate``: label the clusters of a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import click

from gca_scanpy import _tables
from gca_scanpy._cli.lazily import check_lazy, dask_cluster, lazy_options
from gca_scanpy._cli.markers import assets_option
from gca_scanpy._cli.messages import log, message_options
from gca_scanpy._cli.metrics_option import metrics_option
from gca_scanpy._cli.model_options import model_arguments, model_options
from gca_scanpy._cli.output_options import check_outputs, end, output_options, write_reports
from gca_scanpy._cli.presets import preset_option, with_preset

if TYPE_CHECKING:
    from anndata import AnnData

# Options by the kind of input that they are for; an option that was not given is None and keeps its default.
OBJECT_ONLY = (
    "groupby", "rank_key", "method", "layer", "use_raw", "gene_symbols", "validate_only", "key_added",
)  # fmt: skip


@click.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path), metavar="IN")
@click.option("--groupby", help="Column of .obs with the clusters; not for a table.")
@click.option(
    "--clusters",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Table of barcodes and clusters, for a file without; such as Cell Ranger's clusters.csv.",
)
@click.option("--species", default="human", show_default=True, help="human or mouse.")
@click.option("--tissue", help="Where the cells come from, such as blood.")
@preset_option
@output_options
@lazy_options
@click.option(
    "--n-markers", type=click.IntRange(min=1), default=50, show_default=True, help="Marker genes per cluster."
)
@click.option("--rank-key", help="Key in .uns of a ranking to use.  [default: rank_genes_groups]")
@click.option("--method", help="How to rank where there is no ranking.  [default: t-test]")
@click.option("--layer", help="Layer to rank.")
@click.option("--use-raw/--no-raw", default=None, help="Whether to rank .raw.  [default: where there is one]")
@click.option("--gene-symbols", help="Column of .var with gene symbols.")
@click.option("--marker-db", multiple=True, help="Marker table, or 'bundled'; repeatable, merged.")
@assets_option
@click.option("--min-support", type=click.IntRange(min=1), help="Marker genes that a label needs.  [default: 2]")
@click.option("--no-force-unknown", is_flag=True, help="Keep the labels of flagged clusters.")
@click.option("--validate-only", metavar="COLUMN", help="Check the labels in this column of .obs, propose none.")
@click.option("--key-added", help="Prefix of what is written.  [default: gptca]")
@metrics_option
@model_options
@message_options
@click.pass_context
def annotate(ctx: click.Context, /, source: Path, **given: Any) -> None:
    """Label the clusters of IN: cells (h5ad, zarr, loom, 10x h5), or a table of marker genes.

    A table (csv, tsv, json, gmt, xlsx or parquet) has the columns of Seurat's FindAllMarkers or of
    scanpy.get.rank_genes_groups_df, or cluster and gene. The table of labels goes to stdout.
    """
    options = with_preset(ctx, given)
    is_table = source.name.lower().endswith(_tables.ENDINGS)
    check_lazy(source, options)
    check_outputs(source, options, (".csv", ".tsv") if is_table else _endings(source, options["lazy"]))

    from gca_scanpy._cli.table import print_plan, print_report

    report, cells = (_table if is_table else _object)(source, options)
    if options["dry_run"]:
        print_plan(report)
        return
    for step, seconds in report.telemetry.seconds.items():
        log.info("%s: %.2f s", step, seconds, extra={"event": step, "seconds": seconds})
    print_report(report)
    write_reports(report, options, cells)
    end(report, options)


def _endings(source: Path, lazy: bool) -> tuple[str, ...]:
    """How the output may end: what is not read can be copied only, and loom labels fit into a loom file only."""
    if lazy:
        return (source.suffix.lower(),)
    return (".h5ad", ".zarr", ".loom") if source.suffix.lower() == ".loom" else (".h5ad", ".zarr")


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


def _object(source: Path, options: dict[str, Any]) -> tuple[Any, Optional[AnnData]]:
    """The report, or the plan of a dry run, and the annotated cells."""
    from gca_scanpy import get, tl
    from gca_scanpy._adata.clusters import group_columns
    from gca_scanpy._keys import DEFAULT_KEY
    from gca_scanpy._stores import files, lazy
    from gca_scanpy._stores.files import add_clusters

    adata = (lazy if options["lazy"] else files).read(source)
    log.info("read %s: %s cells, %s genes", source, adata.n_obs, adata.n_vars, extra={"event": "read"})
    if options["clusters"] is not None:
        options["groupby"] = add_clusters(adata, options["clusters"], options["groupby"])
    if options["groupby"] is None:
        columns = ", ".join(group_columns(adata.obs)) or "none; --clusters takes them from a table"
        msg = f"--groupby is needed; columns that hold groups: {columns}"
        raise click.UsageError(msg)
    given = {name: options[name] for name in OBJECT_ONLY if options[name] is not None}
    with dask_cluster(options["dask_scheduler"]):
        plan = tl.annotate(adata, **given, **_common(options))
    if options["dry_run"]:
        return plan, None
    if options["output"] is not None:
        _write(source, adata, options)
    return get.report(adata, options["key_added"] or DEFAULT_KEY), adata


def _write(source: Path, adata: Any, options: dict[str, Any]) -> None:
    from gca_scanpy._keys import DEFAULT_KEY, ObsKeys, colors_of
    from gca_scanpy._stores import files, lazy, loom

    output, key = options["output"], options["key_added"] or DEFAULT_KEY
    keys = ObsKeys(key)
    curated = [name for name in (keys.curated_label, keys.curated_ontology_id) if name in adata.obs.columns]
    columns = (*(() if options["clusters"] is None else (options["groupby"],)), *keys.all(), *curated)
    if options["lazy"]:
        lazy.annotate(source, output, adata, columns, (key, *map(colors_of, keys.colored())))
    elif output.suffix.lower() == ".loom":
        loom.annotate(source, output, adata, columns)
        if options["json_report"] is None:
            log.warning("a loom file has no place for the report; --json-report writes it")
    else:
        files.write(adata, output)
    log.info("wrote %s", output, extra={"event": "written"})


def _table(source: Path, options: dict[str, Any]) -> tuple[Any, None]:
    from gca_scanpy import annotate_markers, get
    from gca_scanpy._files import whole
    from gca_scanpy.io import read_markers

    for name in ("clusters", *OBJECT_ONLY):
        if options[name] is not None:
            option = "--use-raw/--no-raw" if name == "use_raw" else f"--{name.replace('_', '-')}"
            msg = f"{option} is for h5ad, zarr, loom and 10x h5; {source.name} is a table of marker genes"
            raise click.UsageError(msg)
    markers = read_markers(source)
    log.info("read %s: %s clusters", source, len(markers), extra={"event": "read"})
    report = annotate_markers(markers, **_common(options))
    output = options["output"]
    if output is not None and not options["dry_run"]:
        with whole(output) as part:
            get.clusters(report).to_csv(part, sep="\t" if output.suffix.lower() == ".tsv" else ",")
        log.info("wrote %s", output, extra={"event": "written"})
    return report, None
