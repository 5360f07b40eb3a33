"""Options that are checked when they are made: the validators, and those that say which genes are markers."""

from __future__ import annotations

from numbers import Integral
from typing import Any, Callable, Optional

from attrs import Attribute, field, frozen

from gca_scanpy.errors import InputError

Validator = Callable[[Any, "Attribute[Any]", Any], None]


def is_count(_: Any, attribute: Attribute[Any], value: Any) -> None:
    """Refuse what is not a whole number from 1."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        msg = f"{attribute.name}={value!r} must be a whole number from 1"
        raise InputError(msg)


def is_text(_: Any, attribute: Attribute[Any], value: Any) -> None:
    """Refuse what is not text."""
    if not isinstance(value, str):
        msg = f"{attribute.name}={value!r} must be text"
        raise InputError(msg)


def one_of(*choices: str) -> Validator:
    """Refuse a value that is not one of these words."""

    def check(_: Any, attribute: Attribute[Any], value: Any) -> None:
        if value not in choices:
            msg = f"{attribute.name}={value!r} must be one of: {', '.join(choices)}"
            raise InputError(msg)

    return check


@frozen(kw_only=True)
class Ranking:
    """How the genes of each cluster are ranked; the fields are arguments of :func:`gca_scanpy.tl.annotate`."""

    n_markers: int = field(default=50, validator=is_count, metadata={"help": "Marker genes per cluster."})
    rank_key: str = field(default="rank_genes_groups", metadata={"help": "Key in .uns of a ranking to use."})
    method: str = field(default="t-test", metadata={"help": "How to rank the genes if there is no ranking."})
    use_raw: Optional[bool] = None
    layer: Optional[str] = field(default=None, metadata={"help": "Layer to rank."})
    gene_symbols: Optional[str] = field(default=None, metadata={"help": "Column of .var with gene symbols."})
