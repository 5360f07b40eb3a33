"""Commands for the labels of a file of cells: ``gca consensus``, ``review``, ``export`` and ``methods``."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Iterator, Mapping
from importlib.resources import as_file, files
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Callable, Optional

import click

from gca_scanpy import _packages
from gca_scanpy._cli.annotate import endings_of, print_and_write
from gca_scanpy._cli.options import assets_option, check_key, marker_db_option, species_option, tissue_option
from gca_scanpy._cli.output_options import check_outputs, labels_option, make_folders, output_options, write_outputs
from gca_scanpy._cli.printing import log, message_options, print_report
from gca_scanpy._keys import CONSENSUS_KEY, DEFAULT_KEY, MIN_AGREEMENT
from gca_scanpy.errors import GcaError, InputError

if TYPE_CHECKING:
    from anndata import AnnData

    from gca_scanpy.model import DatasetReport


def _columns(_: click.Context, __: click.Parameter, text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        msg = "name columns of .obs with labels, joined by commas, such as celltypist,singler"
        raise click.BadParameter(msg)
    return names


def _pairs(kind: Callable[[str], Any], example: str) -> Callable[..., Optional[dict[str, Any]]]:
    """A callback that reads ``COLUMN=VALUE`` options."""

    def read(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> Optional[dict[str, Any]]:
        pairs = {}
        for text in texts:
            name, sign, value = text.rpartition("=")
            try:
                pairs[name] = kind(value)
            except ValueError:
                sign = ""
            if not (sign and name and value):
                msg = f"{text!r} must be like {example}"
                raise click.BadParameter(msg)
        return pairs or None

    return read


def _repeatable(option: str, name: str, metavar: str, callback: Callable[..., Any], what: str) -> Callable[[Any], Any]:
    """An option that can be given several times."""
    return click.option(option, name, multiple=True, metavar=metavar, callback=callback, help=f"{what}; repeatable.")


@click.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path), metavar="IN")
@click.option("--keys", required=True, callback=_columns, help="Columns of .obs with labels, joined by commas.")
@click.option("--groupby", help="Column of .obs with the clusters; without it, each cell gets its own label.")
@_repeatable("--weight", "weights", "COLUMN=NUMBER", _pairs(float, "expert=2"), "Weight of a column, 1 if not given")
@_repeatable(
    "--score",
    "scores",
    "COLUMN=SCORES",
    _pairs(str, "celltypist=conf_score"),
    "Column with the probabilities of a tool's labels",
)
@_repeatable(
    "--term", "terms", "LABEL=TYPE", _pairs(str, "'blob 7=B cell'"),
    "Name or Cell Ontology id of the type of a label that cannot be read",
)  # fmt: skip
@click.option(
    "--min-agreement", type=click.FloatRange(0, 1), help=f"Agreement that a label needs.  [default: {MIN_AGREEMENT}]"
)
@species_option
@tissue_option
@output_options
@marker_db_option
@assets_option
@click.option(
    "--key-added",
    default=CONSENSUS_KEY,
    show_default=True,
    callback=check_key,
    help="Prefix of what is written.",
)
@message_options
def consensus(source: Path, **options: Any) -> None:
    """Join the labels of several tools in IN (h5ad, zarr, loom, 10x h5) by the Cell Ontology.

    Each column of labels is a vote, and supports its type and all broader ones. With --groupby, each cluster gets one
    label, which the marker genes check. The table of labels goes to stdout.
    """
    options = {**options, "lazy": False, "clusters": None}
    check_outputs(source, options, endings_of(source), in_place=True)
    make_folders(options)
    report, cells = _join(source, options)
    print_and_write(source, report, cells, options)


def _join(source: Path, options: Mapping[str, Any]) -> tuple[DatasetReport, AnnData]:
    from gca_scanpy import get, tl
    from gca_scanpy._stores import files

    adata = files.read(source)
    log.info("read %s: %s cells, %s genes", source, adata.n_obs, adata.n_vars, extra={"event": "read"})
    names = ("weights", "scores", "terms", "min_agreement")
    tl.consensus(
        adata,
        options["keys"],
        options["groupby"],
        species=options["species"],
        tissue=options["tissue"] or None,
        marker_db=list(options["marker_db"]) or None,
        key_added=options["key_added"],
        **{name: options[name] for name in names if options[name] is not None},
    )
    return get.report(adata, options["key_added"]), adata


HOST = "127.0.0.1"
# Nothing leaves the machine, and no other page can write here.
OPTIONS = {
    "server.address": HOST,
    "server.headless": "true",
    "server.enableXsrfProtection": "true",
    "server.enableCORS": "true",
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": "false",
    "browser.serverAddress": HOST,
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
    "logger.level": "error",
    "runner.magicEnabled": "false",
}
# As python -m streamlit, but with the imports of the page before the first reader waits for it.
STREAMLIT = """
import anndata, gca_scanpy.tl, gca_scanpy._ui.desk, streamlit.web.cli
streamlit.web.cli.main(prog_name="streamlit")
"""
PATIENCE = 60  # seconds within which the page must answer
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path), metavar="FILE")
@click.option("--key", default=DEFAULT_KEY, show_default=True, help="The --key-added of the run.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port on 127.0.0.1.  [default: a free one]")
@click.option("--no-browser", is_flag=True, help="Print the address and open no browser.")
def review(source: Path, key: str, port: Optional[int], no_browser: bool) -> None:
    """Decide on the labels of FILE, an annotated h5ad or zarr, in a browser.

    Curated labels are written into the file, and its report records who decided what, when and why. Only this
    machine can open the page; Ctrl-C ends it. Needs the extra ui.
    """
    _packages.load("ui", InputError)
    port = _free_port(port or 0)
    token = secrets.token_urlsafe(16)
    with (
        as_file(files("gca_scanpy") / "_ui" / "review_app.py") as script,
        _page(script, source, key, port, token) as page,
    ):
        from gca_scanpy._stores import review

        review.check(source, key)  # while the page imports its packages, which takes a second in each process
        click.echo("Starting the page takes some seconds.", err=True)
        _wait(page, port)
        address = f"http://{HOST}:{port}/?token={token}"
        click.echo(f"{source.name} is at {address}")
        click.echo("Ctrl-C ends it; every saved decision is in the file.", err=True)
        if not no_browser:
            webbrowser.open(address)
        page.wait()


def _free_port(port: int) -> int:
    """The port if it is free, or any free one for 0. There is no default: two reviews at once would collide."""
    try:
        with socket.socket() as place:
            if os.name != "nt":  # on Windows the port would be shared with the program that has it
                place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            place.bind((HOST, port))
            return int(place.getsockname()[1])
    except OSError as error:
        msg = f"port {port} on {HOST} is not available, it may be in use; give another with --port: {error.strerror}"
        raise InputError(msg) from error


@contextlib.contextmanager
def _page(script: Path, source: Path, key: str, port: int, token: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run Streamlit with the page until the block ends: by Ctrl-C, by a signal, or because Streamlit stopped."""
    options = [f"--{name}={value}" for name, value in {**OPTIONS, "server.port": port}.items()]
    command = [sys.executable, "-c", STREAMLIT, "run", str(script), *options, "--", str(source.resolve()), key]
    # The token is not an argument, because all users of the machine can list those.
    environment = {**os.environ, "GCA_REVIEW_TOKEN": token, "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false"}
    page = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield page
    except KeyboardInterrupt:  # the usual end of this program
        click.echo("", err=True)
    finally:
        signal.signal(signal.SIGTERM, before)
        page.terminate()
        try:
            page.wait(10)
        except subprocess.TimeoutExpired:
            page.kill()


def _end(_: int, __: Optional[FrameType]) -> None:
    raise KeyboardInterrupt


def _wait(page: subprocess.Popen[bytes], port: int) -> None:
    import httpx

    for _ in range(PATIENCE * 5):
        if page.poll() is not None:
            break
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"http://{HOST}:{port}/_stcore/health", trust_env=False).status_code == httpx.codes.OK:
                return
        time.sleep(0.2)
    msg = f"Streamlit did not start on {HOST}:{port}; see its messages above"
    raise GcaError(msg)


@click.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path), metavar="FILE")
@click.option("--key", default=DEFAULT_KEY, show_default=True, help="The --key-added of the run.")
@click.option("--references", is_flag=True, help="Print the references too, as BibTeX.")
@message_options
def methods(source: Path, key: str, references: bool) -> None:
    """Print a methods paragraph for FILE: an annotated h5ad or zarr, or a report in JSON."""
    from gca_scanpy import get, io
    from gca_scanpy._stores.files import read

    data = io.read_report(source) if source.suffix.lower() == ".json" else read(source)
    click.echo(get.methods(data, key, references=references))


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
    from gca_scanpy._stores.files import read

    adata = read(source)
    report = get.report(adata, key)
    make_folders(options)
    try:
        print_report(report, options["labels"])
    finally:  # also if the reader of a pipe has gone
        all_written = write_outputs(report, options, adata, source, lambda _, path: io.to_cas(adata, path, key))
    if not all_written:
        raise SystemExit(1)
