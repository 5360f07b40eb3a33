"""The ranked marker genes of each cluster: those stored in ``.uns`` where they belong to these clusters, else anew."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
import pandas as pd
from scipy import sparse

from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._adata.symbols import gene_labels
from gca_scanpy._core.states import informative
from gca_scanpy._errors import InputError, MissingKeyError, RawCountsWarning, StaleRankingWarning, warn
from gca_scanpy.model import ClusterMarkers, RankedGene

if TYPE_CHECKING:
    from anndata import AnnData

MIN_CELLS = 2  # a variance needs two
CHECKED_VALUES = 100_000  # values looked at to tell counts from log-normalised data
CHANCE = 0.05  # p-value of a gene, not adjusted, above which it marks nothing
OWN_KEY = "ranking"
SPARE = 4  # times as many genes are ranked as are used, because many may be ribosomal
SAMPLED_CELLS = 300  # of each cluster, for the t-test beside a stored ranking by logreg
LOGREG_OF_TWO = "logreg ranks only one of two clusters, so these genes were ranked by t-test"


def read_markers(
    adata: AnnData,
    clustering: Clustering,
    *,
    n_markers: int,
    rank_key: str,
    method: str,
    use_raw: Optional[bool],
    layer: Optional[str],
    gene_symbols: Optional[str],
) -> tuple[ClusterMarkers, ...]:
    """The marker genes of each asked cluster, best first, without touching ``adata``.

    A cluster that cannot be ranked (one cell, or no other cluster to compare it with) has no gene and a
    warning that says why.
    """
    labels = _labels(adata, _source(adata, use_raw, layer)[1], gene_symbols)
    ranking = _stored(adata, clustering, rank_key, use_raw, layer, labels)
    notes: tuple[str, ...] = ()
    expressed: dict[str, list[str]] = {}
    if ranking is not None and _is_logreg(adata.uns[rank_key]) and adata.X is not None and not adata.isbacked:
        # Its coefficients tell clusters apart jointly; a gene's own difference says more about what a cell is.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RawCountsWarning)  # the ranking that counts is the user's
            expressed = _rank(adata, clustering.thinned(SAMPLED_CELLS), "t-test", use_raw, layer, n_markers)
    if ranking is None:
        if method == "logreg" and len(_rankable(clustering.all_ids, clustering)) == 2:
            method, notes = "t-test", (LOGREG_OF_TWO,)
        ranking = _rank(adata, clustering, method, use_raw, layer, n_markers)
    sizes = clustering.sizes
    return tuple(
        ClusterMarkers(
            cluster_id=key,
            genes=_leading(ranking.get(key, ()), labels, n_markers),
            expressed=_leading(expressed.get(key, ()), labels, n_markers),
            n_cells=sizes[key],
            warnings=notes if ranking.get(key) else (_reason(key, clustering),),
        )
        for key in clustering.ids
    )


def _is_logreg(stored: Mapping[str, Any]) -> bool:
    return str(stored["params"].get("method")) == "logreg"


def _leading(names: Sequence[str], labels: Mapping[str, str], n_markers: int) -> tuple[RankedGene, ...]:
    return tuple(RankedGene(name) for name in informative([labels.get(name, name) for name in names], n_markers))


def _reason(key: str, clustering: Clustering) -> str:
    if clustering.sizes[key] < MIN_CELLS:
        return "the cluster has one cell, so no marker genes can be computed for it"
    if len(clustering.all_ids) < 2:
        return "there is only one cluster, so there is nothing to compare it with"
    if sum(clustering.sizes.values()) - clustering.sizes[key] < MIN_CELLS:
        return "there is only one cell outside the cluster, so no marker genes can be computed for it"
    return "no gene is higher in this cluster than in the others beyond chance"


def _labels(adata: AnnData, var: pd.DataFrame, gene_symbols: Optional[str]) -> dict[str, str]:
    """Gene symbols by gene name, of the matrix to rank; what it does not tell, ``.var`` and ``.raw.var`` do."""
    tables = [var, adata.var, *([adata.raw.var] if adata.raw is not None else [])]
    if gene_symbols is not None:
        tables = [table for table in tables if gene_symbols in table.columns] or [var]  # or: the error that lists them
    labels: dict[str, str] = {}
    for table in tables:
        for name, label in zip((str(name) for name in table.index), gene_labels(table, gene_symbols)):
            if labels.get(name, name) == name:
                labels[name] = label
    return labels


def _rankable(ids: Sequence[str], clustering: Clustering) -> list[str]:
    sizes = clustering.sizes
    total = sum(sizes.values())
    return [key for key in ids if sizes[key] >= MIN_CELLS and total - sizes[key] >= MIN_CELLS]


def _source(adata: AnnData, use_raw: Optional[bool], layer: Optional[str]) -> tuple[Any, pd.DataFrame]:
    """The matrix to rank and its genes, by Scanpy's rule: the layer, else ``.raw`` where there is one, else ``X``."""
    if layer is not None:
        if use_raw:
            msg = f"use_raw=True and layer={layer!r} exclude each other"
            raise InputError(msg)
        if layer not in adata.layers:
            there = ", ".join(repr(key) for key in adata.layers if key is not None) or "none"
            msg = f"there is no layer {layer!r}; layers: {there}"
            raise MissingKeyError(msg)
        return adata.layers[layer], adata.var
    if use_raw and adata.raw is None:
        msg = "use_raw=True, but .raw is None"
        raise InputError(msg)
    if use_raw is not False and adata.raw is not None:
        return adata.raw.X, adata.raw.var
    return adata.X, adata.var


def _stored(
    adata: AnnData,
    clustering: Clustering,
    rank_key: str,
    use_raw: Optional[bool],
    layer: Optional[str],
    labels: Mapping[str, str],
) -> Optional[dict[str, list[str]]]:
    """The ranking in ``adata.uns[rank_key]``, or None where there is none for these very clusters."""
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
        message = f".uns[{rank_key!r}] does not fit these clusters ({problem}); the genes are ranked again"
        warn(message, StaleRankingWarning)
        return None
    return {key: _positive(stored, key) for key in clustering.ids if key in _names(stored).dtype.names}


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
    missing = [key for key in _rankable(clustering.ids, clustering) if key not in ranked]
    if missing:
        return f"it lacks the clusters {', '.join(missing[:5])}"
    strange = {str(g) for key in ranked for g in names[key][:50] if isinstance(g, str)} - set(labels)
    return f"it has genes that are no longer there, such as {min(strange)!r}" if strange else ""


def _names(stored: Mapping[str, Any]) -> Any:
    names = stored["names"]
    return names if getattr(getattr(names, "dtype", None), "names", None) else None


def _positive(stored: Mapping[str, Any], key: str) -> list[str]:
    """Genes of a group that are higher in it beyond chance. Scaled data has no fold changes; then the score decides."""
    names = stored["names"][key]
    keep = np.array([isinstance(name, (str, np.str_)) and str(name) != "nan" for name in names])
    for column in ("scores", "logfoldchanges"):
        if column in stored and key in (stored[column].dtype.names or ()):
            values = np.asarray(stored[column][key], dtype=float)
            keep &= ~(values <= 0)  # NaN passes
    if "pvals" in stored and key in (stored["pvals"].dtype.names or ()):
        # In a panel of few genes the list would end in those that are higher by chance.
        keep &= ~(np.asarray(stored["pvals"][key], dtype=float) > CHANCE)
    return [str(name) for name, kept in zip(names, keep) if kept]


def _rank(
    adata: AnnData, clustering: Clustering, method: str, use_raw: Optional[bool], layer: Optional[str], n_markers: int
) -> dict[str, list[str]]:
    """Rank the genes with Scanpy on an object of our own that shares the matrix with the user's."""
    import scanpy as sc
    from anndata import AnnData

    # logreg compares the groups with each other only, so it needs all of them.
    groups = _rankable(clustering.all_ids if method == "logreg" else clustering.ids, clustering)
    if not groups or len(clustering.all_ids) < 2:
        return {}
    matrix, var = _source(adata, use_raw, layer)
    matrix = _in_memory(matrix)
    named = clustering.codes >= 0
    if not named.all():
        matrix = matrix[np.flatnonzero(named)]
    elif sparse.issparse(matrix) and not matrix.data.all():
        matrix = matrix.copy()  # Scanpy drops stored zeros in place; the user's stay
    # The position of a cluster stands for its id: no id can be one that Scanpy reads otherwise ("rest").
    numbers = {key: str(i) for i, key in enumerate(clustering.all_ids)}
    cells = pd.Categorical.from_codes(clustering.codes[named], categories=pd.Index(list(numbers.values())))
    with warnings.catch_warnings():
        # Scanpy and AnnData warn of things that we handle or that concern our own object only.
        warnings.simplefilter("ignore")
        own = AnnData(matrix, obs=pd.DataFrame({"cluster": cells}, index=[str(i) for i in range(len(cells))]))
        own.var_names = [str(name) for name in var.index]
        counts = _are_counts(matrix)
        if counts:
            _check_finite(matrix)
            own.X = own.X.astype(np.float32)  # a copy: the user's counts stay as they are
            sc.pp.normalize_total(own, target_sum=1e4)
            sc.pp.log1p(own)
        options = {"n_genes": min(own.n_vars, SPARE * n_markers), "use_raw": False, "key_added": OWN_KEY}
        asked = "all" if len(groups) == len(numbers) else [numbers[key] for key in groups]
        sc.tl.rank_genes_groups(own, "cluster", groups=asked, method=method, **options)
    if counts:
        message = "the values look like raw counts; they were log-normalised (1e4 per cell) for the ranking only"
        warn(message, RawCountsWarning)
    return {key: _positive(own.uns[OWN_KEY], numbers[key]) for key in groups}


def _in_memory(matrix: Any) -> Any:
    """The matrix of a backed object, read; any other as it is."""
    if matrix is None:
        msg = "there is no expression matrix (.X is None) and no stored ranking for these clusters"
        raise InputError(msg)
    if hasattr(matrix, "to_memory"):
        return matrix.to_memory()
    return matrix[()] if type(matrix).__module__.startswith("h5py") else matrix


def _check_finite(matrix: Any) -> None:
    """Raise where a count is NaN or infinite: a cell's total would be, too, and so all of its genes."""
    values = matrix.data if sparse.issparse(matrix) else np.asarray(matrix)
    if not np.issubdtype(values.dtype, np.inexact):
        return
    # A sum is finite where all values are, and needs no second array; only a doubt is worth one.
    if not np.isfinite(values.sum(dtype=np.float64)) and not np.isfinite(values).all():
        msg = "the counts to rank hold NaN or infinite values; remove them, or name another matrix with layer="
        raise InputError(msg)


def _are_counts(matrix: Any) -> bool:
    """Whether the values are non-negative whole numbers beyond what log-normalised data reaches."""
    values = np.asarray(matrix.data if sparse.issparse(matrix) else matrix).ravel()[:CHECKED_VALUES]
    if values.size == 0 or not np.issubdtype(values.dtype, np.number):
        return False
    values = values[np.isfinite(values)]
    return bool(values.size and values.min() >= 0 and values.max() > 1 and np.array_equal(values, np.rint(values)))
