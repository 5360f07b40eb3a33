"""The weight of each gene of a cluster."""

from __future__ import annotations

import pytest

from gca_scanpy._scoring import numbers
from gca_scanpy._scoring.weights import Weights
from gca_scanpy._steps import ClusterMarkers, RankedGene


def genes_of(text):
    """Genes that are their own symbols; ``?x`` is one that could not be mapped."""
    return tuple(RankedGene(g, None if g[0] == "?" else g) for g in text.split())


def cluster(text, **others):
    """Make a cluster with these genes."""
    return ClusterMarkers("0", genes_of(text), **{key: genes_of(value) for key, value in others.items()})


def test_the_weight_of_a_gene_falls_with_its_rank():
    """The first gene counts in full, the one at rank 25 by half, and each less than the one before."""
    genes = Weights.of(cluster(" ".join(f"G{i}" for i in range(40)))).ranked
    weights = [gene.weight for gene in genes]
    assert weights[0] == 1.0
    assert weights[numbers.NUMBERS.rank_half] == 0.5
    assert weights == sorted(weights, reverse=True)
    assert len(set(weights)) == 40


def test_unmapped_and_repeated_genes():
    """A gene without symbol counts nothing but keeps its rank; one that comes twice counts at its first rank."""
    genes = Weights.of(cluster("?x CD3D ?y CD3D")).ranked
    assert [(g.symbol, g.weight) for g in genes] == [("CD3D", 25 / 26)]


def test_two_orders_are_averaged():
    """Where expression stands beside another ranking, a gene high in both is first, and each is there once."""
    genes = Weights.of(cluster("CD3D CD19", expressed="CD3D MS4A1")).ranked
    weights = {g.symbol: g.weight for g in genes}
    assert weights["CD3D"] == pytest.approx(1.0)
    assert weights["CD19"] < weights["MS4A1"] < weights["CD3D"]


def test_genes_beside_the_ranking():
    """What cells express or lack beyond the ranking: each gene once, no ranked one, no unmapped one."""
    made = cluster("CD3D", expressed="CD2", present="CD3D CD2 CD3E ?x CD3E RPL3", absent="CD19 CD3D CD19")
    present, absent = numbers.NUMBERS.present_weight, numbers.NUMBERS.absent_weight
    assert [(g.symbol, g.weight) for g in Weights.of(made).present] == [("CD3E", present), ("RPL3", present / 4)]
    assert [(g.symbol, g.weight) for g in Weights.of(made).absent] == [("CD19", absent)]


def test_genes_of_a_state_step_aside():
    """They have a quarter of their weight, and the others the ranks that they would have without them."""
    alone = Weights.of(cluster("CD3D CD3E"))
    cycling = Weights.of(cluster("MKI67 CD3D TOP2A CENPF CD3E"))
    assert cycling.free == alone.ranked
    bound = {gene.symbol: gene.weight for gene in cycling.ranked if gene.symbol in cycling.states.bound}
    assert bound["MKI67"] == numbers.NUMBERS.state_weight
    assert set(bound) == {"MKI67", "TOP2A", "CENPF"}
