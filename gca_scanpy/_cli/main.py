"""The program ``gca``. Scanpy is imported by the commands that need it, so that help is quick."""

from __future__ import annotations

import errno
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, Optional

import click

from gca_scanpy._cli.annotate import annotate
from gca_scanpy._cli.cache import cache
from gca_scanpy._cli.completion import completion
from gca_scanpy._cli.demo import demo
from gca_scanpy._cli.doctor import doctor
from gca_scanpy._cli.markers import markers
from gca_scanpy._cli.messages import log, one_line, to_stderr
from gca_scanpy._cli.presets import presets
from gca_scanpy._cli.review import review
from gca_scanpy._cli.schema import schema
from gca_scanpy._version import __version__
from gca_scanpy.errors import GcaError, GcaWarning


class _Program(click.Group):
    """A group that ends with one line on stderr where something is wrong: no traceback, no lines of usage."""

    def main(self, args: Optional[Sequence[str]] = None, *more: Any, **options: Any) -> Any:
        with to_stderr(sys.argv[1:] if args is None else args):
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
    """An error that is told in one line, without the usage."""

    def __init__(self, message: str, category: str) -> None:
        super().__init__(one_line(message))
        self.category = category

    def show(self, file: Optional[IO[Any]] = None) -> None:
        del file  # the messages know where they go
        log.error("%s", self.message, extra={"category": self.category})


class _UsageProblem(_Problem):
    exit_code = click.UsageError.exit_code


@contextmanager
def _one_line() -> Iterator[None]:
    try:
        yield
    except click.UsageError as error:
        # `gca` alone is a call for help, which newer click makes an error of.
        if type(error).__name__ == "NoArgsIsHelpError":
            raise
        raise _UsageProblem(error.format_message(), "UsageError") from error
    except OSError as error:
        if error.errno == errno.EPIPE:  # `gca ... | head`: click ends quietly
            raise
        raise _Problem(_of_system(error), type(error).__name__) from error
    except GcaError as error:
        raise _Problem(str(error), type(error).__name__) from error


def _of_system(error: OSError) -> str:
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}"


def _show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    # Warnings of others are about their own calls, which the user of a command line did not write.
    if issubclass(category, GcaWarning):
        log.warning("%s", message, extra={"category": category.__name__})


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gca")
def main() -> None:
    """Say what each cluster of single cells is, with the evidence.

    Exit codes: 0 done; 1 an input, a file or a server is at fault, or Ctrl-C; 2 the call is wrong; 3 clusters have
    a status that --fail-on names. Results go to stdout, everything else to stderr.
    """


for _command in (annotate, cache, completion, demo, doctor, markers, presets, review, schema):
    main.add_command(_command)
