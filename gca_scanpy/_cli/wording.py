"""Messages are worded for Python; on the command line, arguments in them become options and calls become commands."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click

from gca_scanpy._arguments import KINDS

COMMANDS = {"tl.annotate": "gca annotate", "tl.curate": "gca review", "get.curation": "gca review"}
VARIABLES = {"api_key": "GCA_API_KEY"}  # of arguments that have no option
_OUTSIDE = r"(?<![\w.'\"\[/\\?&-])"  # not inside a name, a path, an address or a quotation
_CALL = re.compile(r"gca(?:_scanpy)?\.([a-z]+\.[a-z_]+)\([^()]*\)")
_ALTERNATIVE = re.compile(r",? or pass (\w+)=(?!\w)")
_PASS = re.compile(rf"{_OUTSIDE}pass (\w+)=(?!\w)")
_VALUE = re.compile(rf"{_OUTSIDE}(\w+)=(True\b|False\b)?(?=(\S?))")
_NAME = re.compile(rf"{_OUTSIDE}([a-z]+(?:_[a-z]+)+)(?![\w.(=\[])")


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
