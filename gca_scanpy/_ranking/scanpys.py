"""Rankings by Scanpy: the one stored in ``.uns``, if it belongs to these clusters, or a new one by another test."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
import numpy.typing as npt
import pandas as pd
from attrs import fields, frozen
from scipy import sparse

from gca_scanpy._adata import objects
from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._adata.matrix import Matrix, OnDisk, all_finite, is_chunked
from gca_scanpy._adata.objects import gene_tables, to_frame, to_strings
from gca_scanpy._events import info, on_terminal_only, progress_bar
from gca_scanpy._ranking.gather import n_threads
from gca_scanpy._ranking.moments import Moments
from gca_scanpy._scoring import numbers
from gca_scanpy._steps import Ranking
from gca_scanpy.errors import GcaWarning, InputError, MissingKeyError, StaleRankingWarning

if TYPE_CHECKING:
    from anndata import AnnData

VALUES = ("scores", "logfoldchanges", "pvals")
MIN_RANKED_CELLS = 2  # a variance needs two
Say = Callable[[str, type[GcaWarning]], None]
RANKED_AT_ONCE, FASTER = 100_000_000, "python -m pip install illico"  # values, also zeros, of a step of the bar


@frozen
class StoredRanking:
    """A ranking by Scanpy.

    Attributes
    ----------
    entry
        The entry of ``.uns``.
    ids
        The requested clusters that it ranks.
    use_raw, layer
        The matrix that was ranked.
    """

    entry: Mapping[str, Any]
    ids: tuple[str, ...]
    method: str
    use_raw: Optional[bool]
    layer: Optional[str]

    def length(self, features: Sequence[str], excluded: AbstractSet[str]) -> int:
        """The number of ranked features that are not excluded, in the cluster with the fewest.

        Genes that are lower count as well, because all that are higher come before them. They do not count if others
        were left out in between: by ``filter_rank_genes_groups``, or because ``rankby_abs`` ranks both together.
        """
        return min((self._length(key, len(features), excluded) for key in self.ids), default=0)

    def _length(self, key: str, n_features: int, excluded: AbstractSet[str]) -> int:
        names = self.entry["names"][key]
        named = [str(name) for name in names if isinstance(name, str) and name != "nan"]
        scores = _column(self.entry, "scores", key)
        has_gaps = len(named) < len(names) or (scores is not None and bool((np.diff(scores) > 0).any()))
        if has_gaps and len(named) < n_features:
            return len(positive(self.entry, key, n_features, excluded))
        return sum(name not in excluded for name in named)

    def genes(self, n_genes: int, excluded: AbstractSet[str]) -> dict[str, list[str]]:
        """Gene names by cluster, best first."""
        return {key: positive(self.entry, key, n_genes, excluded) for key in self.ids}


def rankable(ids: Sequence[str], clustering: Clustering) -> list[str]:
    """The clusters that can be tested: those with two cells inside and two outside."""
    sizes = clustering.sizes
    total = sum(sizes.values())
    return [key for key in ids if sizes[key] >= MIN_RANKED_CELLS and total - sizes[key] >= MIN_RANKED_CELLS]


def read_stored(adata: AnnData, clustering: Clustering, options: Ranking, say: Say) -> Optional[StoredRanking]:
    """The ranking in ``adata.uns[rank_key]``; None if it is missing, of other clusters, or of another matrix.

    Parameters
    ----------
    say
        Issues and records a warning.

    Raises
    ------
    MissingKeyError
        If ``rank_key`` is not the default and ``.uns`` does not have it.
    InputError
        If ``rank_key`` is not the default and its entry is not a ranking.
    """
    key = options.rank_key
    is_default = key == fields(Ranking).rank_key.default
    if key not in adata.uns and not is_default:
        there = ", ".join(repr(name) for name in adata.uns if _is_ranking(adata.uns[name])) or "none"
        msg = f"there is no .uns[{key!r}]; rankings in .uns: {there}"
        raise MissingKeyError(msg)
    stored = adata.uns.get(key)
    if not _is_ranking(stored):
        if not is_default:
            msg = f".uns[{key!r}] is not a ranking by sc.tl.rank_genes_groups; leave out rank_key to rank genes again"
            raise InputError(msg)
        return None
    problem = _other_input(stored["params"], clustering, options)
    if problem and is_default:  # a ranking that was made for something else says nothing about this run
        return None
    problem = problem or _problem(stored, clustering, _all_names(adata))
    if problem:
        say_stale(key, problem, say)
        return None
    parameters = stored["params"]
    ranked = stored["names"].dtype.names
    return StoredRanking(
        stored,
        ids=tuple(key for key in clustering.ids if key in ranked),
        method=str(parameters.get("method", "unknown")),
        use_raw=bool(parameters["use_raw"]) if "use_raw" in parameters else options.use_raw,
        layer=None if parameters.get("layer") is None else str(parameters["layer"]),
    )


def say_stale(rank_key: str, problem: str, say: Say) -> None:
    """Warn that a stored ranking is not used, and why."""
    say(f".uns[{rank_key!r}] is not used, because {problem}; the genes are ranked again", StaleRankingWarning)


def _is_ranking(entry: Any) -> bool:
    return isinstance(entry, Mapping) and "names" in entry and isinstance(entry.get("params"), Mapping)


def _all_names(adata: AnnData) -> set[str]:
    """The names of all features of ``.var`` and ``.raw.var``."""
    tables = gene_tables(adata)
    return {name for table in tables for name in to_strings(to_frame(table).index)}


def _other_input(parameters: Mapping[str, Any], clustering: Clustering, options: Ranking) -> str:
    """Why a ranking was made from other clusters or another matrix than this run; empty if it was not."""
    groupby, layer = str(parameters.get("groupby")), parameters.get("layer")
    if groupby != clustering.groupby:
        return f"it ranks the clusters of .obs[{groupby!r}]"
    if options.layer is not None and layer != options.layer:
        return f"it ranks layer {layer!r}" if layer is not None else "it does not rank a layer"
    if options.use_raw is not None and bool(parameters.get("use_raw")) != options.use_raw:
        return "it ranks .X" if options.use_raw else "it ranks .raw"
    return ""


def _problem(stored: Mapping[str, Any], clustering: Clustering, all_names: AbstractSet[str]) -> str:
    """Why a ranking does not fit the clusters and genes; empty if it does."""
    names, parameters = stored["names"], stored["params"]
    if not getattr(getattr(names, "dtype", None), "names", None):
        return "its gene names are not in Scanpy's form"
    odd = [column for column in VALUES if column in stored and not _has_form(stored[column], names)]
    if odd:
        return f"its {odd[0]} are not in Scanpy's form"
    ranked = set(names.dtype.names)
    reference = str(parameters.get("reference", "rest"))
    if reference != "rest":
        return f"it compares with group {reference!r}, not with the rest"
    if str(parameters.get("method")) == "logreg" and len(ranked) == 1:
        return "logreg ranked only one of two clusters"
    gone = sorted(ranked - set(clustering.all_ids))
    if gone:
        return f"it has clusters that are no longer there: {', '.join(gone[:5])}"
    lacking = [key for key in rankable(clustering.ids, clustering) if key not in ranked]
    if lacking:
        return f"it lacks the clusters {', '.join(lacking[:5])}"
    strange = {str(g) for key in ranked for g in names[key][:50] if isinstance(g, str)} - all_names
    return f"it has genes that are no longer there, such as {min(strange)!r}" if strange else ""


def positive(stored: Mapping[str, Any], key: str, n_genes: int, excluded: AbstractSet[str] = frozenset()) -> list[str]:
    """The first genes of a group that are higher in it beyond chance, without the excluded ones.

    Scaled data has no fold changes, so only the score is used.
    """
    names = stored["names"][key]
    keep = np.ones(len(names), dtype=bool)
    for column in VALUES[:2]:
        values = _column(stored, column, key)
        if values is not None:
            keep &= ~(values <= 0)  # NaN passes
    p_values = _column(stored, "pvals", key)
    if p_values is not None:
        # With few genes in a panel, the last ones in the list are higher only by chance.
        keep &= ~(p_values > numbers.NUMBERS.max_p_value)
    named = (str(name) for name in names[keep] if isinstance(name, (str, np.str_)) and str(name) != "nan")
    return list(islice((name for name in named if name not in excluded), n_genes))


def _has_form(values: Any, names: npt.NDArray[Any]) -> bool:
    """Whether an entry has a number for each name of each of its groups."""
    groups = getattr(getattr(values, "dtype", None), "names", None) or ()
    return bool(groups) and len(values) == len(names) and all(values.dtype[key].kind in "fiuO" for key in groups)


def _column(stored: Mapping[str, Any], column: str, key: str) -> Optional[npt.NDArray[np.float64]]:
    """The values of a group, or None if the ranking has no such values."""
    if column not in stored or key not in (stored[column].dtype.names or ()):
        return None
    return np.asarray(stored[column][key], dtype=float)


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
    columns = {name: column for column, name in enumerate(names)}
    means = np.where(moments.measured > 0, moments.means, np.nan)
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


def by_scanpy(matrix: Matrix, clustering: Clustering, method: str, n_genes: int) -> dict[str, list[str]]:
    """Gene names by cluster, best first, ranked on a temporary object that shares the matrix with the user's object.

    Raises
    ------
    InputError
        If the matrix is not in memory, has NaN or infinite values, or Scanpy has no such method or fails with it.
    """
    import scanpy as sc

    # logreg compares the groups only with each other, so it needs all of them.
    groups = rankable(clustering.all_ids if method == "logreg" else clustering.ids, clustering)
    if not groups or len(clustering.all_ids) < 2:
        return {}
    data = matrix.data.to_memory() if isinstance(matrix.data, OnDisk) else matrix.data
    needed = ""
    if is_chunked(data):
        needed = "the matrix in memory, but it is a Dask array; use 't-test', or load the data with adata.to_memory()"
    elif not all_finite(data):
        needed = "a value for each cell and gene, and some are NaN or infinite; replace them, or use 't-test'"
    if needed:
        msg = f"method={method!r} needs {needed}"
        raise InputError(msg)
    clustered = clustering.codes >= 0
    data = data if clustered.all() else data[np.flatnonzero(clustered)]
    if sparse.issparse(data) and not data.data.all():
        data = data.copy()  # Scanpy removes stored zeros in place, which would change the user's matrix
        data.eliminate_zeros()
    # Scanpy gets the position of each cluster as its name, because it reads some ids in another way ("rest").
    positions = {key: str(i) for i, key in enumerate(clustering.all_ids)}
    cells = pd.Categorical.from_codes(clustering.codes[clustered], categories=pd.Index(list(positions.values())))
    with warnings.catch_warnings():
        # Scanpy and AnnData warn about cases that this function handles, or about the temporary object only.
        warnings.simplefilter("ignore")
        obs = pd.DataFrame({"cluster": cells}, index=[str(i) for i in range(len(cells))])
        adata = objects.build(data, obs=obs, var=pd.DataFrame(index=[str(i) for i in range(data.shape[1])]))
        if not matrix.logged:
            adata.X = adata.X.astype(np.float32)  # a copy, so that the user's values do not change
            sc.pp.normalize_total(adata, target_sum=numbers.NUMBERS.counts_per_cell)
            sc.pp.log1p(adata)
        names = [positions[key] for key in groups]
        try:
            entry = _wilcoxon(adata, names) if method == "wilcoxon" else _by_scanpy(adata, names, method, n_genes)
        except Exception as error:  # each method has reasons of its own
            msg = f"method={method!r} cannot rank these genes ({error}); choose another, such as 't-test'"
            raise InputError(msg) from error
    return {key: [matrix.names[int(gene)] for gene in positive(entry, positions[key], n_genes)] for key in groups}


def _by_scanpy(adata: AnnData, groups: list[str], method: str, n_genes: int) -> Mapping[str, Any]:
    """The entry that Scanpy writes for the groups in ``.obs["cluster"]``."""
    import scanpy as sc

    names = "all" if len(groups) == len(adata.obs["cluster"].cat.categories) else groups
    options = {"n_genes": min(adata.n_vars, n_genes), "use_raw": False}
    sc.tl.rank_genes_groups(adata, "cluster", groups=names, method=method, **options)
    return dict(adata.uns["rank_genes_groups"])


def _wilcoxon(adata: AnnData, groups: list[str]) -> Mapping[str, Any]:
    """The same for the rank-sum test: by illico if it is installed, which is many times as fast, or by Scanpy."""
    try:
        tables = _by_illico(adata, groups)
    except Exception:  # it is missing, or cannot rank such values; the scores of Scanpy are the same
        tables = _in_blocks(adata, groups)
    order = np.argsort(-tables[0], axis=1, kind="stable")  # of equal genes, the first comes first
    columns = [adata.var_names.to_numpy(dtype=object)[order], *(np.take_along_axis(t, order, axis=1) for t in tables)]
    pairs = zip(("names", *VALUES), columns)
    return {key: np.rec.fromarrays([*rows], dtype=[(one, rows.dtype) for one in groups]) for key, rows in pairs}


def _by_illico(adata: AnnData, groups: list[str]) -> list[npt.NDArray[np.float64]]:
    """Scores, fold changes and p-values, with the shape (groups, genes)."""
    import illico
    from loguru import logger  # which illico requires, and writes its progress to

    as_scanpy = {"n_threads": n_threads(), "use_continuity": False, "tie_correct": False, "exp_post_agg": True}
    logger.disable("illico")
    try:
        with on_terminal_only():
            found = illico.asymptotic_wilcoxon(adata, is_log1p=True, group_keys="cluster", groups=groups, **as_scanpy)
    finally:
        logger.enable("illico")
    columns = found.loc[groups, ["z_score", "fold_change", "p_value"]].to_numpy(dtype=np.float64).T
    scores, folds, p_values = columns.reshape(3, len(groups), adata.n_vars)
    with np.errstate(all="ignore"):
        return [np.nan_to_num(scores), np.log2(folds), p_values]


def _in_blocks(adata: AnnData, groups: list[str]) -> list[npt.NDArray[np.float64]]:
    """The same by Scanpy, some genes at a time, with a progress bar."""
    tables = [np.zeros((len(groups), adata.n_vars)) for _ in VALUES]
    step = max(1, RANKED_AT_ONCE // adata.n_obs)
    starts = range(0, adata.n_vars, step)
    if len(starts) > 1:
        info("ranking by Scanpy", method="wilcoxon", faster=FASTER)
    with progress_bar(len(starts), f"wilcoxon (faster: {FASTER})", "block") as bar:
        for start in starts:
            block = objects.build(adata.X[:, start : start + step], obs=adata.obs, uns={"log1p": {}})
            entry = _by_scanpy(block, groups, "wilcoxon", block.n_vars)
            for table, name in zip(tables, VALUES):
                for row, key in enumerate(groups):
                    table[row, start + entry["names"][key].astype(int)] = entry[name][key]
            bar.update()
    return tables
