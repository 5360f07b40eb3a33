"""The clusters of an AnnData object, with strings as ids and in the order of their categories, and their expression.

Few genes of few cells are read of it, also if the matrix is on disk.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy as np
import numpy.typing as npt
import pandas as pd
from attrs import define, evolve, field
from scipy import sparse

from gca_scanpy._adata.genes import read_genes
from gca_scanpy._adata.matrix import as_in_the_run, as_numbers, is_chunked, kind_of, select_matrix
from gca_scanpy._adata.objects import column_of, to_frame
from gca_scanpy._keys import pair_id
from gca_scanpy._names.genes import GeneNames
from gca_scanpy.errors import InputError, MissingKeyError, shown
from gca_scanpy.model import ClusterReport

if TYPE_CHECKING:
    from anndata import AnnData

MAX_LISTED = 12  # names in a message
MAX_CATEGORIES = 100  # a column with more distinct values is not offered as a clustering
BLOCK = 1_000  # cells of a matrix on disk that are in memory at a time
COPIED = 250  # cells of a matrix in memory that are copied at a time, if its rows are side by side
MIN_MEASURED = 10  # a few numbers are clusters, even of one cell each


@define(eq=False)
class Clustering:
    """The cluster of each cell.

    Attributes
    ----------
    groupby
        Name of the column in ``.obs``.
    ids
        Ids of the requested clusters, in the order of the categories.
    codes
        For each cell the position of its cluster in ``all_ids``, or -1 if it has no cluster; shape (n_obs,).
    all_ids
        Ids of all clusters that have cells, requested or not.
    """

    groupby: str
    ids: tuple[str, ...]
    codes: npt.NDArray[np.intp]
    all_ids: tuple[str, ...]

    @property
    def sizes(self) -> dict[str, int]:
        """Number of cells by cluster."""
        counts = np.bincount(self.codes[self.codes >= 0], minlength=len(self.all_ids))
        return {key: int(count) for key, count in zip(self.all_ids, counts)}

    @property
    def cells_without_cluster(self) -> int:
        """Number of cells whose cluster is missing (NaN)."""
        return int((self.codes < 0).sum())

    def subsampled(self, limit: int) -> Clustering:
        """The same clusters with at most ``limit`` evenly spaced cells each; the other cells get no cluster."""
        codes = np.full_like(self.codes, -1)
        for code in range(len(self.all_ids)):
            cells = np.flatnonzero(self.codes == code)
            chosen = cells[np.linspace(0, len(cells) - 1, min(limit, len(cells))).astype(np.intp)]
            codes[chosen] = code
        return evolve(self, codes=codes)

    def select_cells(self, cells: Union[npt.NDArray[np.intp], slice]) -> Clustering:
        """The same clusters, restricted to the cells at these positions."""
        return evolve(self, codes=self.codes[cells])


def read_clustering(
    adata: AnnData, groupby: str, groups: Optional[Sequence[str]] = None, what: str = "cluster"
) -> Clustering:
    """The clusters in ``adata.obs[groupby]``.

    Parameters
    ----------
    groups
        Ids of the requested clusters; None for all.
    what
        What the groups are, for messages.

    Raises
    ------
    MissingKeyError
        If there is no such column; the message lists the columns that could be meant.
    InputError
        If no cell has a cluster, each cell is its own cluster, the column is a measure, two ids have the same text, or
        ``groups`` contains an unknown id.
    """
    if groupby not in adata.obs.columns:
        msg = f"there is no .obs[{groupby!r}]; columns that hold groups: {listed(group_columns(adata.obs)) or 'none'}"
        raise MissingKeyError(msg)
    labels, grouping = column_of(adata.obs, groupby), "clustering" if what == "cluster" else f"column of {what}s"
    values = labels if isinstance(labels.dtype, pd.CategoricalDtype) else _to_category(labels)
    used = values.cat.remove_unused_categories()
    ids = tuple(str(category) for category in used.cat.categories)
    if len(set(ids)) < len(ids):
        msg = f".obs[{groupby!r}] has {what}s that differ in type only, such as 1 and '1'; convert them to strings"
        raise InputError(msg)
    n_cells = int(used.notna().sum())
    if n_cells == 0:
        msg = f"no cell has a {what} in .obs[{groupby!r}]: all {len(labels)} values are missing; use another column"
        raise InputError(msg)
    if len(ids) == n_cells and n_cells > 1:
        msg = (
            f".obs[{groupby!r}] has a different value for each of its {n_cells} cells, so it is not a "
            f"{grouping}; use another column"
        )
        raise InputError(msg)
    if not isinstance(labels.dtype, pd.CategoricalDtype) and _is_measure(labels, len(ids), n_cells):
        msg = (
            f".obs[{groupby!r}] has {len(ids)} different numbers for {n_cells} cells, so it is a measure and not "
            f"a {grouping}; use another column: {listed(group_columns(adata.obs)) or 'none holds groups'}. If the "
            f"numbers are {what}s: adata.obs[{groupby!r}] = adata.obs[{groupby!r}].astype('category')"
        )
        raise InputError(msg)
    requested = _requested(ids, groups, groupby)
    return Clustering(groupby, requested, used.cat.codes.to_numpy().astype(np.intp), ids)


def clusters_apart(clustering: Clustering, samples: Clustering) -> Clustering:
    """The clusters of each sample, one sample after the other; a cell without a cluster or a sample has none."""
    n_clusters = len(clustering.all_ids)
    both = (clustering.codes >= 0) & (samples.codes >= 0)
    found, codes = np.unique(samples.codes[both] * n_clusters + clustering.codes[both], return_inverse=True)
    ids = tuple(pair_id(samples.all_ids[pair // n_clusters], clustering.all_ids[pair % n_clusters]) for pair in found)
    all_codes = np.full(len(clustering.codes), -1, dtype=np.intp)
    all_codes[both] = codes
    return Clustering(clustering.groupby, ids, all_codes, ids)


def group_columns(obs: Any) -> list[str]:
    """The columns that could be a clustering: categorical ones first, then text and integers with few values."""
    obs = to_frame(obs)
    columns = {str(name): obs[name] for name in obs.columns if not isinstance(obs[name], pd.DataFrame)}  # no name twice
    categorical = [name for name, column in columns.items() if isinstance(column.dtype, pd.CategoricalDtype)]
    others = [
        name
        for name, column in columns.items()
        if name not in categorical
        and (
            pd.api.types.is_integer_dtype(column)
            or pd.api.types.is_object_dtype(column)
            or pd.api.types.is_string_dtype(column)
        )
        and column.astype(str).nunique() <= _most_groups(len(obs))
    ]
    return categorical + others


def _most_groups(n_cells: int) -> int:
    """The most distinct values of a column that is probably a clustering."""
    return min(MAX_CATEGORIES, max(n_cells // 2, 1))


def _is_measure(labels: pd.Series, n_values: int, n_cells: int) -> bool:
    """Whether a column has too many numbers to be a clustering, such as the number of genes of each cell."""
    is_number = pd.api.types.is_numeric_dtype(labels) and not pd.api.types.is_bool_dtype(labels)
    return bool(is_number) and n_values > max(_most_groups(n_cells), MIN_MEASURED)


def majority_labels(adata: AnnData, clustering: Clustering, key: str) -> dict[str, tuple[str, float]]:
    """The most frequent label of each cluster in ``adata.obs[key]``, and its share of the labeled cells.

    Of equally frequent labels, the alphabetically first is used. A cluster without a labeled cell is left out.

    Raises
    ------
    MissingKeyError
        If there is no such column.
    """
    if key not in adata.obs.columns:
        columns = listed(group_columns(adata.obs)) or "none"
        msg = f"there is no .obs[{key!r}] to validate; columns that hold groups: {columns}"
        raise MissingKeyError(msg)
    labels = column_of(adata.obs, key).astype(object).to_numpy()
    majority = {}
    for code, cluster_id in enumerate(clustering.all_ids):
        counts = pd.Series(labels[clustering.codes == code]).dropna().astype(str).value_counts()
        if len(counts):
            label = min(counts[counts == counts.max()].index)
            majority[cluster_id] = (label, float(counts.max() / counts.sum()))
    return majority


def _to_category(labels: pd.Series) -> pd.Series:
    # Missing values turn integers into floats, but cluster 1 must not become "1.0".
    if pd.api.types.is_float_dtype(labels) and (labels.dropna() % 1 == 0).all():
        labels = labels.astype("Int64")
    try:
        made = labels.astype(object).astype("category")
    except TypeError as error:
        first = next((value for value in labels if isinstance(value, (list, dict, set, np.ndarray))), None)
        msg = f".obs[{labels.name!r}] has values that are not names of clusters, such as {shown(first)}; use text"
        raise InputError(msg) from error
    if not all(isinstance(value, str) for value in made.cat.categories):
        return made
    return made.cat.reorder_categories(sorted(made.cat.categories, key=by_numbers))


def by_numbers(cluster_id: str) -> list[tuple[int, str]]:
    """The place of an id in an order by the numbers in it: 10 comes after 2."""
    parts = re.split(r"(\d+)", cluster_id)  # texts and numbers in turn
    return [(len(part.lstrip("0")), part.lstrip("0")) if n % 2 else (0, part) for n, part in enumerate(parts)]


def _requested(ids: tuple[str, ...], groups: Optional[Sequence[str]], groupby: str) -> tuple[str, ...]:
    if groups is None:
        return ids
    wanted = [groups] if isinstance(groups, str) else [str(group) for group in groups]
    if not wanted:
        msg = f"groups is empty; name clusters of .obs[{groupby!r}], or pass None for all; there are: {listed(ids)}"
        raise InputError(msg)
    missing = [group for group in wanted if group not in ids]
    if missing:
        msg = f"groups={wanted!r}: no cluster {listed(missing)} in .obs[{groupby!r}]; there are: {listed(ids)}"
        raise InputError(msg)
    return tuple(key for key in ids if key in set(wanted))


def listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names[:MAX_LISTED]) + (
        f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    )


def rows_of(clusters: Sequence[ClusterReport], clustering: Clustering) -> npt.NDArray[np.intp]:
    """For each cell the position of its cluster among ``clusters``, or -1 if it is not among them."""
    position = {cluster.cluster_id: i for i, cluster in enumerate(clusters)}
    # A cell without a cluster has the code -1, which selects the last element.
    by_code = np.array([*(position.get(key, -1) for key in clustering.all_ids), -1], dtype=np.intp)
    return by_code[clustering.codes]


@define(eq=False)
class Sample:
    """Values of some genes in some cells.

    Attributes
    ----------
    values
        Shape (cells, genes); NaN and infinite values count as zero.
    clusters
        The position of each cell's cluster in ``Clustering.all_ids``, shape (cells,).
    logged
        Whether the values are logarithms, or scaled, not counts.
    """

    values: npt.NDArray[np.float64]
    clusters: npt.NDArray[np.intp]
    logged: bool


@define(eq=False)
class Expression:
    """The matrix of a run, from which few genes of few cells are read when they are needed."""

    adata: AnnData
    clustering: Clustering
    use_raw: Optional[bool]
    layer: Optional[str]
    gene_symbols: Optional[str]
    known: GeneNames
    _columns: dict[str, int] = field(factory=dict, init=False)

    @classmethod
    def of_run(
        cls, adata: AnnData, clustering: Clustering, parameters: Mapping[str, str], known: GeneNames
    ) -> Expression:
        """The matrix of a run with these parameters; nothing is read yet."""
        return cls(adata, clustering, *as_in_the_run(adata, parameters), known)

    def available(self, genes: Sequence[str]) -> list[str]:
        """Those of these genes that the matrix has, each once; genes are named as in a report."""
        columns = self._named()
        return [gene for gene in dict.fromkeys(genes) if gene in columns]

    def names(self) -> list[str]:
        """All genes of the matrix, each once, as a report names them."""
        return list(self._named())

    def _named(self) -> dict[str, int]:
        if not self._columns:
            labels = read_genes(self.adata, self.use_raw, self.layer, self.gene_symbols, self.known).labels
            self._columns = dict(reversed([(name, column) for column, name in enumerate(labels)]))
        return self._columns

    def read(self, cells: npt.NDArray[np.intp], genes: Sequence[str]) -> Optional[Sample]:
        """The values of these genes, which are available, in the cells at these positions, in ascending order.

        The result is None if there is no matrix.

        Raises
        ------
        InputError
            If NumPy cannot read the matrix.
        """
        matrix = select_matrix(self.adata, self.use_raw, self.layer).matrix
        if matrix is None:
            return None
        columns = [self._columns[gene] for gene in genes]
        is_on_disk = not (isinstance(matrix, np.ndarray) or sparse.issparse(matrix) or is_chunked(matrix))
        is_in_rows = isinstance(matrix, np.ndarray) or (sparse.issparse(matrix) and matrix.format == "csr")
        step = BLOCK if is_on_disk else COPIED if is_in_rows else max(len(cells), 1)
        blocks, logged = [], True
        for start in range(0, len(cells), step):
            block = as_numbers(_rows(matrix, cells[start : start + step]))
            if start == 0:
                logged = kind_of(block if is_on_disk else as_numbers(matrix)) == "other"
            blocks.append(_dense(block[:, columns]))
        values = np.concatenate(blocks) if blocks else np.zeros((0, len(columns)))
        return Sample(np.nan_to_num(values, posinf=0.0, neginf=0.0), self.clustering.codes[cells], logged)


def _rows(matrix: Any, cells: npt.NDArray[np.intp]) -> Any:
    if sparse.issparse(matrix) and matrix.format not in ("csr", "csc"):
        matrix = matrix.tocsr()
    try:
        return matrix[cells, :]  # AnnData before 0.10 takes no array alone
    except TypeError:  # and it cannot pick rows of a CSC matrix on disk
        return matrix.to_memory()[cells, :]


def _dense(values: Any) -> npt.NDArray[np.float64]:
    if is_chunked(values):
        values = values.compute()
    return np.asarray(values.toarray() if sparse.issparse(values) else values, dtype=np.float64)
