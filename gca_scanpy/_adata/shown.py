"""What the plots show of the cells: the expression of some genes, and how two columns of labels fall together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Optional

import numpy as np
import pandas as pd

from gca_scanpy._adata.clusters import read_clustering
from gca_scanpy._adata.matrix import in_memory, source
from gca_scanpy._adata.tables import gene_labels
from gca_scanpy._adata.write import read_report
from gca_scanpy._keys import ObsKeys
from gca_scanpy._names.lineages import Lineages
from gca_scanpy._reporting.comparison import Comparison, compare
from gca_scanpy.errors import GcaError, InputError

if TYPE_CHECKING:
    from anndata import AnnData


def genes_of(
    adata: AnnData,
    genes: Sequence[str],
    *,
    use_raw: Optional[bool],
    layer: Optional[str],
    gene_symbols: Optional[str],
) -> AnnData:
    """The cells with only these genes, by the names that a report has for them; those that are not there are left out.

    Of two rows with one symbol, the first is taken.
    """
    from anndata import AnnData

    values, var = source(adata, use_raw, layer)
    places: dict[str, int] = {}
    for place, name in enumerate(gene_labels(var, gene_symbols)):
        places.setdefault(name, place)
    found = [gene for gene in dict.fromkeys(genes) if gene in places]
    values = in_memory(values)[:, [places[gene] for gene in found]]
    if hasattr(values, "compute"):
        values = values.compute()
    return AnnData(values, obs=pd.DataFrame(index=adata.obs_names.copy()), var=pd.DataFrame(index=pd.Index(found)))


def compare_columns(
    adata: AnnData, first: str, second: str, lineages: Lineages, given: Optional[Mapping[str, str]] = None
) -> tuple[Comparison, tuple[Mapping[str, Optional[str]], Mapping[str, Optional[str]]]]:
    """Compare two columns of labels; also gives the terms of the labels of each.

    The terms of a column of our own are those of its report; of another, those that the ontology knows by these names,
    or those that are given, as ids or as names.

    Raises
    ------
    MissingKeyError
        Where a column is not there.
    InputError
        Where a column cannot be read, no cell has both labels, or what is given is no term.
    """
    rows, columns = read_clustering(adata, first), read_clustering(adata, second)
    both = (rows.codes >= 0) & (columns.codes >= 0)
    if not both.any():
        msg = f"no cell has both a label in .obs[{first!r}] and one in .obs[{second!r}]"
        raise InputError(msg)
    counts = np.zeros((len(rows.all_ids), len(columns.all_ids)), dtype=np.int64)
    np.add.at(counts, (rows.codes[both], columns.codes[both]), 1)
    told = {str(label): _given(str(label), name, lineages) for label, name in (given or {}).items()}
    terms = tuple(
        {label: told.get(label) or known.get(label) or lineages.ontology.resolve(label) for label in own.all_ids}
        for own, known in ((rows, _reported(adata, first)), (columns, _reported(adata, second)))
    )
    return compare(terms[0], terms[1], counts, lineages), (terms[0], terms[1])


def _given(label: str, name: str, lineages: Lineages) -> str:
    found = lineages.ontology.resolve(str(name))
    if found is None:
        msg = f"terms[{label!r}]={name!r} is neither the id nor a name of a Cell Ontology term"
        raise InputError(msg)
    return found


def _reported(adata: AnnData, column: str) -> Mapping[str, Optional[str]]:
    for key in adata.uns:
        keys = ObsKeys(str(key))
        if column not in keys.colored():
            continue
        try:
            clusters = read_report(adata, key).clusters
        except GcaError:  # something else of the user's, under this key
            continue
        if column == keys.label:
            return {c.annotation.primary_label: c.annotation.ontology_id for c in clusters}
        if column == keys.proposed_label:
            return {c.annotation.proposed_label: c.annotation.proposed_ontology_id for c in clusters}
        return {c.broad_label: c.broad_ontology_id for c in clusters}
    return {}
