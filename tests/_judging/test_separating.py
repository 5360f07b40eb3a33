"""Which genes tell a label from its nearest competitor, and what follows if the data lack them."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy._judging.judge import judge
from gca_scanpy._judging.label import Apart
from gca_scanpy._prepare import index_of
from gca_scanpy._reporting.report import cluster_report
from gca_scanpy._scoring import index
from gca_scanpy._scoring.case import Case, Limits
from gca_scanpy._steps import ClusterMarkers, RankedGene, Verdict
from gca_scanpy.db import _bundled, load

T, CD4, CD8 = "CL:0000084", "CL:0000624", "CL:0000625"
GENES = {
    "T cell": "CD3D CD3E TRAC CD2",
    "CD4-positive, alpha-beta T cell": "CD4 CD40LG CD28",
    "CD8-positive, alpha-beta T cell": "CD8A CD8B CD28",
    "hepatocyte": "ALB APOA1 TTR",
}
FACTS = pd.DataFrame([(t, g) for t, genes in GENES.items() for g in genes.split()], columns=["cell_type", "gene"])
INDEX = index.build(load(FACTS), "human", _bundled.lineages())
BUNDLED = index_of(_bundled.database(), "human")
T_GENES = "CD3D CD3E TRAC CD2 CD28"


def case_of(genes, measured=None, used=INDEX):
    """Make a case of these genes; ``measured`` are further genes of the data, None if it is not known."""
    ranked = tuple(RankedGene(gene, gene) for gene in genes.split())
    known = None if measured is None else frozenset((*genes.split(), *measured.split()))
    return Case.of(ClusterMarkers("0", ranked, measured=known), used, (), Limits(2, 0.2, 0.6))


def judged(label, case, source="user"):
    """Judge a label that is as sure as can be; its report."""
    term = case.index.lineages.ontology.resolve(label)
    verdict = Verdict("0", label, term, 0.99, source)
    return cluster_report(case, judge(case, verdict), force_unknown=True)


def test_the_genes_are_those_of_one_type_only():
    """Canonical markers of one that the other has not, its own first; shared and inherited ones are none."""
    apart = Apart.of(CD8, case_of(f"{T_GENES} CD8A CD8B CD4"))
    assert apart.competitor.id == CD4
    assert (apart.of_label, apart.of_competitor) == (("CD8A", "CD8B"), ("CD4", "CD40LG"))


def test_a_competitor_excludes_the_label():
    """An ancestor or a subtype is none; a type of the same broad type comes before a better one of another."""
    assert Apart.of(T, case_of(T_GENES)) is None
    assert Apart.of(T, case_of(f"{T_GENES} CD8A ALB APOA1")).competitor.label == "hepatocyte"
    assert Apart.of(CD8, case_of("CD8A CD8B CD28 ALB APOA1 TTR")).competitor.id == CD4
    assert Apart.of("no type", case_of(T_GENES)) is None


def test_types_with_a_subtype_in_common_do_not_compete():
    """A naive CD4 T cell is a naive T cell and a CD4 T cell, so nothing has to tell these two apart."""
    case = case_of(f"{T_GENES} CD4 CCR7 SELL TCF7 LEF1 MAL", used=BUNDLED)
    naive = BUNDLED.lineages.ontology.resolve("naive T cell")
    assert naive in {candidate.ontology_id for candidate in case.candidates}
    assert Apart.of(CD4, case).competitor.id != naive


@pytest.mark.parametrize(
    ("measured", "counts", "confidence"),
    [
        ("", (4, 0), "Medium"),
        ("CD4", (4, 1), "High"),
        ("CD4 CD40LG CD8A CD8B", (4, 4), "High"),
        (None, None, "High"),
    ],
)
def test_a_label_without_a_measured_gene_is_not_high(measured, counts, confidence):
    """How many separating genes the data have; none of them makes it Medium, and unknown makes nothing."""
    report = judged("CD8-positive, alpha-beta T cell", case_of(T_GENES, measured), "offline")
    found = report.validation.separation
    assert (None if found is None else (found.n_genes, found.n_measured)) == counts
    assert (report.status, report.confidence) == ("supported", confidence)
    assert ("separating_genes_unmeasured" in report.validation.flag_reasons) == (counts == (4, 0))


def test_the_note_names_the_competitor_and_its_genes():
    """A reader learns what to measure, and for a subtype how much of it was measured."""
    none = judged("CD8-positive, alpha-beta T cell", case_of(T_GENES, ""))
    assert none.validation.notes[-1].endswith(
        "tell CD8-positive, alpha-beta T cell from CD4-positive, alpha-beta T cell, such as CD8A, CD8B, CD4, CD40LG"
    )
    some = judged("CD8-positive, alpha-beta T cell", case_of(f"{T_GENES} CD8A", "CD4"))
    text = "2 of 4 genes that separate CD8-positive, alpha-beta T cell from CD4-positive, alpha-beta T cell were"
    assert f"{text} measured" in some.annotation.caveats
    assert some.validation.separation.unmeasured == ("CD8B", "CD40LG")
    all_of_them = judged("CD8-positive, alpha-beta T cell", case_of(f"{T_GENES} CD8A", "CD4 CD8B CD40LG"))
    assert all_of_them.annotation.caveats == ()
    assert judged("T cell", case_of(f"{T_GENES} ALB", "")).annotation.caveats == ()


@pytest.mark.parametrize(
    ("label", "genes", "separated"),
    [
        ("CD8-positive, alpha-beta T cell", f"{T_GENES} CD8A", True),
        ("CD8-positive, alpha-beta T cell", T_GENES, False),
        ("CD4-positive, alpha-beta T cell", f"{T_GENES} CD8A CD8B", False),
        ("T cell", T_GENES, True),
    ],
)
@pytest.mark.parametrize("source", ["user", "model"])
def test_a_given_subtype_needs_a_gene_of_its_own(label, genes, separated, source):
    """A subtype that no gene of the cluster tells from its competitor is at most Medium; a broad type is not asked."""
    report = judged(label, case_of(genes), source)
    assert ("not_separated" in report.validation.flag_reasons) == (not separated)
    assert separated or report.confidence != "High"


@pytest.mark.parametrize(
    ("label", "genes"),
    [
        ("regulatory T cell", "CD3D CD3E TRAC CD4 CD40LG IL7R LTB CD2 CD28"),
        ("mucosal-associated invariant T cell", "CD3D CD3E CD8A CD8B TRAC CD2 GZMK CCL5"),
        ("mature NK T cell", "CD3D CD3E CD8A CD8B TRAC CD2 GZMK CCL5"),
        ("gamma-delta T cell", "CD3D CD3E CD8A CD8B CD2 CCL5"),
        ("group 2 innate lymphoid cell", "NCAM1 KLRF1 KLRD1 GNLY NKG7 PRF1 GZMB FCGR3A"),
        ("group 3 innate lymphoid cell", "NCAM1 KLRF1 KLRD1 GNLY NKG7 PRF1 GZMB FCGR3A"),
    ],
)
def test_a_subtype_that_strangers_gave_is_not_high(label, genes):
    """Labels that are finer than the genes of their clusters, with the bundled database, however sure the giver is."""
    assert judged(label, case_of(genes, used=BUNDLED)).confidence != "High"


def test_what_no_gene_of_the_database_separates_is_said():
    """The scorer compares the label with the next type, and says that the database knows no difference to the first."""
    rows = [*FACTS.itertuples(index=False), *(("cytotoxic T cell", g) for g in ("CD8A", "CD8B", "CD28"))]
    rows += [("cytotoxic T cell", g) for g in ("CD3D", "CD3E", "TRAC", "CD2")]
    used = index.build(load(pd.DataFrame(rows, columns=["cell_type", "gene"])), "human", _bundled.lineages())
    case = case_of(f"{T_GENES} CD8A CD8B", "CD4", used=used)
    apart = Apart.of(CD8, case)
    assert (apart.inseparable, apart.competitor.id) == ("cytotoxic T cell", CD4)
    text = "the database has no gene that tells CD8-positive, alpha-beta T cell from cytotoxic T cell"
    offline, given = (judged("CD8-positive, alpha-beta T cell", case, source) for source in ("offline", "user"))
    assert text in offline.annotation.caveats
    assert (text in given.validation.notes, given.confidence) == (True, "Medium")


def test_a_panel_without_the_genes_of_the_rival(tmp_path):
    """A panel that measures T cell genes, and none that separates CD8 from CD4 T cells, gives no CD8 T cell as High."""
    panel = "CD3D CD3E CD3G TRAC CD2 CD5 CD6 MS4A1 CD79A CD79B CD19 BANK1 PAX5 LYZ CD14 FCN1 S100A8 S100A9".split()
    dice = np.random.default_rng(0)
    counts = dice.poisson(0.2, (60, len(panel))).astype("float32")
    counts[:30, :7] += 6
    counts[30:, 7:13] += 6
    cells = ad.AnnData(np.log1p(counts), var=pd.DataFrame(index=panel))
    cells.obs["kind"] = pd.Categorical(["CD8-positive, alpha-beta T cell"] * 30 + ["B cell"] * 30)
    gca.tl.validate(cells, labels="kind", groupby="kind", species="human")
    found = gca.get.report(cells).cluster("CD8-positive, alpha-beta T cell")
    assert found.confidence != "High"
    assert found.validation.separation.n_measured < found.validation.separation.n_genes
    gca.io.to_csv(cells, tmp_path / "c.csv")
    row = pd.read_csv(tmp_path / "c.csv").set_index("cluster").loc["CD8-positive, alpha-beta T cell"]
    separation = found.validation.separation
    assert row.separated_from == separation.competitor
    assert (row.separating_genes, row.separating_genes_measured) == (separation.n_genes, separation.n_measured)
