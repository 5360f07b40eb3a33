"""From markers as a user gives them, a table of any tool or lists, to the marker genes of each cluster."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from os import PathLike
from typing import Any, Optional, Union

import numpy as np
import pandas as pd

from gca_scanpy import _statistics, _tables
from gca_scanpy._names.genes import ENSEMBL
from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.programs import informative
from gca_scanpy._statistics import RowStatistics
from gca_scanpy._steps import ClusterMarkers, RankedGene
from gca_scanpy._tables import INDEX
from gca_scanpy._text_tables import ROW_NAMES, words
from gca_scanpy.errors import GeneNameWarning, InputError, warn

# Columns of Seurat, Scanpy, presto, scran, Monocle, Loupe Browser, plain tables and gene sets, the preferred ones
# first. Case, blanks and punctuation do not matter.
CLUSTERS = (
    "cluster", "group", "clusters", "groups", "cluster_id", "cluster_name", "cluster_number", "gene_set", "cell_group",
    "seurat_clusters", "leiden", "louvain", "ident", "cell_type",
)  # fmt: skip
GENES = (
    "gene", "names", "genes", "feature", "features", "symbol", "gene_symbol", "gene_name", "gene_names", "gene_symbols",
    "feature_name", "gene_short_name", "hgnc_symbol", "mgi_symbol", "name", "gene_id", "gene_ids", "feature_id",
)  # fmt: skip
LISTS = ("markers", "marker_genes", "marker", "marker_gene")  # a row per cluster, as in GPT Cell Annotator, or per gene
NO_GENE = ("", "nan", "NaN", "NA", "<NA>", "None")
# Cell Ranger and Loupe Browser write a row per gene, with these columns for each cluster.
_WIDE_CHANGE = re.compile(r"(?P<cluster>.+?)[ _.]+log2[ _.]+fold[ _.]+change", re.IGNORECASE)
_WIDE_MEAN = re.compile(r"(?P<cluster>.+?)[ _.]+(?:mean[ _.]+(?:umi[ _.]+)?counts|average)", re.IGNORECASE)
_WIDE_CHANCE = re.compile(r"(?P<cluster>.+?)[ _.]+(?:adjusted[ _.]+)?p[ _.-]+value", re.IGNORECASE)
MAX_MERGED = 2  # names in the only text of a cluster, such as the merged probe "HBA1;HBA2"
_SET_ITERATOR: type = type(iter({""}))
_BRACKETS = " \t\r\n[](){}\"'"
Markers = Union[Mapping[Any, Iterable[str]], pd.Series, pd.DataFrame]
FORMS = (
    "a dictionary with the genes of each cluster, best first, or a data frame with a gene per row, such as the one of "
    "sc.get.rank_genes_groups_df(adata, None)"
)


def markers_of(table: pd.DataFrame, source: str) -> dict[str, list[str]]:
    """The genes that are higher in each cluster beyond chance, best first; the list may be empty.

    Parameters
    ----------
    table
        With text in every cell.
    source
        Name of the table in errors.

    Raises
    ------
    InputError
        If columns are missing, a statistic is not understood, or no row is left.
    """
    table, cluster, gene = _with_columns(table, source)
    try:
        statistics = _statistics.read(table, (cluster, gene))
    except ValueError as error:
        msg = f"{source} cannot be used: {error}"
        raise InputError(msg) from error
    rows = pd.DataFrame({"cluster": table[cluster].str.strip(), "gene": table[gene]})
    is_named = rows["cluster"].ne("") & ~rows["gene"].isin(NO_GENE)
    limit = numbers.NUMBERS.max_p_value
    is_certain = is_named & ~statistics.p_value.gt(limit)
    # If a table has several comparisons of a cluster, a gene must be lower in none of them.
    is_lower = (statistics.lower & is_certain).groupby([rows["cluster"], rows["gene"]]).transform("any")
    kept = rows[is_certain & statistics.higher & ~is_lower]
    kept = kept.loc[_best_first(kept["cluster"], statistics)]
    if kept.empty:
        msg = f"{source} has no row with a cluster and a gene that is higher in it (p <= {limit}) among its "
        msg += f"{len(table)} rows"
        msg += f"; its statistics are {', '.join(statistics.columns)}" if statistics.columns else ""
        msg += "; export the marker table again, with all genes"
        raise InputError(msg)
    markers = {key: list(dict.fromkeys(names)) for key, names in kept.groupby("cluster", sort=False)["gene"]}
    return {str(key): markers.get(key, []) for key in rows["cluster"][is_named].unique()}


def _with_columns(table: pd.DataFrame, source: str) -> tuple[pd.DataFrame, str, str]:
    """The table with one gene per row, its cluster column and its gene column."""
    clusters, genes, lists = (_find(table, names, source) for names in (CLUSTERS, GENES, LISTS))
    candidates = [*genes, *lists]
    # Numbers of genes, and ids, give way to symbols.
    gene = next((name for name in candidates if not _are_ids(table[name])), next(iter(candidates), None))
    if gene is not None and not clusters and (long := _from_wide(table, gene)) is not None:
        table, clusters = long, [CLUSTERS[0]]
    if gene is None or not clusters:
        raise InputError(_missing_columns(table, source, bool(clusters), gene))
    if table.empty:
        msg = f"{source} has no row below its header; export the marker table again"
        raise InputError(msg)
    if gene in lists and ROW_NAMES in table.columns:
        msg = f"{source} has rows with one field more than its header; put quotes around each list of genes"
        raise InputError(msg)
    return _one_gene_per_row(table, gene, gene in lists), clusters[0], gene


def _are_ids(cells: pd.Series) -> bool:
    return 2 * sum(1 for cell in cells if cell.isdigit() or ENSEMBL.match(cell)) > len(cells)


def _one_gene_per_row(table: pd.DataFrame, gene: str, is_list: bool) -> pd.DataFrame:
    cells = table[gene].str.strip()
    if is_list or cells.str.contains(r"[,;]|^\[").any():
        lists = pd.Series([_genes(cell, is_list) for cell in cells], index=table.index, dtype=object)
        return table.assign(**{gene: lists}).explode(gene, ignore_index=True).fillna({gene: ""})
    return table.assign(**{gene: cells})


def _find(table: pd.DataFrame, names: Sequence[str], source: str) -> list[str]:
    """The columns that have one of the names, by its place among them; two with the same one must be equal."""
    compact = {column: words(column).replace(" ", "") for column in table.columns}
    found = []
    for name in names:
        same = [column for column, key in compact.items() if key == name.replace("_", "")]
        other = next((column for column in same[1:] if not table[column].equals(table[same[0]])), None)
        if other is not None:
            msg = f"{source} has the columns {same[0]!r} and {other!r} with different values; delete or rename one"
            raise InputError(msg)
        found += same[:1]
    return found


def _genes(cell: str, is_list: bool) -> list[str]:
    """The genes in a cell: one; or a list with commas, semicolons, bars or blanks, as R, Python or JSON write it."""
    marks = r"[,;|]" if is_list else r"[,;]"
    if not re.search(marks, cell):
        if not is_list and not cell.startswith("["):
            return [cell]
        marks = r"\s"
    parts = re.split(marks, re.sub(r"^c\(", "", cell))
    return [gene for part in parts if (gene := part.strip(_BRACKETS))]


def _best_first(clusters: pd.Series, statistics: RowStatistics) -> pd.Index:
    """The rows by rank or score; if there is neither, in their order if that is one of p-values or fold changes.

    In any other order, such as that of the alphabet, they are sorted by p-value and then by fold change.
    """
    if statistics.order is not None:
        return statistics.order.loc[clusters.index].sort_values(kind="stable").index
    keys = [key.loc[clusters.index] for key in statistics.other_orders]
    steps = [key.groupby(clusters).diff() for key in keys]
    if not keys or any(step.gt(0).any() and not step.lt(0).any() for step in steps):
        return clusters.index
    return pd.DataFrame(dict(enumerate(keys))).sort_values([*range(len(keys))], kind="stable").index


def _from_wide(table: pd.DataFrame, gene: str) -> Optional[pd.DataFrame]:
    """A row per gene and cluster, from a table with columns for each cluster; None if it is not such a table."""
    changes, means, chances = (
        {match["cluster"]: column for column in table.columns if (match := pattern.fullmatch(column.strip()))}
        for pattern in (_WIDE_CHANGE, _WIDE_MEAN, _WIDE_CHANCE)
    )
    if not changes or not changes.keys() <= means.keys():
        return None
    parts = []
    for cluster, change in changes.items():
        part = pd.DataFrame({CLUSTERS[0]: cluster, gene: table[gene], "log2 fold change": table[change]})
        parts.append(part.assign(p_value=table[chances[cluster]] if cluster in chances else ""))
    return pd.concat(parts, ignore_index=True)


def _missing_columns(table: pd.DataFrame, source: str, has_clusters: bool, gene: Optional[str]) -> str:
    there = ", ".join(repr(name[:40]) for name in table.columns[:10])
    msg = (
        f"{source} has the columns {there}; a cluster column ({', '.join(CLUSTERS[:3])}) and a gene column "
        f"({', '.join(GENES[:3])}) are needed; rename the columns"
    )
    if gene is not None:
        return f"{msg}, or, if all rows are of one cluster, add a column that names it"
    nameless = next((name for name in ("", ROW_NAMES, INDEX, "Unnamed: 0") if name in table.columns), None)
    if has_clusters and nameless is not None:
        return f"{msg}; if the genes are in the {nameless or 'first column'}, call it gene"
    return (
        f"{msg}, or put these names above the columns; for a table with a column per cluster, pass the result of "
        "sc.get.rank_genes_groups_df(adata, None), or a dictionary with the list of genes of each cluster"
    )


def clusters_of(markers: Markers, n_markers: int) -> list[ClusterMarkers]:
    """The first genes of each cluster.

    Raises
    ------
    InputError
        If ``markers`` is neither a mapping nor a table of marker genes, or the genes of a cluster are no list of names.
    """
    given = [(_cluster_id(key), genes) for key, genes in _mapping(markers).items()]
    if not given:
        msg = f"markers is empty; pass {FORMS}"
        raise InputError(msg)
    key, times = Counter(key for key, _ in given).most_common(1)[0]
    if times > 1:
        msg = (
            f"markers has cluster {key!r} {times} times, perhaps in keys that differ in type only, such as 1 and '1'; "
        )
        msg += "give each cluster a name of its own"
        raise InputError(msg)
    clusters = [_cluster(key, genes, n_markers) for key, genes in given]
    incomplete = [cluster.cluster_id for cluster in clusters if cluster.warnings]
    if incomplete:
        warn(
            f"missing gene names are left out of the markers of the clusters {', '.join(incomplete[:5])}",
            GeneNameWarning,
        )
    return clusters


def _mapping(markers: Any) -> Union[Mapping[Any, Any], pd.Series]:
    if isinstance(markers, pd.DataFrame):
        try:
            return markers_of(_tables.as_text(markers), "the data frame of markers")
        except InputError:
            raise
        except ValueError as error:
            msg = f"the data frame of markers cannot be used: {error}"
            raise InputError(msg) from error
    if isinstance(markers, (Mapping, pd.Series)):
        return markers
    name = type(markers).__name__
    if isinstance(markers, (str, PathLike)):
        hint = "; read a file with gca.io.read_markers"
    elif hasattr(markers, "obs_names"):
        hint = "; for an AnnData object, call gca.tl.annotate"
    elif hasattr(markers, "to_pandas"):
        hint = "; convert it with its method to_pandas"
    else:
        hint = ""
    msg = f"markers is of type {name}; pass {FORMS}{hint}"
    raise InputError(msg)


def _cluster_id(key: Any) -> str:
    if isinstance(key, bytes) or (not isinstance(key, str) and _is_missing(key)):
        msg = f"markers has a cluster with the name {key!r}; make the names of clusters text or whole numbers"
        raise InputError(msg)
    return str(key)


def _cluster(key: str, genes: Any, n_markers: int) -> ClusterMarkers:
    values = _values(key, genes)
    names = [str(value) for value in values if not _is_missing(value)]
    missing = len(values) - len(names)
    names = list(dict.fromkeys(names))
    # A longer list is cut as a ranking of cells is: ribosomal genes do not take the places of others.
    leading = informative(names, n_markers) if len(names) > n_markers else names
    warnings = (f"{missing} missing gene names were left out",) if missing else ()
    return ClusterMarkers(key, tuple(map(RankedGene, leading)), warnings=warnings)


def _values(key: str, genes: Any) -> list[Any]:
    """The genes of a cluster in a list, in which each is text or missing."""
    what = f"the markers of cluster {key!r} are"
    advice = "give a list of gene symbols, best first"
    if isinstance(genes, (str, bytes, bytearray)):
        msg = f"{what} the text {str(genes)[:40]!r}; {advice}"
        raise InputError(msg)
    if isinstance(genes, (Set, _SET_ITERATOR)):
        msg = f"{what} a set ({type(genes).__name__}), which has no order; {advice}"
        raise InputError(msg)
    if isinstance(genes, (Mapping, pd.DataFrame)):
        msg = f"{what} a {type(genes).__name__}; {advice}, without the genes that are lower in the cluster"
        raise InputError(msg)
    try:
        values = list(genes)
    except TypeError as error:
        msg = f"{what} {str(genes)[:40]!r} of type {type(genes).__name__}, which is not a list; {advice}"
        raise InputError(msg) from error
    if len(values) == 1 and isinstance(values[0], str) and len(re.split(r"[,;\n]", values[0])) > MAX_MERGED:
        msg = f"{what} a single text with several names, {values[0][:40]!r}; give each its own place in the list"
        raise InputError(msg)
    for value in values:
        if not isinstance(value, str) and not _is_missing(value):
            msg = f"{what} not all text: {str(value)[:40]!r} is of type {type(value).__name__}; {advice}"
            raise InputError(msg)
    return values


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip() in NO_GENE
    return (
        value is None
        or value is pd.NA
        or value is pd.NaT
        or (isinstance(value, (float, np.floating)) and value != value)
    )
