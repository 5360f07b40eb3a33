"""The messages on stderr: progress, warnings and errors, as lines of text or of JSON."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

import click

from gca_scanpy._cli.wording import reworded
from gca_scanpy.errors import GcaError

log = logging.getLogger("gca_scanpy.cli")
PREFIXES = {logging.WARNING: "Warning: ", logging.ERROR: "Error: "}
LOG_JSON = "--log-json"
_RECORD_FIELDS = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}


def one_line(message: str) -> str:
    """A message without line breaks."""
    return " ".join(message.split())


def text_of(error: Exception) -> str:
    """The message of an error; one of the system gets the name of its file."""
    if isinstance(error, GcaError) or not isinstance(error, OSError):
        return str(error)
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}"


class _Text(logging.Formatter):
    """Lines of text.

    Attributes
    ----------
    program
        Its options take the place of the arguments that warnings and errors name.
    """

    def __init__(self, program: click.Command) -> None:
        super().__init__()
        self.program = program

    def message(self, record: logging.LogRecord) -> str:
        text = one_line(record.getMessage())
        return reworded(text, self.program) if record.levelno >= logging.WARNING else text

    def format(self, record: logging.LogRecord) -> str:
        return PREFIXES.get(record.levelno, "") + self.message(record)


class _Json(_Text):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": self.message(record),
            **{name: value for name, value in vars(record).items() if name not in _RECORD_FIELDS},  # passed as extra=
        }
        return json.dumps(entry, ensure_ascii=False, default=str)


class _Stderr(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        click.echo(self.format(record), err=True)


@contextmanager
def to_stderr(arguments: Sequence[str], program: click.Command) -> Iterator[None]:
    """Send what this package logs to stderr: warnings and errors, until ``--quiet`` or ``--verbose`` is read.

    Parameters
    ----------
    arguments
        Arguments of the call. ``--log-json`` takes effect before they are parsed, so that a usage error is JSON too.
    program
        Its options take the place of the arguments that warnings and errors name.
    """
    logger, handler = logging.getLogger("gca_scanpy"), _Stderr()
    handler.setFormatter((_Json if LOG_JSON in arguments else _Text)(program))
    before = logger.level, logger.propagate
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


def message_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--quiet``, ``--verbose`` and ``--log-json`` to a command."""
    for name, apply, text in (
        (LOG_JSON, _log_json, "Write the messages on stderr as JSON, one object per line."),
        ("--verbose", _verbose, "Report on stderr what is done, and how long each step takes."),
        ("--quiet", _quiet, "Show errors only: no warnings and no progress bar."),
    ):
        # Eager, so that they take effect before another option causes a warning.
        option = click.option(name, is_flag=True, is_eager=True, expose_value=False, callback=apply, help=text)
        command = option(command)
    return command


def _quiet(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        _set_level(ctx, logging.ERROR)
        _no_progress_bar()


def _verbose(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        _set_level(ctx, logging.INFO)


def _log_json(_: click.Context, __: click.Parameter, value: bool) -> None:
    if value:
        _no_progress_bar()


def _set_level(ctx: click.Context, level: int) -> None:
    if ctx.meta.setdefault("gca_scanpy.level", level) != level:
        msg = "--quiet and --verbose exclude each other"
        raise click.UsageError(msg)
    logging.getLogger("gca_scanpy").setLevel(level)


def _no_progress_bar() -> None:
    os.environ["TQDM_DISABLE"] = "1"
