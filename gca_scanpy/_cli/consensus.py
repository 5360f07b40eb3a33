"""``gca consensus``: join the labels of several tools in a file of cells."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Optional

import click

from gca_scanpy._cli.annotate import endings_of, print_and_write
from gca_scanpy._cli.options import assets_option, check_key, marker_db_option
from gca_scanpy._cli.output_options import check_outputs, make_folders, output_options
from gca_scanpy._cli.printing import log, message_options
from gca_scanpy._keys import CONSENSUS_KEY

if TYPE_CHECKING:
    from anndata import AnnData

    from gca_scanpy.model import DatasetReport


def _columns(_: click.Context, __: click.Parameter, text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        msg = "name columns of .obs with labels, joined by commas, such as celltypist,singler"
        raise click.BadParameter(msg)
    return names


def _pairs(kind: Callable[[str], Any], example: str) -> Callable[..., Optional[dict[str, Any]]]:
    """A callback that reads ``COLUMN=VALUE`` options."""

    def read(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> Optional[dict[str, Any]]:
        pairs = {}
        for text in texts:
            name, sign, value = text.rpartition("=")
            try:
                pairs[name] = kind(value)
            except ValueError:
                sign = ""
            if not (sign and name and value):
                msg = f"{text!r} must be like {example}"
                raise click.BadParameter(msg)
        return pairs or None

    return read


@click.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path), metavar="IN")
@click.option("--keys", required=True, callback=_columns, help="Columns of .obs with labels, joined by commas.")
@click.option("--groupby", help="Column of .obs with the clusters; without it, each cell gets its own label.")
@click.option(
    "--weight",
    "weights",
    multiple=True,
    metavar="COLUMN=NUMBER",
    callback=_pairs(float, "expert=2"),
    help="Weight of a column, 1 if not given; repeatable.",
)
@click.option(
    "--score",
    "scores",
    multiple=True,
    metavar="COLUMN=SCORES",
    callback=_pairs(str, "celltypist=conf_score"),
    help="Column with the probabilities of a tool's labels; repeatable.",
)
@click.option(
    "--term",
    "terms",
    multiple=True,
    metavar="LABEL=TYPE",
    callback=_pairs(str, "'blob 7=B cell'"),
    help="Name or Cell Ontology id of the type of a label that cannot be read; repeatable.",
)
@click.option("--min-agreement", type=click.FloatRange(0, 1), help="Agreement that a label needs.  [default: 0.6]")
@click.option(
    "--species",
    default="human",
    show_default=True,
    help="Common or Latin name, or NCBI taxon id, of human, mouse or another mammal.",
)
@click.option("--tissue", multiple=True, help="Tissue of the cells, such as blood; repeatable.")
@output_options
@marker_db_option
@assets_option
@click.option(
    "--key-added",
    default=CONSENSUS_KEY,
    show_default=True,
    callback=check_key,
    help="Prefix of what is written.",
)
@message_options
def consensus(source: Path, **options: Any) -> None:
    """Join the labels of several tools in IN (h5ad, zarr, loom, 10x h5) by the Cell Ontology.

    Each column of labels is a vote, and supports its type and all broader ones. With --groupby, each cluster gets one
    label, which the marker genes check. The table of labels goes to stdout.
    """
    options = {**options, "lazy": False, "clusters": None}
    check_outputs(source, options, endings_of(source), in_place=True)
    make_folders(options)
    report, cells = _join(source, options)
    print_and_write(source, report, cells, options)


def _join(source: Path, options: Mapping[str, Any]) -> tuple[DatasetReport, AnnData]:
    from gca_scanpy import get, tl
    from gca_scanpy._stores import files

    adata = files.read(source)
    log.info("read %s: %s cells, %s genes", source, adata.n_obs, adata.n_vars, extra={"event": "read"})
    names = ("weights", "scores", "terms", "min_agreement")
    tl.consensus(
        adata,
        options["keys"],
        options["groupby"],
        species=options["species"],
        tissue=options["tissue"] or None,
        marker_db=list(options["marker_db"]) or None,
        key_added=options["key_added"],
        **{name: options[name] for name in names if options[name] is not None},
    )
    return get.report(adata, options["key_added"]), adata
