"""From what a caller gives as markers to the marker genes of each cluster."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Set
from os import PathLike
from typing import Any, Union

import numpy as np
import pandas as pd

from gca_scanpy import _tables
from gca_scanpy._ranking.marker_table import NO_GENE, markers_of
from gca_scanpy._scoring.states import informative
from gca_scanpy._steps import ClusterMarkers, RankedGene
from gca_scanpy.errors import GeneNameWarning, InputError, warn

Markers = Union[Mapping[Any, Iterable[str]], pd.Series, pd.DataFrame]
FORMS = (
    "a dictionary with the genes of each cluster, best first, or a data frame with a gene per row, such as the one of "
    "sc.get.rank_genes_groups_df(adata, None)"
)

MAX_MERGED = 2  # names in the only text of a cluster, such as the merged probe "HBA1;HBA2"
_SET_ITERATOR: type = type(iter({""}))


def clusters_of(markers: Markers, n_markers: int) -> list[ClusterMarkers]:
    """The first genes of each cluster.

    Raises
    ------
    InputError
        If ``markers`` is neither a mapping nor a table of marker genes, or the genes of a cluster are no list of names.
    """
    given = [(_cluster_id(key), genes) for key, genes in _mapping(markers).items()]
    if not given:
        msg = f"markers is empty; pass {FORMS}"
        raise InputError(msg)
    key, times = Counter(key for key, _ in given).most_common(1)[0]
    if times > 1:
        msg = (
            f"markers has cluster {key!r} {times} times, perhaps in keys that differ in type only, such as 1 and '1'; "
        )
        msg += "give each cluster a name of its own"
        raise InputError(msg)
    clusters = [_cluster(key, genes, n_markers) for key, genes in given]
    incomplete = [cluster.cluster_id for cluster in clusters if cluster.warnings]
    if incomplete:
        warn(
            f"missing gene names are left out of the markers of the clusters {', '.join(incomplete[:5])}",
            GeneNameWarning,
        )
    return clusters


def _mapping(markers: Any) -> Union[Mapping[Any, Any], pd.Series]:
    if isinstance(markers, pd.DataFrame):
        try:
            return markers_of(_tables.as_text(markers), "the data frame of markers")
        except InputError:
            raise
        except ValueError as error:
            msg = f"the data frame of markers cannot be used: {error}"
            raise InputError(msg) from error
    if isinstance(markers, (Mapping, pd.Series)):
        return markers
    name = type(markers).__name__
    if isinstance(markers, (str, PathLike)):
        hint = "; read a file with gca.io.read_markers"
    elif hasattr(markers, "obs_names"):
        hint = "; for an AnnData object, call gca.tl.annotate"
    elif hasattr(markers, "to_pandas"):
        hint = "; convert it with its method to_pandas"
    else:
        hint = ""
    msg = f"markers is of type {name}; pass {FORMS}{hint}"
    raise InputError(msg)


def _cluster_id(key: Any) -> str:
    if isinstance(key, bytes) or (not isinstance(key, str) and _is_missing(key)):
        msg = f"markers has a cluster with the name {key!r}; make the names of clusters text or whole numbers"
        raise InputError(msg)
    return str(key)


def _cluster(key: str, genes: Any, n_markers: int) -> ClusterMarkers:
    values = _values(key, genes)
    names = [str(value) for value in values if not _is_missing(value)]
    missing = len(values) - len(names)
    names = list(dict.fromkeys(names))
    # A longer list is cut as a ranking of cells is: ribosomal genes do not take the places of others.
    leading = informative(names, n_markers) if len(names) > n_markers else names
    warnings = (f"{missing} missing gene names were left out",) if missing else ()
    return ClusterMarkers(key, tuple(map(RankedGene, leading)), warnings=warnings)


def _values(key: str, genes: Any) -> list[Any]:
    """The genes of a cluster in a list, in which each is text or missing."""
    what = f"the markers of cluster {key!r} are"
    advice = "give a list of gene symbols, best first"
    if isinstance(genes, (str, bytes, bytearray)):
        msg = f"{what} the text {str(genes)[:40]!r}; {advice}"
        raise InputError(msg)
    if isinstance(genes, (Set, _SET_ITERATOR)):
        msg = f"{what} a set ({type(genes).__name__}), which has no order; {advice}"
        raise InputError(msg)
    if isinstance(genes, (Mapping, pd.DataFrame)):
        msg = f"{what} a {type(genes).__name__}; {advice}, without the genes that are lower in the cluster"
        raise InputError(msg)
    try:
        values = list(genes)
    except TypeError as error:
        msg = f"{what} {str(genes)[:40]!r} of type {type(genes).__name__}, which is not a list; {advice}"
        raise InputError(msg) from error
    if len(values) == 1 and isinstance(values[0], str) and len(re.split(r"[,;\n]", values[0])) > MAX_MERGED:
        msg = f"{what} a single text with several names, {values[0][:40]!r}; give each its own place in the list"
        raise InputError(msg)
    for value in values:
        if not isinstance(value, str) and not _is_missing(value):
            msg = f"{what} not all text: {str(value)[:40]!r} is of type {type(value).__name__}; {advice}"
            raise InputError(msg)
    return values


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip() in NO_GENE
    return (
        value is None
        or value is pd.NA
        or value is pd.NaT
        or (isinstance(value, (float, np.floating)) and value != value)
    )
