"""The program ``gca``. Scanpy is imported by the commands that need it, so that help is quick."""

from __future__ import annotations

import warnings
from typing import Any

import click

from gca_scanpy._cli.annotate import annotate
from gca_scanpy._cli.demo import demo
from gca_scanpy._errors import GcaError, GcaWarning
from gca_scanpy._version import __version__

EXIT_ERROR = 1


class _Program(click.Group):
    """A group whose commands end with one line on stderr where this package raises, not with a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("always", GcaWarning)
            warnings.showwarning = _show
            try:
                return super().invoke(ctx)
            except GcaError as error:
                raise click.ClickException(str(error)) from error


def _show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    # Warnings of others are about their own calls, which the user of a command line did not write.
    if issubclass(category, GcaWarning):
        click.echo(f"Warning: {message}", err=True)


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gca")
def main() -> None:
    """Say what each cluster of single cells is, with the evidence."""


main.add_command(annotate)
main.add_command(demo)
