"""Which genes of a cluster are its markers: the options that the verbs and the command line share."""

from __future__ import annotations

from typing import Any, Optional

from attrs import Attribute, field, frozen

from gca_scanpy.errors import InputError


def _count(_: Any, attribute: Attribute[Any], value: Any) -> None:
    from numbers import Integral

    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        msg = f"{attribute.name}={value!r} must be a whole number from 1"
        raise InputError(msg)


@frozen(kw_only=True)
class Ranking:
    """How the genes of each cluster are ranked; the fields are arguments of :func:`gca_scanpy.tl.annotate`."""

    n_markers: int = field(default=50, validator=_count, metadata={"help": "Marker genes per cluster."})
    rank_key: str = field(default="rank_genes_groups", metadata={"help": "Key in .uns of a ranking to use."})
    method: str = field(default="t-test", metadata={"help": "How to rank the genes if there is no ranking."})
    use_raw: Optional[bool] = None
    layer: Optional[str] = field(default=None, metadata={"help": "Layer to rank."})
    gene_symbols: Optional[str] = field(default=None, metadata={"help": "Column of .var with gene symbols."})
