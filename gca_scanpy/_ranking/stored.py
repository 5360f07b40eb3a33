"""The ranking stored in ``.uns``, if it belongs to these clusters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
from attrs import frozen

from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._ranking.moments import Moments
from gca_scanpy._scoring import numbers
from gca_scanpy.errors import StaleRankingWarning, warn

if TYPE_CHECKING:
    from anndata import AnnData

MIN_RANKED_CELLS = 2  # a variance needs two


@frozen
class StoredRanking:
    """A ranking by Scanpy.

    Attributes
    ----------
    genes
        Gene names by cluster, best first.
    use_raw, layer
        The matrix that was ranked.
    """

    genes: Mapping[str, list[str]]
    is_logreg: bool
    use_raw: Optional[bool]
    layer: Optional[str]


def _is_logreg(stored: Mapping[str, Any]) -> bool:
    return str(stored["params"].get("method")) == "logreg"


def rankable(ids: Sequence[str], clustering: Clustering) -> list[str]:
    """The clusters that can be tested: those with two cells inside and two outside."""
    sizes = clustering.sizes
    total = sum(sizes.values())
    return [key for key in ids if sizes[key] >= MIN_RANKED_CELLS and total - sizes[key] >= MIN_RANKED_CELLS]


def read_stored(
    adata: AnnData,
    clustering: Clustering,
    rank_key: str,
    use_raw: Optional[bool],
    layer: Optional[str],
    labels: Mapping[str, str],
    n_genes: int,
) -> Optional[StoredRanking]:
    """The first genes of the ranking in ``adata.uns[rank_key]``; None if it is missing or of other clusters."""
    stored = adata.uns.get(rank_key)
    if not isinstance(stored, Mapping) or "names" not in stored or "params" not in stored:
        return None
    parameters = stored["params"]
    if not isinstance(parameters, Mapping):
        return None
    if str(parameters.get("groupby")) != clustering.groupby:
        return None
    if layer is not None and parameters.get("layer") != layer:
        return None
    if use_raw is not None and bool(parameters.get("use_raw")) != use_raw:
        return None
    problem = _problem(stored, clustering, labels)
    if problem:
        warn_stale(rank_key, problem)
        return None
    return StoredRanking(
        genes={key: positive(stored, key, n_genes) for key in clustering.ids if key in _names(stored).dtype.names},
        is_logreg=_is_logreg(stored),
        use_raw=bool(parameters["use_raw"]) if "use_raw" in parameters else use_raw,
        layer=None if parameters.get("layer") is None else str(parameters["layer"]),
    )


def warn_stale(rank_key: str, problem: str) -> None:
    """Warn that a stored ranking is not used, and why."""
    message = f".uns[{rank_key!r}] does not fit these clusters ({problem}); the genes are ranked again"
    warn(message, StaleRankingWarning)


def _problem(stored: Mapping[str, Any], clustering: Clustering, labels: Mapping[str, str]) -> str:
    names = _names(stored)
    if names is None:
        return "its gene names are not in Scanpy's form"
    ranked = set(names.dtype.names)
    reference = str(stored["params"].get("reference", "rest"))
    if reference != "rest":
        return f"it compares with group {reference!r}, not with the rest"
    if _is_logreg(stored) and len(ranked) == 1:
        return "logreg ranked only one of two clusters"
    gone = sorted(ranked - set(clustering.all_ids))
    if gone:
        return f"it has clusters that are no longer there: {', '.join(gone[:5])}"
    missing = [key for key in rankable(clustering.ids, clustering) if key not in ranked]
    if missing:
        return f"it lacks the clusters {', '.join(missing[:5])}"
    strange = {str(g) for key in ranked for g in names[key][:50] if isinstance(g, str)} - set(labels)
    return f"it has genes that are no longer there, such as {min(strange)!r}" if strange else ""


def _names(stored: Mapping[str, Any]) -> Any:
    names = stored["names"]
    return names if getattr(getattr(names, "dtype", None), "names", None) else None


def positive(stored: Mapping[str, Any], key: str, n_genes: int) -> list[str]:
    """The first genes of a group that are higher in it beyond chance.

    Scaled data has no fold changes, so only the score is used.
    """
    names = stored["names"][key]
    keep = np.ones(len(names), dtype=bool)
    for column in ("scores", "logfoldchanges"):
        if column in stored and key in (stored[column].dtype.names or ()):
            values = np.asarray(stored[column][key], dtype=float)
            keep &= ~(values <= 0)  # NaN passes
    if "pvals" in stored and key in (stored["pvals"].dtype.names or ()):
        # With few genes in a panel, the last ones in the list are higher only by chance.
        keep &= ~(np.asarray(stored["pvals"][key], dtype=float) > numbers.NUMBERS.max_p_value)
    named = (str(name) for name in names[keep] if isinstance(name, (str, np.str_)) and str(name) != "nan")
    return list(islice(named, n_genes))


def displaced(
    ranking: Mapping[str, Sequence[str]], moments: Moments, names: Sequence[str], clustering: Clustering
) -> list[str]:
    """The clusters whose leading genes are not higher in them than in the other cells.

    Parameters
    ----------
    ranking
        Gene names by cluster, best first.
    moments
        Moments of these clusters, from all or some of their cells.
    names
        Gene names, in the order of the moments' columns.
    """
    used = numbers.NUMBERS
    sizes = np.array([*clustering.sizes.values()], dtype=float)
    means, columns = moments.means, {name: column for column, name in enumerate(names)}
    moved = []
    for row, key in enumerate(clustering.all_ids):
        genes = [columns[name] for name in list(ranking.get(key, ()))[: used.checked_genes] if name in columns]
        others = np.arange(len(sizes)) != row
        if len(genes) < used.min_checked_genes or moments.cells[row] < used.min_cluster_cells or not others.any():
            continue
        leading = means[:, genes]
        rest = np.average(leading[others], axis=0, weights=sizes[others])
        # Wilcoxon and logreg do not rank by the mean, so not all must be higher. NaN counts as higher.
        if np.mean(~(leading[row] <= rest)) < used.min_higher:
            moved.append(key)
    return moved
