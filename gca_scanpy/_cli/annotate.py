"""``gca annotate``: label the clusters of a file; ``gca demo``: label those of Scanpy's blood cells."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import click

from gca_scanpy import _tables
from gca_scanpy._cli.lookups import preset_option, with_preset
from gca_scanpy._cli.options import (
    RANKING,
    assets_option,
    check_exclusive,
    check_key,
    check_lazy,
    dask_cluster,
    given,
    lazy_options,
    marker_db_option,
    model_of,
    model_options,
    ranking_options,
    run_settings,
    species_option,
    spelled,
    threshold_options,
    tissue_option,
)
from gca_scanpy._cli.output_options import check_free, check_outputs, end, make_folders, output_options, write_outputs
from gca_scanpy._cli.printing import log, message_options, print_report, printable, replace_unencodable
from gca_scanpy._keys import DEFAULT_KEY, ObsKeys, colors_of
from gca_scanpy._settings import settings

if TYPE_CHECKING:
    from anndata import AnnData

    from gca_scanpy._llm.asking import ModelLike
    from gca_scanpy._llm.prompt import Plan
    from gca_scanpy.model import DatasetReport

DEMO_FILES = ("annotated.h5ad", "report.json", "report.png")
# Options that a table of marker genes does not take.
OBJECT_ONLY = (
    "clusters", "groupby", *(name for name in RANKING if name != "n_markers"), "sample_key", "validate_only",
    "key_added",
)  # fmt: skip


@click.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path), metavar="IN")
@click.option("--groupby", help="Column of .obs with the clusters; not for a table.")
@click.option(
    "--clusters",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Table of barcodes and clusters for a file without clusters, such as Cell Ranger's clusters.csv.",
)
@species_option
@tissue_option
@preset_option
@output_options
@lazy_options
@ranking_options
@marker_db_option
@assets_option
@threshold_options
@click.option(
    "--sample-key", metavar="COLUMN", help="Column of .obs with samples; each cluster is judged in each sample."
)
@click.option("--validate-only", metavar="COLUMN", help="Check the labels in this column of .obs, and propose none.")
@click.option("--key-added", callback=check_key, help=f"Prefix of what is written.  [default: {DEFAULT_KEY}]")
@model_options
@message_options
@click.pass_context
def annotate(ctx: click.Context, /, source: Path, **stated: Any) -> None:
    """Label the clusters of IN: cells (h5ad, zarr, loom, 10x h5), or a table of marker genes.

    A table (csv, tsv, json, gmt, xlsx or parquet) has the columns of Seurat's FindAllMarkers, those of
    scanpy.get.rank_genes_groups_df, or cluster and gene. The table of labels goes to stdout.
    """
    options = with_preset(ctx, stated)
    is_table = source.name.lower().endswith(_tables.ENDINGS)
    check_lazy(source, options)
    check_exclusive(options)
    if is_table:
        _check_table(source, options)
    endings = (".csv", ".tsv") if is_table else endings_of(source, lazy=options["lazy"])
    check_outputs(source, options, endings, in_place=not is_table)
    with settings.override(**run_settings(options)):
        model = model_of(options)
        if options["dry_run"]:
            _print_plan((_plan_table if is_table else _plan_cells)(source, options, model))
            return
        make_folders(options)
        report, cells = (_label_table if is_table else _label_cells)(source, options, model)
    print_and_write(source, report, cells, options)


def print_and_write(source: Path, report: DatasetReport, cells: Optional[AnnData], options: Mapping[str, Any]) -> None:
    """Print the report, write what the options ask for, and end with the exit code of the run."""

    def output(report: DatasetReport, path: Path) -> None:
        if cells is None:
            _write_table(report, path)
        else:
            _write_cells(source, path, cells, options, report.parameters["groupby"])

    for step, seconds in report.telemetry.seconds.items():
        log.info("%s: %.2f s", step, seconds, extra={"event": step, "seconds": seconds})
    try:
        print_report(report, options["labels"])
    finally:  # also if the reader of a pipe has gone
        all_written = write_outputs(report, options, cells, source, output)
    end(report, options, all_written=all_written)


def endings_of(source: Path, *, lazy: bool = False) -> tuple[str, ...]:
    """How the output may end: lazily read cells are copied in their format, and only a loom file can become one."""
    if lazy:
        return (source.suffix.lower(),)
    return (".h5ad", ".zarr", ".loom") if source.suffix.lower() == ".loom" else (".h5ad", ".zarr")


def _check_table(source: Path, options: Mapping[str, Any]) -> None:
    for name in OBJECT_ONLY:
        if options[name] is not None:
            msg = f"{spelled(name)} is for h5ad, zarr, loom and 10x h5; {source.name} is a table of marker genes"
            raise click.UsageError(msg)


def _common(options: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that every verb takes."""
    return {
        "species": options["species"],
        "tissue": options["tissue"] or None,
        "marker_db": list(options["marker_db"]) or None,
    }


def _read_cells(source: Path, options: Mapping[str, Any]) -> tuple[AnnData, dict[str, Any]]:
    """The cells of a file, and the arguments of a verb for them."""
    from gca_scanpy._adata.clusters import group_columns
    from gca_scanpy._stores import files

    adata = (files.read_lazily if options["lazy"] else files.read)(source)
    log.info("read %s: %s cells, %s genes", source, adata.n_obs, adata.n_vars, extra={"event": "read"})
    groupby = options["groupby"]
    if options["clusters"] is not None:
        groupby = files.add_clusters(adata, options["clusters"], groupby)
    if groupby is None:
        columns = ", ".join(group_columns(adata.obs)) or "none; --clusters takes them from a table"
        msg = f"--groupby is needed; columns that hold groups: {columns}"
        raise click.UsageError(msg)
    return adata, {"groupby": groupby, **_common(options), **given(options, RANKING)}


def _plan_cells(source: Path, options: Mapping[str, Any], model: ModelLike) -> Plan:
    from gca_scanpy import tl

    adata, arguments = _read_cells(source, options)
    with dask_cluster(options["dask_scheduler"]):
        return tl.plan(adata, model=model, **arguments)


def _label_cells(source: Path, options: Mapping[str, Any], model: ModelLike) -> tuple[DatasetReport, AnnData]:
    from gca_scanpy import get, tl

    adata, arguments = _read_cells(source, options)
    key = options["key_added"] or DEFAULT_KEY
    with dask_cluster(options["dask_scheduler"]):
        if options["validate_only"] is not None:
            tl.validate(adata, labels=options["validate_only"], key_added=key, **arguments)
        else:
            tl.annotate(adata, model=model, key_added=key, sample_key=options["sample_key"], **arguments)
    return get.report(adata, key), adata


def _write_cells(source: Path, output: Path, adata: AnnData, options: Mapping[str, Any], groupby: str) -> None:
    from gca_scanpy._stores import files

    key = options["key_added"] or DEFAULT_KEY
    keys = ObsKeys(key)
    curated = [name for name in (keys.curated_label, keys.curated_ontology_id) if name in adata.obs.columns]
    added = [] if options["clusters"] is None else [groupby]
    agreed = [keys.agreement] if keys.agreement in adata.obs.columns and "keys" in options else []
    columns = (*added, *keys.all(), *agreed, *curated)
    if options["lazy"]:
        files.annotate_lazily(
            source, output, adata, columns, (key, *map(colors_of, (*keys.with_colors(), *curated[:1])))
        )
    elif output.suffix.lower() == ".loom":
        files.annotate_loom(source, output, adata, columns)
        if options["json_report"] is None:
            log.warning("a loom file cannot contain the report; write it with --json-report")
    else:
        files.write(adata, output)


def _read_table(source: Path, options: Mapping[str, Any]) -> tuple[dict[str, list[str]], dict[str, Any]]:
    """The marker genes of a table, and the arguments of a verb for them."""
    from gca_scanpy.io import read_markers

    markers = read_markers(source)
    log.info("read %s: %s clusters", source, len(markers), extra={"event": "read"})
    return markers, {**_common(options), **given(options, ("n_markers",))}


def _plan_table(source: Path, options: Mapping[str, Any], model: ModelLike) -> Plan:
    from gca_scanpy import plan_markers

    markers, arguments = _read_table(source, options)
    return plan_markers(markers, model=model, **arguments)


def _label_table(source: Path, options: Mapping[str, Any], model: ModelLike) -> tuple[DatasetReport, None]:
    from gca_scanpy import annotate_markers

    markers, arguments = _read_table(source, options)
    return annotate_markers(markers, model=model, **arguments), None


def _write_table(report: DatasetReport, output: Path) -> None:
    from gca_scanpy import get
    from gca_scanpy._files import whole

    with whole(output) as part:
        get.clusters(report).to_csv(part, sep="\t" if output.suffix.lower() == ".tsv" else ",")


def _print_plan(plan: Plan) -> None:
    """Print the exact messages of each request to stdout, and their total size."""
    replace_unencodable()
    for number, request in enumerate(plan.requests, 1):
        print(f"request {number} of {plan.n_requests} to {request.model}, about {request.prompt_tokens} tokens")
        for message in request.messages:
            print(f"  {message.role}: {printable(message.content)}")
    print(plan)


@click.command()
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also write annotated.h5ad, report.json and report.png into this folder.",
)
@click.option("--force", is_flag=True, help="Replace existing files of these names.")
def demo(folder: Optional[Path], force: bool) -> None:
    """Label the 700 blood cells that ship with Scanpy, offline.

    Two of their clusters, 1 (monocytes) and 4 (B cells), are joined as 1+4, so that the demo has a mixed cluster.
    """
    files = [] if folder is None else [folder / name for name in DEMO_FILES]
    for file in files:
        check_free(file, force=force)
    from gca_scanpy import get, io
    from gca_scanpy._reporting.display import path_text
    from gca_scanpy._stores.files import write

    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)  # before the work, so that a failure costs no time
    adata = demo_cells()
    report = get.report(adata)
    print_report(report)
    deepest = max(report.clusters, key=lambda cluster: len(cluster.path) * (cluster.status == "supported"))
    click.echo(f"\nHow deep the label of cluster {deepest.cluster_id} goes: {path_text(deepest.path)}")
    click.echo("Cluster 1+4 was made for this demo: it joins two clusters, as too coarse a clustering would.")
    if folder is not None:
        import matplotlib as mpl

        mpl.use("Agg")  # the machine may have no display
        from gca_scanpy import pl

        cells, written, picture = files
        write(adata, cells)
        io.to_json(report, written)
        pl.report(adata, show=False, save=picture)
        click.echo(f"written to {folder}: {', '.join(DEMO_FILES)}", err=True)


def demo_cells() -> AnnData:
    """The annotated cells of the demo: Scanpy's, with two of their clusters joined."""
    import scanpy as sc

    from gca_scanpy import tl

    adata = sc.datasets.pbmc68k_reduced()
    joined = adata.obs["louvain"].astype(str).replace({"1": "1+4", "4": "1+4"})
    order = ["0", "1+4", "2", "3", "5", "6", "7", "8", "9", "10"]
    adata.obs["cluster"] = joined.astype("category").cat.set_categories(order)
    tl.annotate(adata, groupby="cluster", species="human", tissue="blood")
    return adata
