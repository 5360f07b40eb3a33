"""The contrast of two cell types in a cluster: from a report and its cells to the genes that separate them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy as np
from attrs import evolve

from gca_scanpy._adata.clusters import Expression
from gca_scanpy._adata.members import clusters_of
from gca_scanpy._adata.write import report_of
from gca_scanpy._arguments import TYPE, checked, optional
from gca_scanpy._judging import contrast as core
from gca_scanpy._judging.contrast import Contrast, Pair, Seen
from gca_scanpy._judging.label import name_of, separating
from gca_scanpy._keys import DEFAULT_KEY
from gca_scanpy._prepare import check_species, index_of
from gca_scanpy._ranking.moments import Floats, present_and_absent
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.index import MarkerIndex
from gca_scanpy.db import _bundled
from gca_scanpy.db._io import load
from gca_scanpy.errors import InputError, shown
from gca_scanpy.model import ClusterReport, DatasetReport

if TYPE_CHECKING:
    from anndata import AnnData

SHOWN = 3  # candidates in a message


@checked(first=optional(TYPE), second=optional(TYPE))
def contrast(
    data: Union[AnnData, DatasetReport],
    cluster: str,
    first: Optional[str] = None,
    second: Optional[str] = None,
    *,
    key: str = DEFAULT_KEY,
    marker_db: Any = None,
) -> Contrast:
    """Get the genes that separate two cell types, and what a cluster shows of each.

    A gene is in the contrast if it is a marker of one of the types, or of an ancestor, and not of the other; or if it
    is a negative marker of only one of them. It speaks for its type if the cluster expresses it. If the cluster lacks a
    canonical marker that another cluster has, that speaks for the other type.

    Parameters
    ----------
    data
        An annotated object, or a report. A report has no matrix, so fractions and means are missing, and a gene counts
        as expressed if the report lists it for the cluster.
    cluster
        Id of the cluster.
    first, second
        The types, by any name that :func:`gca_scanpy.names.find` reads, or by id. If one is None, it is the best
        candidate of the cluster that excludes the other one. If both are None, they are what the cluster is undecided
        about: the two lineages of a mixed cluster; the two best subtypes of a label for which there is a finer guess;
        or the label and its nearest competitor, which is neither an ancestor nor a subtype.
    key
        The ``key_added`` of the run; ignored if ``data`` is a report.
    marker_db
        The marker database of the run, if it was not the bundled one.

    Returns
    -------
    Contrast
        Frozen. ``contrast.genes`` has the genes, the most telling first; ``contrast.to_frame()`` gives a table, and a
        notebook shows one. The fractions and means are those of the matrix of the run, from at most 2,000 cells of
        each cluster.

    Raises
    ------
    MissingKeyError
        If there is no report under this key, or no such cluster.
    InputError
        If a name is not that of a type, the database has no facts for a type, the two types are the same, the cluster
        has no second candidate, or the report was made with another database.

    Examples
    --------
    >>> import scanpy as sc
    >>> import gca_scanpy as gca
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> gca.tl.annotate(adata, groupby="louvain", tissue="blood")
    >>> contrast = gca.get.contrast(adata, "0", "T cell", "NK cell")
    >>> contrast.to_frame().set_index("gene").loc["CD3D", "says"]
    'T cell'
    """
    report = report_of(data, key)
    one, index = report.cluster(cluster), index_of_run(report, marker_db)
    pair = _pair(one, first, second, index)
    if isinstance(data, DatasetReport):
        return core.contrast(cluster, pair, index, _listed(one, index))
    return core.contrast(cluster, pair, index, core.seen_in(look(data, report, key, cluster, pair, index)))


def between(first: str, second: str, species: str) -> Contrast:
    """The genes of the bundled database that separate two types, without a cluster that shows them.

    Raises
    ------
    InputError
        If a name is not that of a type with facts, or both are the same type.
    """
    index = index_of(load("bundled"), check_species(species))
    pair = _two(first, second, (), index)
    return core.contrast("", pair, index, Seen)


def index_of_run(report: DatasetReport, marker_db: Any) -> MarkerIndex:
    """The index of the database with which a report was made.

    Raises
    ------
    InputError
        If no database is given, and the report was not made with the bundled one.
    """
    database, made = load("bundled" if marker_db is None else marker_db), report.provenance
    if marker_db is None and made.database_sha256 != database.sha256:
        msg = (
            f"the report was made with the marker database {made.database_version!r}, not with the bundled one of this "
            "version; pass that database as marker_db=..., or marker_db='bundled' to use the present one"
        )
        raise InputError(msg)
    return index_of(database, made.species or report.parameters.get("species", "human"))


def _pair(cluster: ClusterReport, first: Optional[str], second: Optional[str], index: MarkerIndex) -> Pair:
    """The keys of the two types; of those that are not given, what the cluster is undecided about."""
    tissues = [cluster.tissue] if cluster.tissue else []
    if first is not None and second is not None:
        return _two(first, second, tissues, index)
    given = [None if name is None else _key(name, tissues, index) for name in (first, second)]
    pair: Optional[Pair]
    if given[0] is not None:
        pair = core.competitor(given[0], cluster, index)
    elif given[1] is not None:
        reverse = core.competitor(given[1], cluster, index)
        pair = reverse and (reverse[1], reverse[0])
    else:
        pair = core.question(cluster, index)
    if pair is None:
        msg = (
            f"cluster {cluster.cluster_id!r} has no second candidate to contrast with; name two types, such as "
            "first='B cell', second='plasma cell'"
        )
        raise InputError(msg)
    return pair


def _two(first: str, second: str, tissues: Sequence[str], index: MarkerIndex) -> Pair:
    """The keys of two types that are named."""
    pair = _key(first, tissues, index), _key(second, tissues, index)
    if pair[0] == pair[1]:
        msg = f"first={first!r} and second={second!r} are the same type, {name_of(pair[0], index)}; name two types"
        raise InputError(msg)
    return pair


def _key(name: str, tissues: Sequence[str], index: MarkerIndex) -> str:
    """The key of the type that a text names."""
    ontology = index.lineages.ontology
    if name in index.types:
        return name
    reading = ontology.read(name, tissues)
    term = name if name in ontology else reading.ontology_id
    own = next((key for key, kind in index.types.items() if kind.label == name), None)
    key = own or term
    if key is None:
        may_be = " or ".join(map(ontology.label, reading.candidates[:SHOWN]))
        advice = f"it may mean {may_be}" if may_be else "gca_scanpy.names.find shows what is known of a name"
        msg = f"{shown(name)} is not the name of one cell type; {advice}"
        raise InputError(msg)
    if not core.has_facts(key, index):
        msg = f"the marker database has no {index.genes_of} genes for {name_of(key, index)}; name another type"
        raise InputError(msg)
    return key


def _listed(cluster: ClusterReport, index: MarkerIndex) -> Any:
    """What a report alone shows of a gene: whether it is listed as a marker gene of the cluster."""
    validation = cluster.validation
    evidence = [item.gene for candidate in cluster.candidates for item in candidate.supporting]
    names = [*validation.supporting_markers, *validation.contradictory_markers, *evidence]
    by_symbol = _by_symbol(names, index)

    def see(symbol: str) -> Seen:
        name = by_symbol.get(symbol)
        return Seen(symbol) if name is None else Seen(name, is_measured=True, is_expressed=True)

    return see


def _by_symbol(names: Sequence[str], index: MarkerIndex) -> dict[str, str]:
    """The first gene of each symbol."""
    symbols = _bundled.gene_names().canonical_all(names, index.genes_of, index.known)
    return {symbol: name for name, symbol in reversed(list(symbols.items())) if symbol is not None}


def look(
    adata: AnnData, report: DatasetReport, key: str, cluster: str, pair: Pair, index: MarkerIndex
) -> dict[str, Seen]:
    """What the cells of a cluster show of the genes that separate two types, by symbol; genes that they have only."""
    clustering = clusters_of(adata, report, key)
    if cluster not in clustering.all_ids:
        msg = f"no cell here is in cluster {cluster!r} of .obs[{clustering.groupby!r}]; pass the annotated object"
        raise InputError(msg)
    expression = Expression.of_run(adata, clustering, report.parameters, _bundled.gene_names())
    by_symbol = _by_symbol(expression.names(), index)
    telling = sorted({*separating(*pair, index), *separating(*pair[::-1], index)})
    named = {symbol: by_symbol[symbol] for symbol in telling if symbol in by_symbol}
    cells = np.flatnonzero(clustering.subsampled(numbers.NUMBERS.mixture_cells).codes >= 0)
    sample = expression.read(cells, list(named.values())) if named else None
    if sample is None:  # a stored ranking without a matrix
        return {symbol: Seen(name, is_measured=True) for symbol, name in named.items()}
    code = clustering.all_ids.index(cluster)
    clusters = [sample.values[sample.clusters == other] for other in np.unique(sample.clusters)]
    position = int(np.flatnonzero(np.unique(sample.clusters) == code)[0])
    seen = observed(clusters, position, logged=sample.logged)
    return {symbol: evolve(one, name=name) for (symbol, name), one in zip(named.items(), seen)}


def observed(clusters: Sequence[Floats], position: int, *, logged: bool) -> list[Seen]:
    """What a cluster shows of some genes, which have no names yet; by the same limits as when genes are ranked.

    Parameters
    ----------
    clusters
        The values of each cluster, shape (cells, genes).
    position
        The cluster in question, among these.
    logged
        Whether the values are logarithms.
    """
    used = numbers.NUMBERS
    means, fractions = (np.array([part(values) for values in clusters]) for part in (_mean, _fraction))
    large = np.array([len(values) >= used.min_cluster_cells for values in clusters])
    linear = np.expm1(np.minimum(means, used.max_logged)) if logged else means
    best_mean, best_fraction = (np.where(large[:, None], x, 0.0).max(axis=0) for x in (linear, fractions))
    lowest = min(float(np.min(values, initial=0.0)) for values in clusters)
    fraction, mean = fractions[position], linear[position]
    high, lacks = present_and_absent(fraction, mean, best_fraction, best_mean)
    others = np.delete(means, position, axis=0)
    can_tell = large[position] and lowest >= 0  # of scaled values, zero is no absence
    return [
        Seen(
            "",
            is_measured=True,
            fraction=round(float(fraction[gene]), 4) if lowest >= 0 else None,
            mean=round(float(means[position, gene]), 4),
            highest_other=round(float(others[:, gene].max()), 4) if len(others) else None,
            is_expressed=(True if high[gene] else False if lacks[gene] else None) if can_tell else None,
        )
        for gene in range(means.shape[1])
    ]


def _mean(values: Floats) -> Floats:
    return np.asarray(values.mean(axis=0))


def _fraction(values: Floats) -> Floats:
    return np.asarray((values > 0).mean(axis=0))
