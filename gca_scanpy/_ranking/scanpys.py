"""Scanpy's own ranking of the genes, by a test other than the t-test."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from scipy import sparse

from gca_scanpy._adata import objects
from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._adata.matrix import Matrix, is_chunked
from gca_scanpy._ranking.stored import positive, rankable
from gca_scanpy._scoring import numbers
from gca_scanpy.errors import InputError

OWN_KEY = "ranking"


def by_scanpy(matrix: Matrix, clustering: Clustering, method: str, n_genes: int) -> dict[str, list[str]]:
    """Gene names by cluster, best first, ranked on an object of our own that shares the matrix with the user's.

    Raises
    ------
    InputError
        Where the matrix is not in memory.
    """
    import scanpy as sc

    # logreg compares the groups with each other only, so it needs all of them.
    groups = rankable(clustering.all_ids if method == "logreg" else clustering.ids, clustering)
    if not groups or len(clustering.all_ids) < 2:
        return {}
    data = matrix.data
    if is_chunked(data):
        msg = (
            f"method={method!r} needs the matrix in memory, and it is in Dask's chunks; "
            "use method='t-test', or load it with adata.to_memory()"
        )
        raise InputError(msg)
    named = clustering.codes >= 0
    if not named.all():
        data = data[np.flatnonzero(named)]
    elif sparse.issparse(data) and not data.data.all():
        data = data.copy()  # Scanpy drops stored zeros in place; the user's stay
    # The position of a cluster stands for its id: no id can be one that Scanpy reads otherwise ("rest").
    positions = {key: str(i) for i, key in enumerate(clustering.all_ids)}
    cells = pd.Categorical.from_codes(clustering.codes[named], categories=pd.Index(list(positions.values())))
    with warnings.catch_warnings():
        # Scanpy and AnnData warn of things that we handle or that concern our own object only.
        warnings.simplefilter("ignore")
        own = objects.build(data, obs=pd.DataFrame({"cluster": cells}, index=[str(i) for i in range(len(cells))]))
        own.var_names = matrix.names
        if matrix.counts:
            own.X = own.X.astype(np.float32)  # a copy: the user's counts stay as they are
            sc.pp.normalize_total(own, target_sum=numbers.NUMBERS.counts_per_cell)
            sc.pp.log1p(own)
        options = {"n_genes": min(own.n_vars, n_genes), "use_raw": False, "key_added": OWN_KEY}
        asked = "all" if len(groups) == len(positions) else [positions[key] for key in groups]
        sc.tl.rank_genes_groups(own, "cluster", groups=asked, method=method, **options)
    return {key: positive(own.uns[OWN_KEY], positions[key], n_genes) for key in groups}
