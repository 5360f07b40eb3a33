"""Writes a grouping in which some clusters are replaced by their parts."""

from __future__ import annotations

from collections.abc import Container, Mapping
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._adata.write import store
from gca_scanpy._judging.mixture import BOTH, FIRST, NEITHER, SECOND
from gca_scanpy._keys import UNS_REPORT, ObsKeys
from gca_scanpy._packages import NAMES
from gca_scanpy.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData


def check_column(adata: AnnData, column: str, groupby: str) -> None:
    """Refuse a column that would replace the clusters, or a result.

    Raises
    ------
    InputError
        It names the column.
    """
    results = {
        name
        for key, entry in adata.uns.items()
        if isinstance(entry, Mapping) and UNS_REPORT in entry
        for name in (*ObsKeys(str(key)).all(), ObsKeys(str(key)).curated_label, ObsKeys(str(key)).curated_ontology_id)
    }
    if column == groupby or column in results:
        what = "the clusters" if column == groupby else "a result"
        msg = f"key_added={column!r} would replace .obs[{column!r}], {what}; choose another key_added"
        raise InputError(msg)


def write_split(
    adata: AnnData, clustering: Clustering, states: Mapping[str, npt.NDArray[np.intp]], column: str
) -> None:
    """Write the clusters with their parts to ``.obs[column]``; if it fails, ``adata`` is left unchanged.

    Parameters
    ----------
    states
        For each cluster to be replaced the state of each of its cells, in the order of the cells.
    """
    names: list[str] = []
    codes = np.full(len(clustering.codes), -1, dtype=np.intp)
    for code, cluster in enumerate(clustering.all_ids):
        cells = np.flatnonzero(clustering.codes == code)
        told = states.get(cluster, np.full(len(cells), NEITHER, dtype=np.intp))
        for state, name in _parts(cluster, {*clustering.all_ids, *names}).items():
            if (told == state).any():
                codes[cells[told == state]] = len(names)
                names.append(name)
    categories = pd.Index(names, dtype=NAMES)
    store(
        adata, {column: pd.Series(pd.Categorical.from_codes(codes, categories=categories), index=adata.obs_names)}, {}
    )


def _parts(cluster: str, taken: Container[str]) -> dict[int, str]:
    """The name of each state's part, in the order of the categories; a name that is taken is not used again."""
    free = (f"{cluster},{number}" for number in count() if f"{cluster},{number}" not in taken)
    doublets = f"{cluster},doublets"
    while doublets in taken:
        doublets += "'"
    return {FIRST: next(free), SECOND: next(free), BOTH: doublets, NEITHER: cluster}
