"""The genes of a matrix: names of .var and .raw.var, and features of other types."""

from __future__ import annotations

import anndata
import numpy as np
import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy._adata.genes import read_genes
from gca_scanpy.db import _bundled
from gca_scanpy.errors import GeneNameWarning, InputError, MissingKeyError, NoOverlapError, RankingWarning


def genes_of(adata, use_raw=None, layer=None, gene_symbols=None):
    """The genes that a run would read."""
    return read_genes(adata, use_raw, layer, gene_symbols, _bundled.gene_names())


def ids_of(names):
    """Ensembl ids of symbols; made up for those that have none."""
    by_symbol = {symbol: key for key, symbol in _bundled.gene_names().ensembl.items()}
    return [by_symbol.get(name, f"ENSG{i:011d}") for i, name in enumerate(names)]


def labels(adata, key="gptca"):
    """Proposed labels by cluster."""
    return {c.cluster_id: c.annotation.proposed_label for c in gca.get.report(adata, key).clusters}


@pytest.fixture
def expected(plant):
    """The labels of the planted cells."""
    return labels(gca.tl.annotate(plant(), "cluster", tissue="blood", copy=True))


def seurat_disk(cells, column="_index", var_column="features"):
    """The tables of SeuratDisk's h5ad: positions as index of .raw.var and of the variable genes in .var."""
    names = list(cells.var_names)
    raw = anndata.AnnData(cells.X.copy(), obs=cells.obs, var=pd.DataFrame({column: names}, index=_positions(names)))
    chosen = names[::-1][:30]  # in another order than in .raw, and fewer
    var = pd.DataFrame({var_column: chosen}, index=_positions(chosen))
    adata = anndata.AnnData(cells[:, chosen].X.copy(), obs=cells.obs, var=var)
    adata.raw = raw
    return adata


def _positions(names):
    return [str(i) for i in range(len(names))]


@pytest.mark.parametrize("column", ["_index", "features", "gene_ids"])
def test_positions_of_seurat_disk(cells, expected, column):
    """The names of .raw.var are in a column, and positions are never looked up in .var."""
    adata = seurat_disk(cells, column)
    assert genes_of(adata).labels == list(cells.var_names)
    gca.tl.annotate(adata, "cluster", tissue="blood")
    assert labels(adata) == expected
    assert gca.get.report(adata).parameters["gene_symbols"] == column


def test_a_stored_ranking_of_positions(cells, expected):
    """The positions in a stored ranking are those of the matrix that was ranked."""
    import scanpy as sc

    for use_raw in (True, False):
        adata = seurat_disk(cells)
        sc.tl.rank_genes_groups(adata, "cluster", method="wilcoxon", use_raw=use_raw)
        gca.tl.annotate(adata, "cluster", tissue="blood")
        report = gca.get.report(adata)
        assert report.parameters["rank_key"] == "rank_genes_groups"
        assert report.parameters["use_raw"] == str(use_raw)
        names = set(cells.var_names if use_raw else adata.var["features"])
        assert {gene for c in report.clusters for gene in c.validation.supporting_markers} <= names
        if use_raw:
            assert labels(adata) == expected


def test_positions_without_names(cells, content):
    """Positions without a column of names are refused, although .var has names."""
    adata = seurat_disk(cells)
    raw = adata.raw.to_adata()
    del raw.var["_index"]
    adata.raw = raw
    before = content(adata)
    with pytest.raises(NoOverlapError, match=r"\.raw\.var have no symbols.*0, 1, 2.*\.var has symbols, but"):
        gca.tl.annotate(adata, "cluster")
    assert content(adata) == before
    assert len(genes_of(adata, use_raw=False).labels) == 30


def test_names_that_do_not_overlap(cells):
    """Ids that nothing maps are not joined to the symbols of the other table by position, but refused."""
    raw = cells.copy()
    raw.var_names = [f"ENSMUSG{i:011d}" for i in range(cells.n_vars)]
    cells.raw = raw
    with pytest.raises(NoOverlapError, match=r"such as ENSMUSG0+, .* \.var has symbols, but shares no name with it"):
        gca.tl.annotate(cells, "cluster")


@pytest.mark.parametrize("form", ["zarr", "h5ad", "backed"])
def test_positions_in_files(cells, expected, tmp_path, form):
    """The same for a lazily read store and a backed file."""
    adata = seurat_disk(cells, "features")
    path = tmp_path / f"x.{'zarr' if form == 'zarr' else 'h5ad'}"
    (adata.write_zarr if form == "zarr" else adata.write_h5ad)(path)
    if form == "backed":
        read = anndata.read_h5ad(path, backed="r")
    elif hasattr(anndata.experimental, "read_lazy"):
        pytest.importorskip("dask.array")
        pytest.importorskip("xarray")
        read = anndata.experimental.read_lazy(path)
    else:
        pytest.skip("this anndata does not read lazily")
    gca.tl.annotate(read, "cluster", tissue="blood")
    assert labels(read) == expected


def test_a_column_that_is_not_there(cells):
    """A wrong gene_symbols= is an error that lists the columns."""
    cells.var["n_cells"] = 1
    with pytest.raises(MissingKeyError, match=r"no \.var\['symbols'\]; columns: n_cells"):
        genes_of(cells, gene_symbols="symbols")


@pytest.mark.parametrize("column", [None, "Gene name", "mgi_symbol"])
def test_evidence_shows_symbols(cells, expected, column):
    """Ensembl ids as var_names: evidence, tables, notes and plots show symbols, with a column of them or without."""
    names = list(cells.var_names)
    cells.var_names = ids_of(names)
    if column is not None:
        cells.var[column] = [name if i % 2 else None for i, name in enumerate(names)]
    gca.tl.annotate(cells, "cluster", tissue="blood")
    assert labels(cells) == expected
    assert "ENSG0" not in cells.uns["gptca"]["report"]
    assert gca.get.report(cells).parameters.get("gene_symbols") == column
    supporting = gca.get.report(cells).cluster("0").validation.supporting_markers
    assert "CD79A" in supporting
    plot = gca.pl.evidence(cells, show=False, return_fig=True)
    assert set(plot.var_names) <= set(names)


def test_evidence_of_lists_shows_symbols(lineages):
    """The same for lists of genes, and for names that have both."""
    ids = ids_of(lineages["B cell"])
    for names in (ids, [f"{name}_{key}" for name, key in zip(lineages["B cell"], ids)]):
        cluster = gca.annotate_markers({"0": names}, tissue="blood").cluster("0")
        assert set(cluster.validation.supporting_markers) <= set(lineages["B cell"])
        assert cluster.annotation.proposed_label.endswith("B cell")


PROTEINS = {"CD14": "2", "CD34": "0", "PPBP": "1"}  # by the cluster in which they are high


def with_proteins(cells, column="feature_types", value="Antibody Capture", gene="Gene Expression"):
    """The cells with proteins that are high in clusters of other types."""
    rng = np.random.default_rng(0)
    high = np.array([[5.0 if key == cluster else 0.1 for cluster in PROTEINS.values()] for key in cells.obs["cluster"]])
    high += rng.random(high.shape) / 10
    both = np.hstack([cells.X.toarray(), high.astype(np.float32)])
    index = [*cells.var_names, *PROTEINS]
    types = [gene] * cells.n_vars + [value] * len(PROTEINS)
    return anndata.AnnData(both, obs=cells.obs.copy(), var=pd.DataFrame({column: types}, index=index))


@pytest.mark.filterwarnings("ignore:Variable names are not unique")
@pytest.mark.parametrize(
    ("column", "value", "gene"),
    [
        ("feature_types", "Antibody Capture", "Gene Expression"),
        ("feature_types", "CRISPR Guide Capture", "Gene Expression"),
        ("feature_types", "Custom", "Gene Expression"),
        ("feature_types", "Negative Control Probe", "Gene Expression"),
        ("feature_type", "Peaks", "Gene Expression"),
        ("Feature Type", "protein", "gene"),
        ("modality", "prot", "rna"),
        ("feature_types-0", "Antibody Capture", None),
        ("feature_biotype", "spike-in", "gene"),
        ("feature_type", "antibody_capture", "protein_coding"),
        ("feature_types", "Multiplexing Capture", None),
        ("feature_types", "Surface Protein", None),
        ("feature_types", "sgRNA", None),
        ("feature_types", "Hashtag oligos", None),
        ("feature_types", "VDJ-T", None),
        ("feature_types", "Unassigned Codeword", None),
        ("feature_types", "b'Antibody Capture'", "b'Gene Expression'"),
        ("Type", "Antibody Capture", "Gene Expression"),
        ("assay", "ADT", "RNA"),
        ("mod", "prot", "rna"),
    ],
)
def test_only_genes_are_ranked(cells, expected, rank, column, value, gene):
    """Features of other types are left out of the ranking and of the evidence, which is said with their number."""
    adata = with_proteins(cells, column, value, gene)
    with pytest.warns(RankingWarning, match=f"only the 68 genes of the matrix are ranked; it also has 3 {value}"):
        gca.tl.annotate(adata, "cluster", tissue="blood")
    assert labels(adata) == expected
    assert gca.get.report(adata).warnings[0].startswith("only the 68 genes")


@pytest.mark.filterwarnings("ignore:Variable names are not unique")
@pytest.mark.parametrize("place", ["raw", "raw without types", "layer", "chunked", "sparse", "stored", "backed"])
def test_only_genes_are_ranked_everywhere(cells, expected, place, tmp_path):
    """The same in .raw, a layer, chunks of Dask, a sparse matrix, a backed file, and for a stored ranking."""
    import scanpy as sc

    adata, options = with_proteins(cells), {}
    if place.startswith("raw"):
        adata.raw = adata.copy()
        if place != "raw":
            del adata.raw.var["feature_types"]
    elif place == "layer":
        adata.layers["log"], options = adata.X.copy(), {"layer": "log"}
    elif place == "chunked":
        adata.X = pytest.importorskip("dask.array").from_array(adata.X, chunks=(50, 20))
    elif place == "sparse":
        from scipy import sparse

        adata.X = sparse.csc_matrix(adata.X)
    elif place == "stored":
        sc.tl.rank_genes_groups(adata, "cluster", method="wilcoxon")
    elif place == "backed":
        adata.write_h5ad(tmp_path / "x.h5ad")
        adata = anndata.read_h5ad(tmp_path / "x.h5ad", backed="r")
    with pytest.warns(RankingWarning, match="it also has 3 Antibody Capture"):
        gca.tl.annotate(adata, "cluster", tissue="blood", **options)
    assert labels(adata) == expected


def test_no_genes_at_all(cells):
    """A matrix of proteins only is refused."""
    cells.var["feature_types"] = "Antibody Capture"
    with pytest.raises(InputError, match=r"\.var has no genes, but 68 Antibody Capture; choose a matrix of gene exp"):
        gca.tl.annotate(cells, "cluster")


@pytest.mark.filterwarnings("ignore:Variable names are not unique")
@pytest.mark.parametrize("species", ["human", "mouse"])
def test_a_column_of_genomes(cells, species):
    """If a column has the genomes of two species, only the genes of one count, which is said."""
    mouse = cells[np.roll(np.arange(cells.n_obs), 30)]  # each cluster has the mouse genes of another type
    var = pd.DataFrame(
        {"genome": ["GRCh38"] * cells.n_vars + ["mm10"] * cells.n_vars},
        index=[*cells.var_names, *map(str.capitalize, mouse.var_names)],
    )
    both = anndata.AnnData(np.hstack([cells.X.toarray(), mouse.X.toarray()]), obs=cells.obs, var=var)
    with pytest.warns(GeneNameWarning, match=f"only those of {species} are read"):
        gca.tl.annotate(both, "cluster", species=species, tissue="blood")
    types = ["B cell", "T cell", "monocyte", "natural killer cell"]
    found = [cluster.broad_label for cluster in gca.get.report(both).clusters]
    assert found == (types if species == "human" else [types[-1], *types[:-1]])
    cells.var["genome"] = "GRCh38"
    assert genes_of(cells).labels == list(cells.var_names)


@pytest.mark.parametrize("values", ["Gene Expression", "protein_coding", np.nan, "x"])
def test_types_that_exclude_nothing(cells, values):
    """Genes only, a biotype, missing and unknown types: all features are genes."""
    cells.var["feature_type"] = values
    assert genes_of(cells).are_genes.all()
