"""Options that are checked when they are made: the validators, and those that say which genes are markers."""

from __future__ import annotations

from typing import Any, Callable, Optional

from attrs import Attribute, field, frozen

from gca_scanpy._arguments import COUNT, TEXT, Kind, check

Validator = Callable[[Any, "Attribute[Any]", Any], None]


def of_kind(kind: Kind) -> Validator:
    """A validator that refuses what is not of this kind, with an :class:`~gca_scanpy.errors.InputError`."""
    return lambda _, attribute, value: check(attribute.name, value, kind)


is_count, is_text = of_kind(COUNT), of_kind(TEXT)


@frozen(kw_only=True)
class Ranking:
    """How the genes of each cluster are ranked; the fields are arguments of :func:`gca_scanpy.tl.annotate`."""

    n_markers: int = field(default=50, validator=is_count, metadata={"help": "Marker genes per cluster."})
    rank_key: str = field(default="rank_genes_groups", metadata={"help": "Key in .uns of a ranking to use."})
    method: str = field(default="t-test", metadata={"help": "How to rank the genes if there is no ranking."})
    use_raw: Optional[bool] = field(default=None, metadata={"option": "use-raw/--no-raw"})
    layer: Optional[str] = field(default=None, metadata={"help": "Layer to rank."})
    gene_symbols: Optional[str] = field(default=None, metadata={"help": "Column of .var with gene symbols."})
