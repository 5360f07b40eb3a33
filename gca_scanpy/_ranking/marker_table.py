"""From a table of marker genes, as other tools write it, to the marker genes of each cluster."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Optional

import pandas as pd

from gca_scanpy import _statistics
from gca_scanpy._direction_words import words
from gca_scanpy._names.gene_forms import ENSEMBL
from gca_scanpy._scoring import numbers
from gca_scanpy._statistics import RowStatistics
from gca_scanpy._tables import INDEX
from gca_scanpy._text_tables import ROW_NAMES
from gca_scanpy.errors import InputError

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
_BRACKETS = " \t\r\n[](){}\"'"


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
