"""Data for the plots: the expression of some genes, and how two columns of labels overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
import pandas as pd

from gca_scanpy._adata.clusters import read_clustering
from gca_scanpy._adata.genes import read_genes
from gca_scanpy._adata.matrix import as_numbers, in_memory, select_matrix
from gca_scanpy._adata.objects import column_of
from gca_scanpy._adata.write import read_report
from gca_scanpy._keys import ObsKeys
from gca_scanpy._names.genes import GeneNames
from gca_scanpy._names.ontology import Lineages, Ontology
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


def compare_columns(
    adata: AnnData, first: str, second: str, lineages: Lineages, given: Optional[Mapping[str, str]] = None
) -> tuple[Comparison, tuple[Mapping[str, Optional[str]], Mapping[str, Optional[str]]]]:
    """Compare two columns of labels; also returns the term of each label, for each column.

    The term of a label is the one in ``given`` (an id or a name). Otherwise, for a column that this package wrote, it
    is the one in its report. Otherwise, it is the term that has this name in the ontology.

    Raises
    ------
    MissingKeyError
        If a column is missing.
    InputError
        If a column cannot be read, no cell has both labels, or a value of ``given`` is not a term.
    """
    rows, columns = read_clustering(adata, first), read_clustering(adata, second)
    both = (rows.codes >= 0) & (columns.codes >= 0)
    if not both.any():
        msg = f"no cell has both a label in .obs[{first!r}] and one in .obs[{second!r}]; compare other columns"
        raise InputError(msg)
    counts = np.zeros((len(rows.all_ids), len(columns.all_ids)), dtype=np.int64)
    np.add.at(counts, (rows.codes[both], columns.codes[both]), 1)
    given_terms = terms_of(given or {}, lineages.ontology)
    first_terms, second_terms = (
        {
            label: given_terms.get(label) or reported.get(label) or lineages.ontology.resolve(label)
            for label in clustering.all_ids
        }
        for clustering, reported in ((rows, reported_terms(adata, first)), (columns, reported_terms(adata, second)))
    )
    return compare(first_terms, second_terms, counts, lineages), (first_terms, second_terms)


def terms_of(given: Mapping[str, str], ontology: Ontology) -> dict[str, str]:
    """The ids of the terms that a user gives for labels, by id or name.

    Raises
    ------
    InputError
        If one is not a term.
    """
    terms = {}
    for label, name in given.items():
        term = ontology.resolve(str(name))
        if term is None:
            msg = f"terms[{label!r}]={name!r} is neither the id nor a name of a Cell Ontology term; correct it"
            raise InputError(msg)
        terms[str(label)] = term
    return terms


def reported_terms(adata: AnnData, column: str) -> Mapping[str, Optional[str]]:
    """The terms of a column's labels in the report that it belongs to; empty if this package did not write it."""
    for key in adata.uns:
        keys = ObsKeys(str(key))
        if column not in keys.colored():
            continue
        try:
            clusters = read_report(adata, key).clusters
        except GcaError:  # the entry of .uns is not a report
            continue
        if column == keys.label:
            return {c.annotation.primary_label: c.annotation.ontology_id for c in clusters}
        if column == keys.short_label:
            return _terms_beside(adata.obs, column, keys.ontology_id)
        if column == keys.proposed_label:
            return {c.annotation.proposed_label: c.annotation.proposed_ontology_id for c in clusters}
        if column == keys.fine_label:
            return {c.fine_label: c.path[-1].ontology_id for c in clusters if c.path}
        return {c.broad_label: c.broad_ontology_id for c in clusters}
    return {}


def _terms_beside(obs: Any, column: str, ids: str) -> Mapping[str, Optional[str]]:
    """The terms of a column's labels in another column; empty if that was removed."""
    if ids not in obs.columns:
        return {}
    pairs = dict.fromkeys(zip(*(column_of(obs, name).astype(object) for name in (column, ids))))
    return {str(label): None if pd.isna(term) else str(term) for label, term in pairs if not pd.isna(label)}
