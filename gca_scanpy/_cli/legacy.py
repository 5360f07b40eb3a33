"""``gca scanpy annotate``: how ``gca annotate`` was called in GPT Cell Annotator."""

from __future__ import annotations

from typing import Any

import click

from gca_scanpy._cli.annotate import annotate
from gca_scanpy._cli.messages import log

# The options of then that are called otherwise now, and those that are what happens anyway.
RENAMED = {
    "--cluster-key": "--groupby",
    "--top-n-markers": "--n-markers",
    "--prefix": "--key-added",
    "--summary-csv": "--csv-report",
    "--guardrail-min-overlap": "--min-support",
    "--no-guardrail-force-unknown": "--no-force-unknown",
    "--label-column": "--validate-only",
}
DROPPED = {"--use-cache", "--progress", "--skip-recompute-markers", "--guardrail-force-unknown"}


class _Older(click.Command):
    """A command that understands the older names of its options, and says what it is called now."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _modern(args))

    def invoke(self, ctx: click.Context) -> Any:
        log.warning("'gca scanpy annotate' is deprecated; call 'gca annotate'", extra={"category": "Deprecated"})
        return super().invoke(ctx)


def _modern(args: list[str]) -> list[str]:
    found = []
    flag = "--validate-only" if any(text.partition("=")[0] == "--label-column" for text in args) else None
    for text in args:
        name, mark, value = text.partition("=")
        if text not in DROPPED and text != flag:  # the column was an option of its own
            found.append(RENAMED.get(name, name) + mark + value)
    return found


@click.group(hidden=True)
def scanpy() -> None:
    """Older name of the command annotate."""


scanpy.add_command(_Older("annotate", params=annotate.params, callback=annotate.callback, help=annotate.help))
