"""The option about metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import click


def _set(ctx: click.Context, _: click.Parameter, path: Optional[Path]) -> None:
    from gca_scanpy._settings import settings

    if path is not None:
        ctx.with_resource(settings.override(metrics_textfile=path))


# It is a setting while the command runs, and no argument of it.
metrics_option = click.option(
    "--metrics-textfile",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_set,
    expose_value=False,
    help="Write Prometheus metrics of the run to this file.",
)
