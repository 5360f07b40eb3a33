"""The program ``gca``. Scanpy is imported by the commands that need it, so that help is quick."""

from __future__ import annotations

import errno
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Optional

import click

from gca_scanpy._cli.annotate import annotate, presets
from gca_scanpy._cli.doctor import cache, doctor
from gca_scanpy._cli.labels import consensus, export, methods, review
from gca_scanpy._cli.lookups import markers, names
from gca_scanpy._cli.mcp import mcp
from gca_scanpy._cli.output_options import check_free
from gca_scanpy._cli.printing import log, one_line, print_report, text_of, to_stderr
from gca_scanpy._packages import __version__
from gca_scanpy.errors import GcaError, GcaWarning

if TYPE_CHECKING:
    from anndata import AnnData

DEMO_FILES = ("annotated.h5ad", "report.json", "report.png")
SHELLS = ("bash", "zsh", "fish")


class _Program(click.Group):
    """A group that reports an error as one line on stderr, without a traceback or the usage."""

    def main(self, args: Optional[Sequence[str]] = None, *more: Any, **options: Any) -> Any:
        with to_stderr(sys.argv[1:] if args is None else args, self):
            return super().main(args, *more, **options)

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        with _one_line():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with _one_line(), warnings.catch_warnings():
            warnings.simplefilter("always", GcaWarning)
            warnings.showwarning = _show
            return super().invoke(ctx)


class _Problem(click.ClickException):
    """An error that is reported in one line, without the usage."""

    def __init__(self, message: str, category: str) -> None:
        super().__init__(one_line(message))
        self.category = category

    def show(self, file: Optional[IO[Any]] = None) -> None:
        del file  # the log handler writes to stderr
        log.error("%s", self.message, extra={"category": self.category})


class _UsageProblem(_Problem):
    exit_code = click.UsageError.exit_code


@contextmanager
def _one_line() -> Iterator[None]:
    try:
        yield
    except click.UsageError as error:
        # `gca` alone asks for help; newer versions of click raise an error for it.
        if type(error).__name__ == "NoArgsIsHelpError":
            raise
        raise _UsageProblem(error.format_message(), "UsageError") from error
    except (GcaError, OSError) as error:
        if getattr(error, "errno", None) == errno.EPIPE:  # `gca ... | head`: click ends quietly
            raise
        raise _Problem(text_of(error), type(error).__name__) from error


def _show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    # Warnings of other packages are about calls that the user of a command line did not write.
    if issubclass(category, GcaWarning):
        log.warning("%s", message, extra={"category": category.__name__})


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gca")
def main() -> None:
    """Name the clusters of single-cell data, with the evidence.

    Exit codes: 0 success; 1 an input, a file or a server failed, or Ctrl-C; 2 wrong usage; 3 clusters have a status
    that --fail-on names. Results go to stdout, everything else to stderr.
    """


@click.command()
def schema() -> None:
    """Print the JSON Schema of the report that --json-report writes."""
    from importlib.resources import files

    # gca_scanpy.io.json_schema reads the same file, but importing it would import AnnData.
    click.echo((files("gca_scanpy") / "data" / "report.schema.json").read_text(encoding="utf-8"), nl=False)


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that lets a shell complete the commands and options of gca.

    For bash, add eval "$(gca completion bash)" to ~/.bashrc; zsh and fish work the same way.
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:  # never true: click knows these three, but a type checker does not
        raise click.BadParameter(shell)
    click.echo(kind(ctx.find_root().command, {}, "gca", "_GCA_COMPLETE").source())


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


_COMMANDS = (
    annotate, cache, completion, consensus, demo, doctor, export, markers, mcp, methods, names, presets, review, schema,
)  # fmt: skip
for _command in _COMMANDS:
    main.add_command(_command)
