"""From ``tissue=`` as users give it to the tissues of each cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional, Union

import numpy as np
import pandas as pd

from gca_scanpy._arguments import shown
from gca_scanpy._steps import ClusterMarkers
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError, UnknownTissueWarning, warn

Tissue = Union[str, Sequence[str], Mapping[Any, Union[str, Sequence[str], None]], None]
NOT_STATED = ("na", "n/a", "nan", "none", "unknown", "unspecified")  # these say that the tissue is not known
Place = Union[str, Mapping[str, str], None]  # a tissue that was read; several tissues are joined by commas


def check_tissue(tissue: Tissue) -> Place:
    """The tissue as text, or as text by cluster, once every name in it is understood.

    Raises
    ------
    InputError
        If a name is unknown or not text.
    """
    if not isinstance(tissue, Mapping):
        return _text(tissue)
    texts = {str(key): _text(names) for key, names in tissue.items()}
    return {key: text for key, text in texts.items() if text is not None}


def tissues_of(markers: Sequence[ClusterMarkers], place: Place) -> dict[str, tuple[str, ...]]:
    """Canonical tissues by cluster; empty for a cluster without a tissue.

    Raises
    ------
    InputError
        If ``tissue`` names a cluster that does not exist.
    """
    ids = [c.cluster_id for c in markers]
    by_cluster = place if isinstance(place, Mapping) else dict.fromkeys(ids, place) if place else {}
    check_ids("tissue", by_cluster, ids)
    vocabulary = _bundled.tissues()
    read = {text: vocabulary.read(text).tissues for text in set(by_cluster.values()) if text}
    return {key: read.get(by_cluster.get(key) or "", ()) for key in ids}


def check_ids(name: str, named: Iterable[str], ids: Sequence[str], why: str = "that do not exist") -> None:
    """Refuse an argument that names clusters which do not exist.

    Raises
    ------
    InputError
        It lists those, and the first clusters that there are.
    """
    strangers = [key for key in named if key not in ids]
    if strangers:
        msg = f"{name} names clusters {why}: {', '.join(strangers[:5])}; the clusters are: {', '.join(ids[:12])}"
        raise InputError(msg)


def _text(names: Any) -> Optional[str]:
    """One or several names as text, or None without a name, such as for a missing value of a table."""
    if names is None or names is pd.NA or (isinstance(names, float) and names != names):
        return None
    many = names
    if isinstance(names, str):
        many = [names]
    elif isinstance(names, (np.ndarray, pd.Index, pd.api.extensions.ExtensionArray)):  # the distinct values of a column
        many = list(np.ravel(names))
    elif isinstance(names, (set, frozenset)):  # the order of the tissues changes no answer
        many = sorted(names, key=str)
    if not isinstance(many, (list, tuple)) or not all(isinstance(name, str) for name in many):
        msg = (
            f"tissue contains {shown(names)}, of type {type(names).__name__}; give a name such as 'blood', a list of "
            "names, or a dict that maps cluster ids to these"
        )
        raise InputError(msg)
    texts = [name.strip() for name in many if name.strip() and name.strip().casefold() not in NOT_STATED]
    for text in texts:
        _check(text)
    return ", ".join(texts) or None


def _check(text: str) -> None:
    vocabulary = _bundled.tissues()
    reading = vocabulary.read(text)
    if reading.corrected:
        warn(f"tissue {text!r} is not known; it was read as {reading.corrected!r}", UnknownTissueWarning)
    if not reading.tissues:
        near = ", ".join(vocabulary.nearest(text))
        known = f"the nearest known: {near}" if near else f"known are: {', '.join(sorted(vocabulary.canonical))}"
        msg = f"tissue {text!r} is not known; {known}. If none of them fits, leave the tissue out"
        raise InputError(msg)
