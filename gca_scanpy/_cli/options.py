"""Options that are built from the classes whose fields they set, so that help and defaults stand once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Optional, get_args, get_origin, get_type_hints

import click
from attrs import Attribute, fields

from gca_scanpy import _packages
from gca_scanpy._arguments import KEY
from gca_scanpy._cli.printing import log
from gca_scanpy._llm.asking import OFFLINE, Asking, ModelLike
from gca_scanpy._llm.endpoint import endpoint_of
from gca_scanpy._settings import Settings, settings
from gca_scanpy._steps import Ranking
from gca_scanpy.errors import InputError, shown

LAZY_ENDINGS = (".h5ad", ".zarr")
SCHEDULER_TIMEOUT = 10.0  # seconds
_Command = Callable[..., Any]
_Option = Callable[[_Command], _Command]


def as_setting(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    """A callback that uses the value of an option as this setting while the command runs."""

    def use(ctx: click.Context, _: click.Parameter, value: Any) -> None:
        if value is not None:
            ctx.with_resource(settings.override(**{name: value}))

    return use


def check_key(_: click.Context, __: click.Parameter, key: Optional[str]) -> Optional[str]:
    """Refuse, before anything is read, a key that files cannot contain."""
    if key is not None and not KEY.accepts(key):
        msg = f"{shown(key)} must be {KEY.text}"
        raise click.BadParameter(msg)
    return key


cache_option = click.option(
    "--cache-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the stored answers.  [default: GCA_CACHE_DIR, or the user's cache folder]",
)
marker_db_option = click.option(
    "--marker-db", multiple=True, help="Marker table, or 'bundled'; repeatable, merged.  [default: bundled]"
)
# A setting while the command runs, not an argument of it.
species_option = click.option(
    "--species",
    default="human",
    show_default=True,
    help="Common or Latin name, or NCBI taxon id, of human, mouse or another mammal.",
)
tissue_option = click.option("--tissue", multiple=True, help="Tissue of the cells, such as blood; repeatable.")
assets_option = click.option(
    "--assets-home",
    type=click.Path(file_okay=False, path_type=Path),
    callback=as_setting("assets_home"),
    expose_value=False,
    help="Folder of the public tables.  [default: GCA_ASSETS_HOME, or the user's data folder]",
)


def option_of(attribute: Attribute[Any]) -> str:
    """The option that sets a field."""
    return f"--{(attribute.metadata.get('option') or attribute.name).replace('_', '-')}"


def _from_fields(kind: type) -> Iterator[_Option]:
    """An option for each field that has a help text; its value is None if the call does not give it."""
    types = get_type_hints(kind)
    for attribute in fields(kind):
        if "help" not in attribute.metadata:
            continue
        text, hint = attribute.metadata["help"], types[attribute.name]
        if hint is bool:
            yield click.option(option_of(attribute), attribute.name, is_flag=True, default=None, help=text)
            continue
        default = "" if attribute.default is None else f"  [default: {attribute.default}]"
        yield click.option(option_of(attribute), attribute.name, type=_type_of(hint), help=text + default)


def _type_of(hint: Any) -> Any:
    """What the command line accepts for a field of this type."""
    if get_origin(hint) is Literal:
        return click.Choice(get_args(hint))
    return click.IntRange(min=1) if hint in (int, Optional[int]) else str


def _check_url(_: click.Context, __: click.Parameter, url: Optional[str]) -> Optional[str]:
    """Refuse what is no address before anything is read, even if no model is named."""
    if url is not None:
        try:
            endpoint_of("any", {}, base_url=url)
        except InputError as error:
            raise click.BadParameter(str(error)) from error
    return url


_MODEL_OPTIONS: tuple[_Option, ...] = (
    click.option(
        "--model", multiple=True, help="Language model, such as openai:gpt-4.1-mini; repeatable: several models vote."
    ),
    click.option(
        "--base-url", callback=_check_url, help="Address of another server that uses the format of the provider."
    ),
    click.option("--offline", is_flag=True, help="Ask no language model, even if GCA_MODEL is set."),
    *_from_fields(Asking),
    cache_option,
    click.option("--no-cache", is_flag=True, help="Neither store answers nor use stored ones."),
    click.option(
        "--dry-run", is_flag=True, help="Show what would be sent to a language model; send and write nothing."
    ),
)
_RANKING_OPTIONS: tuple[_Option, ...] = (
    *_from_fields(Ranking),
    click.option(
        option_of(fields(Ranking).use_raw), default=None, help="Whether to rank .raw.  [default: if there is one]"
    ),
)
_THRESHOLD_OPTIONS: tuple[_Option, ...] = (
    click.option(
        "--min-support",
        type=click.IntRange(min=1),
        help=f"Marker genes that a label needs.  [default: GCA_MIN_SUPPORT, or {fields(Settings).min_support.default}]",
    ),
    click.option(
        "--certainty",
        type=click.FloatRange(0, 1),
        help=f"Probability that a label needs.  [default: GCA_CERTAINTY, or {fields(Settings).certainty.default}]",
    ),
    click.option("--no-force-unknown", is_flag=True, help="Keep the labels of flagged clusters."),
)
RANKING = tuple(attribute.name for attribute in fields(Ranking))
ASKING = tuple(attribute.name for attribute in fields(Asking) if "help" in attribute.metadata)
FOR_MODELS = ("base_url", *ASKING, "cache_dir", "no_cache")  # options that only a language model needs
# Each option with those that contradict it.
EXCLUSIVE = {
    "validate_only": ("dry_run", "model", "sample_key", *FOR_MODELS),  # checking labels asks no language model
    "offline": ("model", *FOR_MODELS),
    "no_cache": ("cache_dir",),
}


def model_options(command: _Command) -> _Command:
    """Add the options about language models to a command."""
    return with_options(command, _MODEL_OPTIONS)


def ranking_options(command: _Command) -> _Command:
    """Add the options about the marker genes to a command."""
    return with_options(command, _RANKING_OPTIONS)


def threshold_options(command: _Command) -> _Command:
    """Add the options that are settings of a run to a command."""
    return with_options(command, _THRESHOLD_OPTIONS)


def with_options(command: _Command, options: tuple[_Option, ...]) -> _Command:
    """Add options to a command, in this order."""
    for option in reversed(options):
        command = option(command)
    return command


def spelled(name: str) -> str:
    """How the command line spells an option, such as ``--threads`` for ``n_threads``."""
    options = {attribute.name: option_of(attribute) for kind in (Asking, Ranking) for attribute in fields(kind)}
    return options.get(name, f"--{name.replace('_', '-')}")


def given(options: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Those of some options that the call gives."""
    return {name: options[name] for name in names if options[name] is not None}


def check_exclusive(options: Mapping[str, Any]) -> None:
    """Refuse options that exclude each other."""
    for name, others in EXCLUSIVE.items():
        contradicting = [other for other in others if options[other]]
        if options[name] and contradicting:
            msg = f"{spelled(name)} and {spelled(contradicting[0])} exclude each other"
            raise click.UsageError(msg)


def model_of(options: Mapping[str, Any]) -> ModelLike:
    """The options as the argument ``model=`` of :func:`gca_scanpy.tl.annotate`.

    Raises
    ------
    UsageError
        If an option is for a language model and none is named, or the models cannot be asked together.
    """
    if options["offline"]:
        return OFFLINE
    names = list(options["model"]) or [settings.model or OFFLINE]
    for_models = [name for name in FOR_MODELS if options[name]]
    if names == [OFFLINE]:
        if for_models:
            msg = f"{spelled(for_models[0])} is for language models; name one with --model, or set GCA_MODEL"
            raise click.UsageError(msg)
        return OFFLINE
    cache = False if options["no_cache"] else options["cache_dir"] or True
    try:
        return Asking(names, cache=cache, **given(options, ASKING))
    except InputError as error:
        raise click.UsageError(str(error)) from error


def run_settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that options state, for :meth:`gca_scanpy.settings.override`."""
    stated = given(options, ("min_support", "certainty", "base_url"))
    return {**stated, "force_unknown": False} if options["no_force_unknown"] else stated


def lazy_options(command: _Command) -> _Command:
    """Add ``--lazy`` and ``--dask-scheduler`` to a command."""
    options = (
        click.option("--lazy", is_flag=True, help="Leave the matrix of h5ad or zarr on disk, and read it in parts."),
        click.option(
            "--dask-scheduler", metavar="ADDRESS", help="With --lazy: the Dask scheduler, such as tcp://host:8786."
        ),
    )
    return with_options(command, options)


def check_lazy(source: Path, options: Mapping[str, Any]) -> None:
    """Refuse, before anything is read, lazy options that the input does not support."""
    if options["dask_scheduler"] is not None and not options["lazy"]:
        msg = "--dask-scheduler needs --lazy"
        raise click.UsageError(msg)
    if options["lazy"] and source.suffix.lower() not in LAZY_ENDINGS:
        msg = f"--lazy is for h5ad and zarr, not for {source.name}"
        raise click.UsageError(msg)


@contextmanager
def dask_cluster(address: Optional[str]) -> Iterator[None]:
    """Let Dask compute on the workers of a scheduler, or in threads of this process if the address is None.

    Raises
    ------
    InputError
        If ``dask.distributed`` is not installed, or no scheduler answers.
    """
    if address is None:
        yield
        return
    distributed = _packages.load("dask", InputError, "--dask-scheduler", ["dask.distributed"])
    try:
        client = distributed.Client(address, timeout=SCHEDULER_TIMEOUT)
    except (OSError, ValueError) as error:
        msg = f"no Dask scheduler answers at {address} within {SCHEDULER_TIMEOUT:g} seconds ({error})"
        raise InputError(msg) from error
    with client:
        log.info("Dask computes at %s", address, extra={"event": "dask"})
        yield
