"""The genes that separate two types, and what a cluster shows of them."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gca_scanpy as gca
from gca_scanpy._judging.contrast import Seen, contrast, is_separated, question, seen_in, strongest
from gca_scanpy._judging.label import overlap, separating
from gca_scanpy._prepare import index_of
from gca_scanpy._scoring import index
from gca_scanpy.db import _bundled, load

T, CD4, CD8, HEPATOCYTE = "CL:0000084", "CL:0000624", "CL:0000625", "CL:0000182"
ROWS = [
    *(("T cell", gene, "positive") for gene in ("CD3D", "CD3E")),
    *(("CD4-positive, alpha-beta T cell", gene, "positive") for gene in ("CD4", "CD40LG", "CD28")),
    *(("CD8-positive, alpha-beta T cell", gene, "positive") for gene in ("CD8A", "CD8B", "CD28")),
    ("CD8-positive, alpha-beta T cell", "FOXP3", "negative"),
    *(("hepatocyte", gene, "positive") for gene in ("ALB", "APOA1")),
]
FACTS = pd.DataFrame(ROWS, columns=["cell_type", "gene", "role"])
INDEX = index.build(load(FACTS), "human", _bundled.lineages())
BUNDLED = index_of(_bundled.database(), "human")
KEYS = sorted(BUNDLED.types)


def nothing(symbol):
    """A gene of which nothing is known."""
    return Seen(symbol)


def test_shared_genes_separate_nothing_and_ancestors_count():
    """CD28 and the genes of T cells are of both subtypes; against a hepatocyte they speak for each of them."""
    siblings = contrast("0", (CD4, CD8), INDEX, nothing)
    assert {gene.symbol: (gene.speaks_for[:3], gene.kind) for gene in siblings.genes} == {
        "CD4": ("CD4", "marker"), "CD40LG": ("CD4", "marker"), "CD8A": ("CD8", "marker"), "CD8B": ("CD8", "marker"),
        "FOXP3": ("CD4", "negative marker"),
    }  # fmt: skip
    assert siblings.first_id == CD4
    (foxp3,) = (gene for gene in siblings.genes if gene.symbol == "FOXP3")
    assert (foxp3.fact_of[:3], foxp3.is_canonical, foxp3.witnesses) == ("CD8", False, None)
    far = contrast("0", (CD4, HEPATOCYTE), INDEX, nothing)
    assert {g.symbol: g.fact_of for g in far.for_type("CD4-positive, alpha-beta T cell")}["CD3D"] == "T cell"


def test_what_a_gene_says():
    """An expressed gene speaks for its type, a lacking canonical one for the other; an unmeasured gene says nothing."""
    seen = {"CD4": Seen("Cd4", True, is_expressed=True), "CD8A": Seen("Cd8a", True, is_expressed=False)}
    seen |= {"CD8B": Seen("Cd8b1", True), "FOXP3": Seen("Foxp3", True, is_expressed=False)}
    found = contrast("0", (CD4, CD8), INDEX, seen_in(seen))
    says = {gene.gene: gene.says[:3] for gene in found.genes}
    assert says == {"Cd4": "CD4", "Cd8a": "CD4", "Cd8b1": "", "Foxp3": "", "CD40LG": ""}
    assert list(says)[-1] == "CD40LG", "what was not measured comes last"
    assert not found.genes[-1].is_measured
    assert [gene.gene for gene in found.says(found.first)] == list(says)[:2]


@given(st.sampled_from(KEYS), st.sampled_from(KEYS), st.data())
def test_a_contrast_mirrors_its_reverse(first, second, data):
    """The genes, their order and what they say do not depend on which type is the first."""
    symbols = sorted({*separating(first, second, BUNDLED), *separating(second, first, BUNDLED)})
    states = data.draw(st.lists(st.sampled_from([True, False, None]), min_size=len(symbols), max_size=len(symbols)))
    seen = {symbol: Seen(symbol, True, is_expressed=state) for symbol, state in zip(symbols, states)}
    one, other = (contrast("0", pair, BUNDLED, seen_in(seen)) for pair in ((first, second), (second, first)))
    assert one.genes == other.genes
    assert (one.first, one.first_id) == (other.second, other.second_id)
    assert {gene.symbol for gene in one.genes} == set(symbols)
    assert all(gene.speaks_for in (one.first, one.second) for gene in one.genes)


@given(st.sampled_from(KEYS), st.sampled_from(KEYS), st.data())
def test_what_is_found_without_the_whole_contrast(first, second, data):
    """Whether types are separated or overlap, and the strongest of some genes, are those of all genes and all types."""
    whole = contrast("0", (first, second), BUNDLED, nothing).for_type(BUNDLED.types[first].label)
    assert is_separated(first, second, BUNDLED) == bool(whole)
    some = data.draw(st.sets(st.sampled_from(sorted(BUNDLED.known.values())[::50] + [gene.symbol for gene in whole])))
    genes = {gene.symbol: -gene.strength for gene in whole if gene.symbol in some}
    assert strongest(first, second, BUNDLED, some) == sorted(genes, key=lambda symbol: (genes[symbol], symbol))
    lines = [{key, *BUNDLED.lineages.ontology.ancestors(key)} for key in KEYS]
    assert overlap(first, second, BUNDLED) == any({first, second} <= line for line in lines)


@given(st.permutations(ROWS))
def test_the_order_of_the_database_does_not_matter(rows):
    """Shuffled facts give the same contrast."""
    shuffled = index.build(load(pd.DataFrame(rows, columns=FACTS.columns)), "human", _bundled.lineages())
    for pair in ((CD4, CD8), (T, HEPATOCYTE)):
        assert contrast("0", pair, shuffled, nothing).genes == contrast("0", pair, INDEX, nothing).genes


def test_the_open_question():
    """A broad label asks for its subtypes, a fine one for its nearest competitor, an empty cluster for nothing."""
    lists = {
        "B": ["MS4A1", "CD79A", "CD79B", "BANK1"],
        "T": ["CD3D", "CD3E", "TRAC", "CD2", "IL7R"],
        "none": ["XYZ1", "XYZ2"],
    }
    report = gca.annotate_markers(lists, tissue="blood")
    for name in ("B", "T"):
        cluster = report.cluster(name)
        first, second = question(cluster, BUNDLED)
        assert not BUNDLED.lineages.ontology.related(first, second)
        assert separating(first, second, BUNDLED) or separating(second, first, BUNDLED)
    assert question(report.cluster("none"), BUNDLED) is None


@pytest.mark.parametrize("text", ["<b>x</b>", "a & b"])
def test_the_table_of_a_notebook_is_escaped(text):
    """A name of a cluster is text."""
    shown = contrast(text, (CD4, CD8), INDEX, nothing)._repr_html_()
    assert text not in shown
    assert shown.count("<tr>") == 6


def test_canonical_genes_only():
    """Without the other genes, the canonical ones are the same, and far fewer."""
    pair = (CD4, CD8)
    whole, part = (contrast("0", pair, BUNDLED, nothing, canonical=canonical).genes for canonical in (False, True))
    assert part == tuple(gene for gene in whole if gene.is_canonical)
    assert 0 < len(part) < len(whole) / 2
