"""The options for cells that do not fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Optional

import click

from gca_scanpy import _extras
from gca_scanpy._cli.messages import log
from gca_scanpy.errors import InputError

ENDINGS = (".h5ad", ".zarr")
PATIENCE = 10  # seconds for the scheduler's answer


def lazy_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--lazy`` and ``--dask-scheduler`` to a command."""
    for option in (
        click.option("--dask-scheduler", metavar="ADDRESS", help="With --lazy: where Dask works, as tcp://host:8786."),
        click.option("--lazy", is_flag=True, help="Leave the matrix of h5ad or zarr on disk; read it part by part."),
    ):
        command = option(command)
    return command


def check_lazy(source: Path, options: Mapping[str, Any]) -> None:
    """Say before anything is read that the options do not go with the input."""
    if options["dask_scheduler"] is not None and not options["lazy"]:
        msg = "--dask-scheduler is for --lazy"
        raise click.UsageError(msg)
    if options["lazy"] and source.suffix.lower() not in ENDINGS:
        msg = f"--lazy is for h5ad and zarr, not for {source.name}"
        raise click.UsageError(msg)


@contextmanager
def dask_cluster(address: Optional[str]) -> Iterator[None]:
    """Have Dask work where a scheduler says, or in threads of this process.

    Raises
    ------
    InputError
        Where ``dask.distributed`` is not installed, or no scheduler answers.
    """
    if address is None:
        yield
        return
    distributed = _extras.load("dask", InputError, "--dask-scheduler", ["dask.distributed"])
    try:
        client = distributed.Client(address, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        msg = f"no Dask scheduler answers at {address} within {PATIENCE} seconds ({error})"
        raise InputError(msg) from error
    with client:
        log.info("Dask works at %s", address, extra={"event": "dask"})
        yield
