"""The messages on stderr: progress, warnings and errors, as lines of text or of JSON, worded for the command line."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

import click

from gca_scanpy._arguments import KINDS
from gca_scanpy.errors import GcaError

COMMANDS = {"tl.annotate": "gca annotate", "tl.curate": "gca review", "get.curation": "gca review"}
VARIABLES = {"api_key": "GCA_API_KEY"}  # of arguments that have no option
_OUTSIDE = r"(?<![\w.'\"\[/\\?&-])"  # not inside a name, a path, an address or a quotation
_CALL = re.compile(r"gca(?:_scanpy)?\.([a-z]+\.[a-z_]+)\([^()]*\)")
_ALTERNATIVE = re.compile(r",? or pass (\w+)=(?!\w)")
_PASS = re.compile(rf"{_OUTSIDE}pass (\w+)=(?!\w)")
_VALUE = re.compile(rf"{_OUTSIDE}(\w+)=(True\b|False\b)?(?=(\S?))")
_NAME = re.compile(rf"{_OUTSIDE}([a-z]+(?:_[a-z]+)+)(?![\w.(=\[])")
log = logging.getLogger("gca_scanpy.cli")
PREFIXES = {logging.WARNING: "Warning: ", logging.ERROR: "Error: "}
LOG_JSON = "--log-json"
_RECORD_FIELDS = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}


def options_of(command: click.Command) -> dict[str, click.Option]:
    """The options of a command and of its subcommands, by the names of their arguments."""
    return {str(option.name): option for option in _all_options(command)}


def _all_options(command: click.Command) -> Iterator[click.Option]:
    yield from (parameter for parameter in command.params if isinstance(parameter, click.Option))
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        yield from _all_options(inner)


def reworded(message: str, command: click.Command) -> str:
    """A message in which ``layer='counts'`` is ``--layer 'counts'``, and other words of Python are likewise replaced.

    An argument that has no option is left as it is, but for the advice to pass it: that names the environment variable,
    or is left out if it is only an alternative.
    """
    options = options_of(command)

    def spelled(name: str, flag: str = "") -> str:
        option = options[name]
        long = [text for text in option.opts if text.startswith("--")]
        return option.secondary_opts[0] if flag == "False" and option.secondary_opts else long[0]

    def value(match: re.Match[str]) -> str:
        name, flag, after = match[1], match[2] or "", match[3]
        if name not in options:
            return match[0]
        return spelled(name, flag) + (" " if not flag and after and after not in ";,.)" else "")

    def advice(match: re.Match[str]) -> str:
        return f"set {VARIABLES[match[1]]}" if match[1] in VARIABLES else match[0]

    message = _CALL.sub(lambda match: COMMANDS.get(match[1], match[0]), message)
    message = _ALTERNATIVE.sub(lambda match: match[0] if match[1] in options else "", message)
    message = _PASS.sub(advice, message)
    message = _VALUE.sub(value, message)
    return _NAME.sub(
        lambda match: spelled(match[1]) if match[1] in options and match[1] in KINDS else match[0], message
    )


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
