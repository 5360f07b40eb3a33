"""The program ``gca``. Scanpy is imported by the commands that need it, so that help is quick."""

from __future__ import annotations

import errno
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from gca_scanpy._cli.annotate import annotate
from gca_scanpy._cli.demo import demo
from gca_scanpy._cli.markers import markers
from gca_scanpy._errors import GcaError, GcaWarning
from gca_scanpy._version import __version__


class _Program(click.Group):
    """A group that ends with one line on stderr where something is wrong: no traceback, no lines of usage."""

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        with _one_line():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with _one_line(), warnings.catch_warnings():
            warnings.simplefilter("always", GcaWarning)
            warnings.showwarning = _show
            return super().invoke(ctx)


class _UsageProblem(click.ClickException):
    """A usage error that is told in one line, without the usage."""

    exit_code = click.UsageError.exit_code


@contextmanager
def _one_line() -> Iterator[None]:
    try:
        yield
    except click.UsageError as error:
        # `gca` alone is a call for help, which newer click makes an error of.
        if type(error).__name__ == "NoArgsIsHelpError":
            raise
        raise _UsageProblem(_line(error.format_message())) from error
    except OSError as error:
        if error.errno == errno.EPIPE:  # `gca ... | head`: click ends quietly
            raise
        raise click.ClickException(_line(_of_system(error))) from error
    except GcaError as error:
        raise click.ClickException(_line(str(error))) from error


def _of_system(error: OSError) -> str:
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}"


def _line(message: str) -> str:
    return " ".join(message.split())


def _show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    # Warnings of others are about their own calls, which the user of a command line did not write.
    if issubclass(category, GcaWarning):
        click.echo(f"Warning: {_line(str(message))}", err=True)


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gca")
def main() -> None:
    """Say what each cluster of single cells is, with the evidence."""


main.add_command(annotate)
main.add_command(demo)
main.add_command(markers)
