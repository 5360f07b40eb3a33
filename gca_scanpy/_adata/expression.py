"""The expression of a few genes, for mixtures and plots: nothing else is read, also if the matrix is on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
import numpy.typing as npt
import pandas as pd
from attrs import define, field
from scipy import sparse

from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._adata.genes import read_genes
from gca_scanpy._adata.matrix import as_in_the_run, as_numbers, in_memory, is_chunked, kind_of, select_matrix
from gca_scanpy._names.genes import GeneNames

if TYPE_CHECKING:
    from anndata import AnnData

BLOCK = 1_000  # cells of a matrix on disk that are in memory at a time


def genes_of(
    adata: AnnData,
    genes: Sequence[str],
    *,
    use_raw: Optional[bool],
    layer: Optional[str],
    gene_symbols: Optional[str],
    known: GeneNames,
) -> AnnData:
    """A new object with all cells and only these genes, named as in a report.

    Genes that the data does not contain are left out. If two columns have the same symbol, the first one is used.
    """
    from anndata import AnnData

    values = select_matrix(adata, use_raw, layer).matrix
    columns: dict[str, int] = {}
    for column, name in enumerate(read_genes(adata, use_raw, layer, gene_symbols, known).labels):
        columns.setdefault(name, column)
    present = [gene for gene in dict.fromkeys(genes) if gene in columns]
    values = as_numbers(in_memory(values, adata))[:, [columns[gene] for gene in present]]
    if hasattr(values, "compute"):
        values = values.compute()
    return AnnData(values, obs=pd.DataFrame(index=adata.obs_names.copy()), var=pd.DataFrame(index=pd.Index(present)))


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
        step = BLOCK if is_on_disk else max(len(cells), 1)
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
