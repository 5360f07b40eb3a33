"""The genes of a matrix: their names, their symbols, and which features are genes at all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
import numpy.typing as npt
import pandas as pd
from attrs import define

from gca_scanpy._adata.matrix import as_numbers, in_memory
from gca_scanpy._adata.objects import Source, column_of, select_matrix, to_strings
from gca_scanpy._names.genes import ENSEMBL, GeneNames, clean, genome_of
from gca_scanpy.errors import InputError, MissingKeyError, NoOverlapError

if TYPE_CHECKING:
    from anndata import AnnData

# Names of the symbol column in 10x, CELLxGENE, Ensembl BioMart, monocle, Seurat converters and scvi-tools. They decide
# only between columns that have the same number of known symbols.
SYMBOL_COLUMNS = (
    "gene_symbols", "gene_symbol", "feature_name", "gene_name", "gene_names", "gene_short_name", "symbol", "symbols",
    "hgnc_symbol", "mgi_symbol", "external_gene_name", "genesymbol", "features", "_index", "gene", "name",
)  # fmt: skip
TYPE_COLUMNS = ("feature_types", "feature_type", "featuretype", "modality", "feature_biotype")
GENE_TYPES = ("gene expression", "gene", "genes", "rna", "mrna", "gex", "expression", "transcriptome")
# Also within longer names, such as "Surface Protein", "VDJ-T" and "Negative Control Codeword".
_OTHER_TYPE = re.compile(
    r"\b(?:antibod(?:y|ies)|ab|proteins?(?! coding)|prot|adt|hto|peaks?|atac|crispr|guides?|s?grna|multiplex\w*"
    r"|hashtags?|antigen|vdj|custom|spike ins?|ercc|metabolites?|chromatin|codeword|control|isotype|lipids?)\b"
)
MAX_TYPES = 20  # a column with more values does not name the types of features
CHECKED_GENES = 2_000  # evenly spaced genes whose names are looked up to find the column of symbols
MIN_KNOWN = 1 / 3  # share of known symbols from which the index is used
MIN_KNOWN_OF_COLUMN = 0.1
EXAMPLES = 3
_NUMBER = re.compile(r"\d+(?:\.0)?")
_MISSING = re.compile(rf"{_NUMBER.pattern}|(?:nan|none|null|na|n/a|<na>|[-.?]*)(?:[-.]\d+)?", re.IGNORECASE)
_COPY = re.compile(r"[-_.]\d+$")  # a concatenation numbers columns that differ between its parts


@define(eq=False)
class Genes:
    """The features of a matrix, in the order of its columns.

    Attributes
    ----------
    names
        The names in the data: the index of the table.
    labels
        How reports and plots name them: by symbol as far as it is known.
    are_genes
        Whether a feature is a gene, not a protein, a peak or a guide; shape (features,).
    others
        Number of features of other types, by type.
    column
        The column that has the symbols; None for the index.
    """

    names: list[str]
    labels: list[str]
    are_genes: npt.NDArray[np.bool_]
    others: Mapping[str, int]
    column: Optional[str]

    @property
    def by_name(self) -> dict[str, str]:
        """Labels of the genes by name in the data; of two genes with one name, the first."""
        pairs = zip(self.names, self.labels, self.are_genes)
        return dict(reversed([(name, label) for name, label, is_gene in pairs if is_gene]))

    @property
    def excluded(self) -> set[str]:
        """Names of the features that are not genes."""
        return {name for name, is_gene in zip(self.names, self.are_genes) if not is_gene}


def read_genes(
    adata: AnnData, use_raw: Optional[bool], layer: Optional[str], gene_symbols: Optional[str], known: GeneNames
) -> Genes:
    """The genes of the matrix that Scanpy would select.

    Symbols that the table of this matrix lacks are looked up in the other table (``.var`` or ``.raw.var``) by name.
    Bare numbers are never looked up there, because they are mostly positions, which differ between the tables.

    Raises
    ------
    MissingKeyError
        If there is no such layer, or no table has the column ``gene_symbols``.
    NoOverlapError
        If the names are bare numbers, and no column has other names.
    InputError
        If no feature is a gene.
    """
    source = select_matrix(adata, use_raw, layer)
    names = to_strings(source.var.index)
    column, labels = _labels(source, names, gene_symbols, known)
    are_genes, others = _feature_types(source, names)
    if names and not are_genes.any():
        found = ", ".join(f"{count:,} {kind}" for kind, count in others.items())
        msg = f"{source.place} has no genes, but {found}; choose a matrix of gene expression"
        raise InputError(msg)
    return Genes(names, labels, are_genes, others, column)


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


def _labels(
    source: Source, names: list[str], gene_symbols: Optional[str], known: GeneNames
) -> tuple[Optional[str], list[str]]:
    """The column of the symbols, and the label of each gene."""
    if gene_symbols is not None and not any(gene_symbols in table.columns for table in source.tables):
        columns = ", ".join(map(str, source.var.columns)) or "none"
        msg = f"there is no {source.place}[{gene_symbols!r}]; columns: {columns}"
        raise MissingKeyError(msg)
    column, labels = labels_of(source.var, gene_symbols, known)
    others: list[str] = []
    if source.other is not None:
        other_column, others = labels_of(source.other, gene_symbols, known)
        # Of two genes with one name, the first counts.
        by_name = dict(zip(reversed(to_strings(source.other.index)), reversed(others)))
        joined = [
            by_name.get(name, name) if label == name and not _NUMBER.fullmatch(name) else label
            for name, label in zip(names, labels)
        ]
        if joined != labels:
            column, labels = column or other_column, joined
    labels = _with_genomes(source.var, [known.shown(label) for label in labels])
    _check_readable(source, labels, others, known)
    return column, labels


def _with_genomes(var: pd.DataFrame, labels: list[str]) -> list[str]:
    """The labels with the genome of each gene, if a column ``genome`` has those of several species.

    The pipeline then reads the genes of one species only, as it does for names such as ``GRCh38_CD3D``.
    """
    position = next((n for n, name in enumerate(var.columns) if _usual(name) == "genome"), None)
    if position is None:
        return labels
    genomes = var.iloc[:, position].astype(str)
    species = {genome: genome_of(f"{genome}_GENE") for genome in genomes.unique()}
    if len({*species.values()} - {None}) < 2:
        return labels
    return [label if genome_of(label) else f"{genome}_{label}" for label, genome in zip(labels, genomes)]


def _check_readable(source: Source, labels: Sequence[str], others: Sequence[str], known: GeneNames) -> None:
    """Raise if the genes have no names, or if only the other table has symbols, and the two share no name."""
    numbers = sum(1 for label in labels if _NUMBER.fullmatch(label))
    strange = not _known(_spread(labels), known)[0] and _known(_spread(others), known)[0] >= MIN_KNOWN * len(others)
    if 2 * numbers > len(labels) or (others and strange):
        elsewhere = f"{source.other_place} has symbols, but shares no name with it; " if others and strange else ""
        msg = (
            f"the genes of {source.place} have no symbols or Ensembl ids, but names such as "
            f"{', '.join(labels[:EXAMPLES])}; {elsewhere}add a column of symbols to {source.place}, or choose another "
            "matrix with use_raw= or layer="
        )
        raise NoOverlapError(msg)


def labels_of(var: pd.DataFrame, gene_symbols: Optional[str], known: GeneNames) -> tuple[Optional[str], list[str]]:
    """The column of a table of genes that has the symbols, None for the index, and the symbol of each gene.

    Without ``gene_symbols``, the column with the most known symbols is used if few names of the index are symbols. If
    the index is bare numbers, and there are no symbols, the column with the most Ensembl ids is used. If the value of a
    gene is missing, the index is used.
    """
    index = to_strings(var.index)
    position: Optional[int] = None
    if gene_symbols is None:
        position = _symbol_column(var, index, known)
    elif gene_symbols in var.columns:
        column_of(var, gene_symbols)  # refuses two columns of this name
        position = list(map(str, var.columns)).index(gene_symbols)
    if position is None:
        return None, index
    values = [None if pd.isna(value) else str(value).strip() for value in var.iloc[:, position].astype(object)]
    labels = [name if value is None or _MISSING.fullmatch(value) else value for name, value in zip(index, values)]
    return str(var.columns[position]), labels


def _symbol_column(var: pd.DataFrame, index: Sequence[str], known: GeneNames) -> Optional[int]:
    """The position of the column with the symbols; None if the index has them, or nothing has."""
    checked = _spread(range(len(index)))
    names = [index[i] for i in checked]
    n_symbols, n_ids = _known(names, known)
    if n_symbols >= MIN_KNOWN * len(checked):
        return None
    has_ids = 2 * (n_ids + sum(1 for name in names if _NUMBER.fullmatch(name))) > len(names)
    best, best_score = None, (n_symbols, n_ids, -len(SYMBOL_COLUMNS))
    for position, name in enumerate(var.columns):
        column = var.iloc[:, position]
        if pd.api.types.is_numeric_dtype(column.dtype):
            continue
        values = [str(value).strip() for value in column.iloc[checked].astype(object) if not pd.isna(value)]
        symbols, ids = _known(values, known)
        if symbols < MIN_KNOWN_OF_COLUMN * len(checked):
            # The symbols of a species that no table lists: the name of the column decides.
            symbols = int(has_ids and _usual(name) in SYMBOL_COLUMNS and 2 * ids < len(values))
        score = (symbols, ids, _rank(name))
        if score[:2] > (n_symbols, n_ids) and score > best_score:
            best, best_score = position, score
    return best


def _spread(items: Sequence[Any]) -> list[Any]:
    """Some evenly spaced items."""
    chosen = np.linspace(0, len(items) - 1, min(len(items), CHECKED_GENES)).astype(np.intp)
    return [items[i] for i in np.unique(chosen)]


def _usual(column: object) -> str:
    """The name of a column without case, blanks, and the number that a concatenation adds."""
    return re.sub(r"[\s.]+", "_", _COPY.sub("", str(column).strip().casefold()))


def _rank(column: object) -> int:
    """How usual a name is for a column of symbols; at most 0."""
    name = _usual(column)
    return -SYMBOL_COLUMNS.index(name) if name in SYMBOL_COLUMNS else -len(SYMBOL_COLUMNS)


def _known(names: Sequence[str], known: GeneNames) -> tuple[int, int]:
    """How many distinct names are known symbols, and how many are Ensembl ids."""
    distinct = set(names)
    odd = [name for name in distinct if not known.is_current(name)]
    others = [name for name in odd if not ENSEMBL.match(clean(name))]
    # Mouse, because its names are looked up among the human ones, too.
    n_unread = sum(1 for name in others if known.canonical(name, "mouse", {}) is None)
    return len(distinct) - len(odd) + len(others) - n_unread, len(odd) - len(others)


def _feature_types(source: Source, names: Sequence[str]) -> tuple[npt.NDArray[np.bool_], dict[str, int]]:
    """Which features are genes, and the number of the others by type.

    If a type says that a feature is a gene, all features of other types are not. Features without a type are genes.
    """
    types = _types_of(source.var)
    if types is None and source.other is not None:
        others = _types_of(source.other)
        by_name = dict(zip(_numbered(to_strings(source.other.index)), others)) if others is not None else {}
        types = [None if _NUMBER.fullmatch(key[0]) else by_name.get(key) for key in _numbered(names)]
    if types is None:
        return np.ones(len(names), dtype=bool), {}
    keys = {kind: _key(kind) for kind in set(types) if kind is not None}
    has_genes = any(key in GENE_TYPES for key in keys.values())
    excluded = {kind for kind, key in keys.items() if (key not in GENE_TYPES if has_genes else _OTHER_TYPE.search(key))}
    counts = Counter(kind for kind in types if kind in excluded)
    return np.array([kind not in excluded for kind in types], dtype=bool), dict(counts.most_common())


def _numbered(names: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Each name with how often it came before, because a gene and its protein may have one name."""
    before: Counter[str] = Counter()
    for name in names:
        yield name, before[name]
        before[name] += 1


def _types_of(var: pd.DataFrame) -> Optional[list[Optional[str]]]:
    """The type of each feature, from the first column of types that names one that is known.

    A column of another name is one if it has genes and another type.
    """
    for is_usual in (True, False):
        for position, name in enumerate(var.columns):
            column = var.iloc[:, position]
            if (_usual(name) in TYPE_COLUMNS) != is_usual or pd.api.types.is_numeric_dtype(column.dtype):
                continue
            kinds = {_key(str(value)) for value in column.dropna().astype(object).unique()[: MAX_TYPES + 1]}
            has_genes = any(kind in GENE_TYPES for kind in kinds)
            has_others = len(kinds) <= MAX_TYPES and any(map(_OTHER_TYPE.search, kinds))
            if (has_genes or has_others) if is_usual else (has_genes and has_others):
                return [None if pd.isna(value) else str(value) for value in column.astype(object)]
    return None


def _key(kind: str) -> str:
    kind = re.sub(r"^b'(.*)'$", r"\1", kind)  # bytes of HDF5 that were made text
    return re.sub(r"[\s_.-]+", " ", kind).strip().casefold()
