"""Options that are built from the classes whose fields they set, so that help and defaults stand once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Optional

import click
from attrs import Attribute, fields

from gca_scanpy import _extras
from gca_scanpy._cli.messages import log
from gca_scanpy._llm.asking import CHOICES, OFFLINE, Asking, ModelLike
from gca_scanpy._ranking.options import Ranking
from gca_scanpy._settings import settings
from gca_scanpy.errors import InputError

COUNT = click.IntRange(min=1)
COUNTS = ("n_markers", "max_requests", "max_tokens", "chunk_size", "n_threads")
_Command = Callable[..., Any]
_Option = Callable[[_Command], _Command]
ENDINGS = (".h5ad", ".zarr")
PATIENCE = 10  # seconds for the scheduler's answer


def option_of(attribute: Attribute[Any]) -> str:
    """The option that sets a field."""
    return f"--{(attribute.metadata.get('option') or attribute.name).replace('_', '-')}"


def _from_fields(kind: type) -> Iterator[_Option]:
    """An option for each field that has a help text; one that is not given is None."""
    for attribute in fields(kind):
        if "help" not in attribute.metadata:
            continue
        shown = "" if attribute.default is None else f"  [default: {attribute.default}]"
        choices = CHOICES.get(attribute.name)
        yield click.option(
            option_of(attribute),
            attribute.name,
            type=click.Choice(choices) if choices else COUNT if attribute.name in COUNTS else str,
            help=attribute.metadata["help"] + shown,
        )


_MODEL_OPTIONS: tuple[_Option, ...] = (
    click.option("--model", multiple=True, help="Language model, such as openai:gpt-4.1-mini; repeatable: they vote."),
    click.option("--base-url", help="Address of another server that speaks the provider's format."),
    click.option("--offline", is_flag=True, help="Ask no language model, even if GCA_MODEL is set."),
    *_from_fields(Asking),
    click.option("--cache-dir", type=click.Path(file_okay=False, path_type=Path), help="Folder of stored answers."),
    click.option("--no-cache", is_flag=True, default=None, help="Store no answers, and use none."),
    click.option(
        "--dry-run", is_flag=True, help="Show what would be sent to a language model; send and write nothing."
    ),
)
_RANKING_OPTIONS: tuple[_Option, ...] = (
    *_from_fields(Ranking),
    click.option("--use-raw/--no-raw", default=None, help="Whether to rank .raw.  [default: if there is one]"),
)
RANKING = tuple(attribute.name for attribute in fields(Ranking))
# The options that mean nothing without a language model.
FOR_MODELS = ("base_url", *(a.name for a in fields(Asking) if "help" in a.metadata), "cache_dir", "no_cache")


def model_options(command: _Command) -> _Command:
    """Add the options about language models to a command."""
    return _added(command, _MODEL_OPTIONS)


def ranking_options(command: _Command) -> _Command:
    """Add the options about the marker genes to a command."""
    return _added(command, _RANKING_OPTIONS)


def _added(command: _Command, options: tuple[_Option, ...]) -> _Command:
    for option in reversed(options):
        command = option(command)
    return command


def spelled(name: str) -> str:
    """How the command line spells an option, such as ``--threads`` for ``n_threads``."""
    if name == "use_raw":
        return "--use-raw/--no-raw"
    options = {attribute.name: option_of(attribute) for kind in (Asking, Ranking) for attribute in fields(kind)}
    return options.get(name, f"--{name.replace('_', '-')}")


def given(options: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Those of some options that the call states."""
    return {name: options[name] for name in names if options[name] is not None}


def model_of(options: Mapping[str, Any]) -> ModelLike:
    """The options as the argument ``model=`` of :func:`gca_scanpy.tl.annotate`.

    Raises
    ------
    UsageError
        If options exclude each other, or are for a language model and none is named.
    """
    stated = given(options, FOR_MODELS)
    if options["offline"]:
        if options["model"]:
            msg = "--offline and --model exclude each other"
            raise click.UsageError(msg)
        return OFFLINE
    if not options["model"] and not settings.model:
        if stated:
            msg = f"{spelled(next(iter(stated)))} is for language models; name one with --model, or set GCA_MODEL"
            raise click.UsageError(msg)
        return None
    folder, no_cache = stated.pop("cache_dir", None), stated.pop("no_cache", None)
    if folder is not None and no_cache:
        msg = "--cache-dir and --no-cache exclude each other"
        raise click.UsageError(msg)
    stated.pop("base_url", None)  # a setting of the run
    return Asking(list(options["model"]) or None, cache=False if no_cache else folder or True, **stated)


def run_settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that options state, for :meth:`gca_scanpy.settings.override`."""
    stated = given(options, ("min_support", "base_url"))
    return {**stated, "force_unknown": False} if options["no_force_unknown"] else stated


def check_validation(options: Mapping[str, Any]) -> None:
    """Refuse options that contradict ``--validate-only``, which proposes nothing and asks no model."""
    asked = [name for name in ("model", "dry_run", *FOR_MODELS) if options[name]]
    if options["validate_only"] is not None and asked:
        msg = f"--validate-only and {spelled(asked[0])} exclude each other: checking labels asks no language model"
        raise click.UsageError(msg)


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
