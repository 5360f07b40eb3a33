"""``gca annotate`` with the files that other programs write, unchanged."""

from __future__ import annotations

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from gca_scanpy import get, io

LABELS = {"0": "B cell", "1": "T cell", "2": "monocyte", "3": "natural killer cell"}
SEURAT = '"","p_val","avg_log2FC","pct.1","pct.2","p_val_adj","cluster","gene"\n'


@pytest.fixture
def cell_ranger(cells, tmp_path):
    """Write a 10x h5 file of raw counts as Cell Ranger does, and its clusters.csv; gives the counts."""
    counts = sparse.csr_matrix(cells.layers["counts"]).astype(np.int32)
    names = cells.var_names.to_numpy().astype("S")
    with h5py.File(tmp_path / "filtered_feature_bc_matrix.h5", "w") as file:
        matrix = file.create_group("matrix")
        matrix["barcodes"] = cells.obs_names.to_numpy().astype("S")
        matrix["shape"] = np.array(counts.shape[::-1], dtype=np.int32)
        for name in ("data", "indices", "indptr"):
            matrix[name] = getattr(counts, name)
        features = matrix.create_group("features")
        features["id"] = np.array([f"ENSG{n:011}" for n in range(len(names))]).astype("S")
        features["name"] = names
        features["feature_type"] = np.array(["Gene Expression"] * len(names)).astype("S")
        features["genome"] = np.array(["GRCh38"] * len(names)).astype("S")
    table = pd.DataFrame({"Barcode": cells.obs_names, "Cluster": cells.obs["cluster"].astype(str)})
    table.to_csv(tmp_path / "clusters.csv", index=False)
    return counts


def test_cell_ranger(gca, cell_ranger, tmp_path):
    """A 10x h5 file with Cell Ranger's table of clusters gives an h5ad file; its counts are as they were."""
    done = gca(
        "annotate",
        "filtered_feature_bc_matrix.h5",
        "--clusters",
        "clusters.csv",
        "--preset",
        "human_pbmc",
        "-o",
        "out.h5ad",
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("Warning: the values look like raw counts")
    adata = anndata.read_h5ad(tmp_path / "out.h5ad")
    assert get.clusters(adata)["broad_label"].to_dict() == LABELS
    assert (cell_ranger != adata.X).nnz == 0
    assert adata.obs["cluster"].astype(str).tolist() == [str(i) for i in range(4) for _ in range(30)]


def test_loom(gca, cells, tmp_path):
    """A loom file gets the columns of the labels, and nothing else changes; a warning says that it has no report."""
    loompy = pytest.importorskip("loompy")
    matrix = cells.X.T.toarray()
    layers = {"": matrix, "spliced": matrix * 2}
    columns = {"CellID": np.array(cells.obs_names), "ClusterID": cells.obs["cluster"].cat.codes.to_numpy()}
    path = str(tmp_path / "in.loom")
    loompy.create(path, layers, {"Gene": np.array(cells.var_names)}, columns, file_attrs={"title": "mine"})
    done = gca("annotate", "in.loom", "--groupby", "ClusterID", "-o", "in.loom", "--force")
    assert done.returncode == 0, done.stderr
    warning = "Warning: a loom file cannot contain the report; write it with --json-report"
    assert sorted(done.stderr.splitlines()) == [warning, "wrote in.loom"]
    with loompy.connect(path, "r") as file:
        labels = {str(key): label for key, label in zip(file.ca["ClusterID"], file.ca["gptca_broad_label"])}
        assert labels == LABELS
        assert file.ca["gptca_confidence_score"].min() > 0.5
        assert file.ca["CellID"].tolist() == cells.obs_names.tolist()
        assert file.attrs["title"] == "mine"
        assert (file["spliced"][:, :] == matrix * 2).all()
        assert (file[:, :] == matrix).all()
    assert [name.name for name in tmp_path.iterdir()] == ["in.loom"]


def test_seurat_and_decoupler(gca, lineages, tmp_path):
    """FindAllMarkers as R's write.csv writes it goes in as it is, and so does a network of decoupler as a database."""
    clusters = {**dict(zip(LABELS, lineages.values())), "own": ["NEAT1", "XIST", "TTTY14"]}
    rows = [
        f'"{gene}",0,{3 - n / 9},0.9,0.1,0,"{key}","{gene}"\n'
        for key, genes in clusters.items()
        for n, gene in enumerate(genes)
    ]
    (tmp_path / "markers.csv").write_text(SEURAT + "".join(rows) + '"CD3D1",0,-2,0.1,0.9,0,"0","CD3D"\n')
    edges = [f"hepatocyte,{gene},1.0\n" for gene in clusters["own"]]
    (tmp_path / "net.csv").write_text("source,target,weight\n" + "".join(edges) + "neuron,XIST,-1.0\n")
    done = gca("annotate", "markers.csv", "--marker-db", "bundled", "--marker-db", "net.csv", "-o", "out.tsv")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "out.tsv", sep="\t", index_col=0, dtype=str)
    assert table["broad_label"].drop("own").to_dict() == LABELS
    assert table.loc["own", "proposed_label"] == "hepatocyte"


def test_scanpy(gca, cells, tmp_path):
    """rank_genes_groups_df goes in as it is."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", method="t-test")
    sc.get.rank_genes_groups_df(cells, group=None).to_csv(tmp_path / "markers.csv")
    done = gca("annotate", "markers.csv", "--tissue", "blood", "--json-report", "out.json")
    assert done.returncode == 0, done.stderr
    report = io.read_report(tmp_path / "out.json")
    assert {c.cluster_id: c.broad_label for c in report.clusters} == LABELS
