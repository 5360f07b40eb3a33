"""The program ``gca``, and its commands about itself: what is installed, set and stored, and how to complete words.

Scanpy is imported by the commands that need it, so that help is quick.
"""

from __future__ import annotations

import errno
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Optional

import click

from gca_scanpy._cli.annotate import annotate, demo
from gca_scanpy._cli.labels import consensus, export, methods, review
from gca_scanpy._cli.lookups import markers, names, presets
from gca_scanpy._cli.mcp import mcp
from gca_scanpy._cli.options import cache_option
from gca_scanpy._cli.output_options import schema
from gca_scanpy._cli.printing import log, one_line, text_of, to_stderr
from gca_scanpy._packages import EXTRAS, __version__, command
from gca_scanpy._secrets import MASK
from gca_scanpy.errors import GcaError, GcaWarning

if TYPE_CHECKING:
    from gca_scanpy._settings import Settings

PACKAGES = ("scanpy", "anndata", "numpy", "pandas", "scipy", "matplotlib", "h5py", "httpx", "click", "rich")
PING_TIMEOUT = 10.0  # seconds
MB = 1_000_000
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
@click.option("--ping", is_flag=True, help="Check whether the server of the configured model answers.")
def doctor(ping: bool) -> None:
    """Show what is installed and configured, with keys masked; the exit code is 1 if something does not work.

    Nothing is sent, except with --ping or if GCA_BASE_URL is set: then the server is asked for its list of models,
    which costs nothing.
    """
    problems: dict[str, None] = {}  # each once, because several sections read the same variables
    for title, lines in (
        ("versions", _versions),
        ("optional packages", _optional),
        ("settings", _settings),
        ("keys", _keys),
        ("marker tables", _tables),
        ("cache", _cache),
        ("language model", lambda: _model(ping)),
    ):
        click.echo(title)
        try:
            for line in lines():
                click.echo(f"  {line}")
        except (GcaError, OSError, ValueError) as error:
            problems[str(error)] = None
            click.echo("  does not work")
    for problem in problems:
        log.error("%s", problem)
    if problems:
        raise SystemExit(1)


def _versions() -> Iterator[str]:
    import platform

    yield f"gca-scanpy {__version__}"
    yield f"Python {platform.python_version()} on {platform.platform(terse=True)}, {sys.executable}"
    for package in PACKAGES:
        yield f"{package} {_version(package) or 'is not installed'}"


def _optional() -> Iterator[str]:
    yield _availability(
        "reading zarr folders", ("zarr",), "python -m pip install zarr"
    )  # recent AnnData versions require it
    for name, extra in EXTRAS.items():
        yield _availability(extra.purpose, extra.packages, command(name))


def _availability(purpose: str, packages: Sequence[str], install: str) -> str:
    versions = {package: _version(package) for package in packages}
    if all(versions.values()):
        return f"{purpose}: {', '.join(f'{package} {version}' for package, version in versions.items())}"
    missing = ", ".join(package for package, version in versions.items() if not version)
    return f"{purpose}: no, {missing} missing; {install}"


def _version(package: str) -> Optional[str]:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _current() -> Settings:
    from gca_scanpy._settings import settings

    return settings.current()


def _settings() -> Iterator[str]:
    from attrs import fields

    from gca_scanpy._settings import Settings

    current = _current()
    for attribute in fields(Settings):
        value = getattr(current, attribute.name)
        if attribute.name == "headers":
            value = ", ".join(f"{name}: {MASK}" for name in value) or None
        variable = next((name for name in attribute.metadata["env"] if os.environ.get(name, "").strip()), None)
        yield f"{attribute.name}: {'none' if value is None else value}{f' ({variable})' if variable else ''}"


def _keys() -> Iterator[str]:
    from gca_scanpy._llm.endpoint import ANY_SERVER_KEY, PROVIDERS

    names = [name for provider in PROVIDERS.values() for name in provider.keys]
    for name in dict.fromkeys([*names, ANY_SERVER_KEY]):
        yield f"{name}: {f'set, {MASK}' if os.environ.get(name, '').strip() else 'not set'}"


def _tables() -> Iterator[str]:
    from importlib.resources import files

    from gca_scanpy.db import _assets

    bundled = (files("gca_scanpy") / "data" / "markers" / "VERSION").read_text(encoding="utf-8").strip()
    yield f"bundled: {bundled}"
    yield f"folder of public tables: {_assets.folder()}"
    for name in _assets.ASSETS:
        yield f"{name}: {', '.join(path.name for path in _assets.present(name)) or 'no file'}"


def _cache() -> Iterator[str]:
    from gca_scanpy._llm.cache import cache_files, default_folder

    folder = _current().cache_dir or default_folder()
    yield f"folder: {folder}"
    yield f"answers: {sum(file.is_answer for file in cache_files(folder))}"
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    yield f"can be written to: {'yes' if nearest.is_dir() and os.access(nearest, os.W_OK) else 'no'}"


def _model(ping: bool) -> Iterator[str]:
    from attrs import evolve

    from gca_scanpy._llm.asking import OFFLINE, client

    current = evolve(_current(), timeout=PING_TIMEOUT, deadline=PING_TIMEOUT)
    named = None if current.model == OFFLINE else current.model
    if named is None and current.base_url is None:
        yield "none is configured (GCA_MODEL, GCA_BASE_URL)"
        return
    model = client(named or "any", current)
    yield model.name if named else f"none is configured; the server is {model.endpoint.host}"
    if ping or current.base_url:
        yield model.check()
    else:
        yield "not checked; --ping checks it"


@click.group()
@cache_option
@click.pass_context
def cache(ctx: click.Context, cache_dir: Optional[Path]) -> None:
    """Show, prune or clear the stored answers of language models.

    Deleted answers must be requested, and paid for, again.
    """
    ctx.obj = cache_dir


def _folder(cache_dir: Optional[Path]) -> Path:
    from gca_scanpy._llm.cache import default_folder
    from gca_scanpy._settings import settings

    return cache_dir or settings.cache_dir or default_folder()


@cache.command()
@click.pass_obj
def info(cache_dir: Optional[Path]) -> None:
    """Show the folder, and the number, size and age of the answers."""
    from gca_scanpy._llm.cache import cache_files

    folder = _folder(cache_dir)
    files = cache_files(folder)
    answers = [file for file in files if file.is_answer]
    click.echo(f"folder: {folder}{'' if folder.is_dir() else ' (does not exist yet)'}")
    click.echo(f"answers: {len(answers)}")
    click.echo(f"size: {sum(file.size for file in files) / MB:.2f} MB")
    if answers:
        click.echo(f"oldest: {_date(answers[0].written)}")
        click.echo(f"newest: {_date(answers[-1].written)}")


@cache.command()
@click.option("--yes", is_flag=True, help="Delete without asking.")
@click.pass_obj
def clear(cache_dir: Optional[Path], yes: bool) -> None:
    """Delete all answers. Other files in the folder are kept."""
    from gca_scanpy._llm.cache import cache_files, delete

    folder = _folder(cache_dir)
    files = cache_files(folder)
    if not yes:
        number = sum(file.is_answer for file in files)
        click.confirm(f"Delete {number} answers in {folder}?", abort=True, err=True)
    click.echo(f"deleted: {delete(files)} answers")


@cache.command()
@click.option(
    "--older-than", "days", type=click.FloatRange(min=0), metavar="DAYS", help="Delete answers older than DAYS."
)
@click.option(
    "--max-size",
    "max_mb",
    type=click.FloatRange(min=0),
    metavar="MB",
    help="Delete the oldest answers until at most MB megabytes are left.",
)
@click.pass_obj
def prune(cache_dir: Optional[Path], days: Optional[float], max_mb: Optional[float]) -> None:
    """Delete old answers, and the remains of interrupted runs."""
    from gca_scanpy._llm.cache import cache_files, delete, expired

    if days is None and max_mb is None:
        msg = "state what to delete: --older-than DAYS, --max-size MB, or both"
        raise click.UsageError(msg)
    files = cache_files(_folder(cache_dir))
    number = sum(file.is_answer for file in files)
    deleted = delete(expired(files, days=days, max_bytes=None if max_mb is None else round(max_mb * MB)))
    click.echo(f"deleted: {deleted} answers, left: {number - deleted}")


def _date(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, timezone.utc).strftime("%Y-%m-%d")


_COMMANDS = (
    annotate, cache, completion, consensus, demo, doctor, export, markers, mcp, methods, names, presets, review, schema,
)  # fmt: skip
for _command in _COMMANDS:
    main.add_command(_command)
