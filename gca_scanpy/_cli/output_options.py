"""The options about what is written, and about the exit code; ``gca schema``: the form of the report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import click

from gca_scanpy._cli.options import as_setting, with_options
from gca_scanpy._cli.printing import NOTICE, log, text_of
from gca_scanpy.errors import GcaError

if TYPE_CHECKING:
    from anndata import AnnData

    from gca_scanpy.model import ClusterReport, DatasetReport

FAILED = 3  # exit code of --fail-on
UNANSWERED = "unanswered"
ZARR = (".zgroup", ".zattrs", "zarr.json")  # one of them is in each zarr folder
REPORTS = ("json_report", "csv_report", "html_report", "stats_json", "references")
_FILE = click.Path(dir_okay=False, path_type=Path)
labels_option = click.option(
    "--labels",
    type=click.Choice(["full", "short"]),
    default="full",
    show_default=True,
    help="Names of the types in the HTML page and on stdout.",
)


_OPTIONS = (
    click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path),
        help="Write IN with the labels, in its format (10x h5 as h5ad); for a table, the labels as csv or tsv.",
    ),
    click.option("--json-report", type=_FILE, help="Write the report as JSON ('gca schema')."),
    click.option("--csv-report", type=_FILE, help="Write one row per cluster as csv."),
    click.option("--html-report", type=_FILE, help="Write the report as an HTML page."),
    labels_option,
    click.option("--references", type=_FILE, help="Write what to cite for the evidence, as text or (.bib) BibTeX."),
    click.option("--stats-json", type=_FILE, help="Write counts, shares and costs of the run as JSON."),
    click.option(
        "--metrics-textfile",
        type=_FILE,
        callback=as_setting("metrics_textfile"),
        expose_value=False,
        help="Write Prometheus metrics of the run to this file.",
    ),
    click.option(
        "--force", is_flag=True, help="Replace existing files. With it, -o may also replace IN if that has cells."
    ),
    click.option(
        "--fail-on",
        type=click.Choice(["flagged", "unknown", UNANSWERED]),
        multiple=True,
        help="End with exit code 3 if a cluster has this status, or no language model answered it, after everything "
        "is written; repeatable.",
    ),
)


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command."""
    return with_options(command, _OPTIONS)


def check_outputs(source: Path, options: Mapping[str, Any], endings: tuple[str, ...], *, in_place: bool) -> None:
    """Refuse, before anything is read, outputs that cannot be written, or that would replace what is read.

    Parameters
    ----------
    endings
        What ``--output`` may end in for this input.
    in_place
        Whether ``--output`` may replace the input with ``--force``, because it contains all of it.
    """
    output = options["output"]
    if output is not None and output.suffix.lower() not in endings:
        msg = f"the output of this input must end in {' or '.join(endings)}, but {output.name} does not"
        raise click.UsageError(msg)
    targets = _targets(options)
    _check_metrics(source, targets)
    inputs = [source, options.get("clusters"), *map(Path, options.get("marker_db", ()))]
    for number, target in enumerate(targets):
        if target.resolve() in [other.resolve() for other in targets[:number]]:
            msg = f"{target} is named for two outputs; give each its own file"
            raise click.UsageError(msg)
        replaced = source if in_place and target is output else None
        check_free(target, force=options["force"], inputs=inputs, replaced=replaced)


def _check_metrics(source: Path, targets: Sequence[Path]) -> None:
    """Refuse a file of metrics that is also the input or an output: each run replaces it without asking."""
    from gca_scanpy._settings import settings

    path = settings.metrics_textfile
    if path is not None and path.resolve() in [other.resolve() for other in (source, *targets)]:
        msg = f"{path} is named for the metrics and is the input or another output; give the metrics their own file"
        raise click.UsageError(msg)


def check_free(
    target: Path, *, force: bool, inputs: Iterable[Optional[Path]] = (), replaced: Optional[Path] = None
) -> None:
    """Refuse an output that would replace something: without ``--force`` anything, with it an input or other folders.

    Parameters
    ----------
    inputs
        The files that are read.
    replaced
        The input that this output may replace with ``--force``, because it contains all of it.
    """
    if not target.exists():
        return
    is_input = target.resolve() in [path.resolve() for path in inputs if path is not None]
    if not force:
        msg = f"{target} is already there{' (it is an input)' if is_input else ''}; choose another name or give --force"
        raise click.UsageError(msg)
    if is_input and (replaced is None or target.resolve() != replaced.resolve()):
        msg = f"{target} is an input, which this output does not replace, not even with --force; choose another name"
        raise click.UsageError(msg)
    if target.is_dir() and not (target.suffix.lower() == ".zarr" and any((target / name).exists() for name in ZARR)):
        msg = f"{target} is a folder with other files, which --force does not replace; choose another name"
        raise click.UsageError(msg)
    if target.is_file() and target.suffix.lower() == ".zarr":
        msg = f"{target} is a file, but the output is a folder; choose another name"
        raise click.UsageError(msg)


def make_folders(options: Mapping[str, Any]) -> None:
    """Make the folders of the outputs and try to write there, so that what cannot be written stops the run at once.

    Raises
    ------
    FileError
        If an output cannot be written.
    """
    from gca_scanpy._files import check_writable, naming

    for target in _targets(options):
        with naming(target, "written"):
            target.parent.mkdir(parents=True, exist_ok=True)
        check_writable(target)


def _targets(options: Mapping[str, Any]) -> list[Path]:
    return [options[name] for name in ("output", *REPORTS) if options[name] is not None]


def write_outputs(
    report: DatasetReport,
    options: Mapping[str, Any],
    cells: Optional[AnnData],
    source: Path,
    output: Callable[[DatasetReport, Path], object],
) -> bool:
    """Write the requested reports and ``--output``, each of them whatever becomes of the others.

    Parameters
    ----------
    cells
        The annotated cells, which the page shows; None for a table.
    source
        The input, whose name the page has in its title.
    output
        Writes ``--output``.

    Returns
    -------
    bool
        Whether all of them were written; an error is logged for each that was not.
    """
    from gca_scanpy import io
    from gca_scanpy._keys import DEFAULT_KEY

    def page(report: DatasetReport, path: Path) -> None:
        key = options["key_added"] or DEFAULT_KEY
        io.to_html(report if cells is None else cells, path, key=key, title=source.name, labels=options["labels"])

    writers: dict[str, Callable[[DatasetReport, Path], object]] = {
        "json_report": io.to_json,
        "csv_report": io.to_csv,
        "html_report": page,
        "stats_json": _stats,
        "references": _references,
        "output": output,
    }
    all_written = True
    for name, write in writers.items():
        path = options[name]
        if path is None:
            continue
        try:
            write(report, path)
        except (GcaError, OSError) as error:
            all_written = False
            log.error("%s", text_of(error), extra={"category": type(error).__name__})
        else:
            log.log(NOTICE, "wrote %s", path, extra={"event": "written"})
    return all_written


def _references(report: DatasetReport, path: Path) -> None:
    from gca_scanpy import get
    from gca_scanpy._files import whole

    text = get.references(report, format="bibtex" if path.suffix.lower() == ".bib" else "text")
    with whole(path) as part:
        part.write_text(text, encoding="utf-8", errors="replace")


def _stats(report: DatasetReport, path: Path) -> None:
    """The report without its clusters."""
    import json

    from attrs import evolve

    from gca_scanpy._codec import to_dict
    from gca_scanpy._files import whole

    stats = to_dict(evolve(report, clusters=()))  # serializing all clusters to drop them would take long
    del stats["clusters"]
    with whole(path) as part:
        part.write_text(json.dumps(stats, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def end(report: DatasetReport, options: Mapping[str, Any], *, all_written: bool) -> None:
    """End with exit code 1 if an output is missing, or 3 if ``--fail-on`` names what became of clusters."""
    named = {what: [c.cluster_id for c in report.clusters if _is(c, what)] for what in options["fail_on"]}
    for what, ids in named.items():
        if ids:
            log.error("--fail-on %s: %s of %s clusters: %s", what, len(ids), len(report.clusters), ", ".join(ids))
    if not all_written:
        raise SystemExit(1)
    if any(named.values()):
        raise SystemExit(FAILED)


def _is(cluster: ClusterReport, what: str) -> bool:
    return "llm_unavailable" in cluster.validation.flag_reasons if what == UNANSWERED else cluster.status == what


@click.command()
def schema() -> None:
    """Print the JSON Schema of the report that --json-report writes."""
    from importlib.resources import files

    # gca_scanpy.io.json_schema reads the same file, but importing it would import AnnData.
    click.echo((files("gca_scanpy") / "data" / "report.schema.json").read_text(encoding="utf-8"), nl=False)
