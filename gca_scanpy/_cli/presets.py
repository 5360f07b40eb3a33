"""``--preset`` and ``gca presets``: one name for species, tissue and threshold."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

import click
from click.core import ParameterSource
from click.types import StringParamType

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class Preset(NamedTuple):
    """The options that a preset sets unless the call gives them; each field has the name of its option.

    Attributes
    ----------
    min_support
        3 for the tissues of the accuracy benchmark, in which 3 and 2 accept the same labels; 2 for the others.
    """

    species: str
    tissue: str
    min_support: int


@lru_cache(maxsize=1)
def load_presets() -> Mapping[str, Preset]:
    """The presets by name, in the order of the table."""
    import csv
    from importlib.resources import files

    text = (files("gca_scanpy") / "data" / "presets.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t")
    return {row["preset"]: Preset(row["species"], row["tissue"], int(row["min_support"])) for row in rows}


class _PresetName(StringParamType):
    """A choice whose table is read only when it is used, so that help is quick."""

    name = "name"

    def convert(self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]) -> Any:
        names = list(load_presets())
        if value not in names:
            from gca_scanpy._names.words import nearest

            near = [name for name in names if str(value).lower() in name.split("_")]
            near = near or nearest(str(value).lower(), names)
            near = near or [name for name in names if nearest(str(value).lower(), name.split("_"))]
            similar = f"the most similar are {', '.join(near)}; " if near else ""
            self.fail(f"there is no preset {value!r}; {similar}'gca presets' lists all", param, ctx)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return click.Choice(list(load_presets())).shell_complete(ctx, param, incomplete)


preset_option = click.option(
    "--preset",
    type=_PresetName(),
    help="Set species, tissue and --min-support by one name, such as human_pbmc; 'gca presets' lists them.",
)


def with_preset(ctx: click.Context, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a call, in which its preset sets those that the call does not give."""
    merged = dict(options)
    name = merged.pop("preset")
    if name is not None:
        given = {key for key in merged if ctx.get_parameter_source(key) is ParameterSource.COMMANDLINE}
        merged.update({key: value for key, value in load_presets()[name]._asdict().items() if key not in given})
    return merged


@click.command()
def presets() -> None:
    """List the presets; an option that you give outranks the value of the preset."""
    from gca_scanpy._cli.table import add_row, new_table, print_table

    table = new_table("preset", "species", "tissue", "min-support")
    for name, preset in load_presets().items():
        add_row(table, name, preset.species, preset.tissue, preset.min_support)
    print_table(table)
