"""What the program prints: messages on stderr, as lines of text or of JSON, and tables on stdout."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import click

from gca_scanpy._arguments import KINDS
from gca_scanpy.errors import GcaError

if TYPE_CHECKING:
    from rich.table import Table

    from gca_scanpy._reporting.display import Labels
    from gca_scanpy.model import ClusterReport, DatasetReport, Provenance

COMMANDS = {
    "tl.annotate": "gca annotate",
    "tl.consensus": "gca consensus",
    "tl.curate": "gca review",
    "get.curation": "gca review",
}
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
NOTICE = logging.INFO + 5  # of what a user waits for, such as a file that was written: only --quiet hides it
_RECORD_FIELDS = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
PIPED_WIDTH = 160  # characters
WIDE = 120  # characters, from which on the table of a run also has the finest guess
NARROW = 100  # characters, below which the table has no ids, so that no word of a label must be broken


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
            "level": "info" if record.levelno == NOTICE else record.levelname.lower(),
            "message": self.message(record),
            **{name: value for name, value in vars(record).items() if name not in _RECORD_FIELDS},  # passed as extra=
        }
        return json.dumps(entry, ensure_ascii=False, default=str)


class _Stderr(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        click.echo(self.format(record), err=True)


@contextmanager
def to_stderr(arguments: Sequence[str], program: click.Command) -> Iterator[None]:
    """Send what this package logs to stderr: from notices to errors, until ``--quiet`` or ``--verbose`` is read.

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
    logger.setLevel(NOTICE)
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


def new_table(*columns: str) -> Table:
    """An empty table that wraps long cells and never cuts them."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def add_row(table: Table, *cells: object) -> None:
    """Add a row of plain text, because a file may be called "[red]"."""
    from rich.text import Text

    table.add_row(*(Text(str(cell)) for cell in cells))


def print_table(table: Table) -> None:
    """Print a table to stdout."""
    from rich.console import Console

    Console(file=sys.stdout, width=_width()).print(table)


def _width() -> int:
    return shutil.get_terminal_size((PIPED_WIDTH, 24)).columns if sys.stdout.isatty() else PIPED_WIDTH


def replace_unencodable() -> None:
    """Let stdout show a question mark for a character that it cannot encode: a cluster "β" must not end the run."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


CONFIDENCE_STYLES = {"High": "bold green", "Medium": "yellow", "Low": "dim"}
STATUS_STYLES = {"supported": "green", "flagged": "bold red", "unknown": "dim"}
SHOWN_GENES = 5
SAMPLE_CODES = frozenset({"sample_disagreement", "one_sample"})  # advice whose note says which samples


def print_report(report: DatasetReport, labels: Labels = "full") -> None:
    """Print one row per cluster to stdout, with the full or the short names of the types."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from gca_scanpy._reporting.curation import standing
    from gca_scanpy._reporting.display import guess_text, with_labels
    from gca_scanpy.db import _bundled

    replace_unencodable()
    report = with_labels(report, labels, _bundled.shortener())
    # Little padding and no minimum widths, for which rich would shrink the last column: 80 characters are enough.
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("cluster", overflow="fold")
    table.add_column("cells", justify="right")
    table.add_column("label", overflow="fold")
    decided = standing(report)
    if decided:
        table.add_column("curated label", overflow="fold")
    guesses = [guess_text(c) if _width() >= WIDE else "" for c in report.clusters]
    if any(guesses):
        table.add_column("finest guess", overflow="fold")
    has_samples = any(c.samples for c in report.clusters)
    if has_samples:
        table.add_column("samples", no_wrap=True)
    if has_ids := _width() >= NARROW:
        table.add_column("CL id", no_wrap=True)
    table.add_column("confidence", no_wrap=True)
    table.add_column("status", overflow="fold")
    table.add_column("supporting genes", overflow="fold")
    for c, guess in zip(report.clusters, guesses):
        label = c.annotation.primary_label
        if c.stopped_label:
            label = f"{label} ({c.stopped_label}?)"
        flags = f" ({', '.join(c.validation.flag_reasons)})" if c.validation.flag_reasons else ""
        table.add_row(
            Text(printable(c.cluster_id)),
            "" if c.n_cells is None else str(c.n_cells),
            Text(printable(label)),
            *([Text(printable(decided[c.cluster_id].to_label) if c.cluster_id in decided else "")] if decided else []),
            *([Text(printable(guess))] if any(guesses) else []),
            *([_votes(c)] if has_samples else []),
            *([c.annotation.ontology_id or ""] if has_ids else []),
            Text(f"{c.confidence} {c.confidence_score:.2f}", style=CONFIDENCE_STYLES[c.confidence]),
            Text(c.status + flags, style=STATUS_STYLES[c.status]),
            Text(printable(", ".join(c.validation.supporting_markers[:SHOWN_GENES]))),
        )
    print_table(table)
    for c in report.clusters:
        if (c.status != "supported" or SAMPLE_CODES.intersection(c.validation.flag_reasons)) and c.validation.notes:
            print(f"{printable(c.cluster_id)}: {printable('; '.join(c.validation.notes))}")
    for c in report.clusters:
        if c.next_steps and c.status != "supported":
            print(f"{printable(c.cluster_id)}, to settle it: {printable(c.next_steps[0].text)}")
        for vote in c.consensus.dissenters if c.consensus else ():
            print(printable(f"{c.cluster_id}: {vote.key} says {vote.label} ({vote.relation})"))
    _print_states(report)
    s = report.summary
    summary = f"{s.supported_clusters} supported, {s.flagged_clusters} flagged, {len(s.unknown_clusters)} unknown"
    clusters = f"{s.total_clusters} cluster{'' if s.total_clusters == 1 else 's'}"
    print("; ".join([f"{clusters}: {summary}", *map(printable, _readings(report.provenance))]))


def _print_states(report: DatasetReport) -> None:
    """Print a line with the clusters of each state, if there are any."""
    by_state: dict[str, list[str]] = {}
    for c in report.clusters:
        for state in c.states:
            by_state.setdefault(state, []).append(c.cluster_id)
    if by_state:
        print(printable("states: " + "; ".join(f"{state} in {', '.join(ids)}" for state, ids in by_state.items())))


def _votes(cluster: ClusterReport) -> str:
    """How many of the samples with a vote agree."""
    votes = [one.vote for one in cluster.samples if one.vote in ("agrees", "differs")]
    return f"{votes.count('agrees')} of {len(votes)}"


def _readings(origin: Provenance) -> list[str]:
    """What the species and the tissue were read as, if that is not what the call says."""
    species = [f"{origin.species} read as {origin.genes_of}"] if origin.species != origin.genes_of else []
    tissues = ((text, ", ".join(tissues)) for text, tissues in origin.tissues.items())
    return [*species, *(f"{text!r} read as {read}" for text, read in tissues if text != read)]


def printable(text: str) -> str:
    """The text without characters that would move the cursor or change the colors of the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)
