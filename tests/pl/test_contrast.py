"""The dot plot of the genes that separate two types."""

from __future__ import annotations

import pytest

import gca_scanpy as gca
from gca_scanpy.errors import InputError


@pytest.fixture
def labeled(cells):
    """Label the planted cells."""
    gca.tl.annotate(cells, "cluster", tissue="blood")
    return cells


@pytest.mark.parametrize("n_genes", [1, 6, 15])
def test_two_groups_and_the_clusters_of_both_types(labeled, n_genes):
    """The rows are the clusters of the two types, the columns their markers that the data have."""
    plot = gca.pl.contrast(labeled, "0", "B cell", "T cell", n_genes=n_genes, return_fig=True)
    assert list(plot.categories) == ["0 · B cell", "1 · T cell"]
    found, genes = gca.get.contrast(labeled, "0", "B cell", "T cell"), []
    for label in ("B cell", "T cell"):
        of_type = [gene.gene for gene in found.for_type(label) if gene.is_measured and gene.kind == "marker"]
        genes += of_type[:n_genes]
    assert list(plot.var_names) == genes


def test_axes_and_files(labeled, tmp_path):
    """Like Scanpy's, the plot gives its axes and is saved; an option that there is not is Scanpy's error."""
    axes = gca.pl.contrast(labeled, "0", "B cell", "T cell", show=False, save=tmp_path / "c.png")
    assert "mainplot_ax" in axes
    assert (tmp_path / "c.png").stat().st_size > 1000


def test_nothing_to_show(plant_types):
    """The message names the two types."""
    adata = plant_types({"0": ["ALB", "APOA1", "TTR"], "1": ["MS4A1", "CD79A"]})
    gca.tl.annotate(adata, "cluster")
    with pytest.raises(InputError, match="none of the genes that separate podocyte from "):
        gca.pl.contrast(adata, "0", "podocyte", "parietal epithelial cell")
