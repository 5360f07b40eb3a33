"""The ranking by a Scanpy test other than the t-test."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from scipy import sparse

from gca_scanpy._adata import objects
from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._adata.matrix import Matrix
from gca_scanpy._adata.values import all_finite, is_chunked
from gca_scanpy._ranking.stored import positive, rankable
from gca_scanpy._scoring import numbers
from gca_scanpy.errors import InputError

KEY = "ranking"  # in .uns of the temporary object


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
    data = matrix.data
    if is_chunked(data):
        msg = (
            f"method={method!r} needs the matrix in memory, but it is a Dask array; "
            "use method='t-test', or load the data with adata.to_memory()"
        )
        raise InputError(msg)
    if not all_finite(data):
        msg = (
            f"method={method!r} needs a value for each cell and gene, but the matrix has NaN or infinite values; use "
            "method='t-test', which leaves them out, or replace them"
        )
        raise InputError(msg)
    clustered = clustering.codes >= 0
    if not clustered.all():
        data = data[np.flatnonzero(clustered)]
    elif sparse.issparse(data) and not data.data.all():
        data = data.copy()  # Scanpy removes stored zeros in place, which would change the user's matrix
    # Scanpy gets the position of each cluster as its name, because it reads some ids in another way ("rest").
    positions = {key: str(i) for i, key in enumerate(clustering.all_ids)}
    cells = pd.Categorical.from_codes(clustering.codes[clustered], categories=pd.Index(list(positions.values())))
    with warnings.catch_warnings():
        # Scanpy and AnnData warn about cases that this function handles, or about the temporary object only.
        warnings.simplefilter("ignore")
        adata = objects.build(data, obs=pd.DataFrame({"cluster": cells}, index=[str(i) for i in range(len(cells))]))
        adata.var_names = matrix.names
        if not matrix.logged:
            adata.X = adata.X.astype(np.float32)  # a copy, so that the user's values do not change
            sc.pp.normalize_total(adata, target_sum=numbers.NUMBERS.counts_per_cell)
            sc.pp.log1p(adata)
        options = {"n_genes": min(adata.n_vars, n_genes), "use_raw": False, "key_added": KEY}
        names = "all" if len(groups) == len(positions) else [positions[key] for key in groups]
        try:
            sc.tl.rank_genes_groups(adata, "cluster", groups=names, method=method, **options)
        except Exception as error:  # each method has reasons of its own
            msg = f"method={method!r} cannot rank these genes ({error}); choose another, such as 't-test'"
            raise InputError(msg) from error
    return {key: positive(adata.uns[KEY], positions[key], n_genes) for key in groups}
