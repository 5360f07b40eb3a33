"""A label without a score of its own does not pass, whoever proposed it."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from attrs import evolve

import gca_scanpy as gca
from gca_scanpy._judging.judge import judge
from gca_scanpy._judging.label import own_candidate, speaks_for
from gca_scanpy._prepare import index_of
from gca_scanpy._scoring import index
from gca_scanpy._scoring.case import Case, Limits
from gca_scanpy._scoring.programs import PROGRAMS
from gca_scanpy._steps import ClusterMarkers, RankedGene, Verdict
from gca_scanpy.db import _bundled, load

INDEX = index_of(_bundled.database(), "human")
ONTOLOGY = INDEX.lineages.ontology
T = "CD3D CD3E CD3G TRAC CD2 CD5 CD6 BCL11B"
CYCLE = "MKI67 TOP2A CDK1 CCNB1 BIRC5 UBE2C CENPF NUSAP1 TPX2 AURKB"
STEM = "CD34 SPINK2 SERPINB1 PRSS57 EGFL7"
MONOCYTE = "LYZ S100A8 S100A9 S100A12 CD14 FCN1 VCAN CD300E"


def case_of(genes, tissues=(), used=INDEX):
    """Make the case of a cluster with these genes."""
    markers = ClusterMarkers("0", tuple(RankedGene(gene, gene) for gene in genes.split()))
    return Case.of(markers, used, tissues, Limits(2, 0.2, 0.6))


def own(label, genes, tissues=(), used=INDEX):
    """Name the candidate that speaks for a label."""
    found = own_candidate(ONTOLOGY.resolve(label), label, case_of(genes, tissues, used))
    return found and found.label


def speaks(label, genes):
    """Whether the genes say enough for a label."""
    case, term = case_of(genes), ONTOLOGY.resolve(label)
    found = own_candidate(term, label, case)
    return found is not None and speaks_for(found, term, case)


@pytest.mark.no_cover
@pytest.mark.parametrize("source", ["user", "model", "offline"])
@pytest.mark.parametrize("tissue", ["blood", "large intestine", None])
@pytest.mark.parametrize("label", ["T cell", "cycling T cell", "lymphocyte", "leukocyte"])
@pytest.mark.parametrize("state", PROGRAMS, ids=lambda program: program.name)
def test_the_genes_of_a_state_support_no_label(label, state, tissue, source):
    """Genes that cells of all types express while they divide, or under stress, say nothing of the type."""
    genes = CYCLE if state.name == "proliferating" else " ".join(sorted(state.core)[:12])
    found = judge(
        case_of(genes, (tissue,) if tissue else ()), Verdict("0", label, ONTOLOGY.resolve(label), 0.95, source)
    )
    assert found.status != "supported"
    assert {"low_marker_overlap", "contradictory_markers", "mixed_lineage"} & set(found.validation.flag_reasons)


@pytest.mark.parametrize(
    ("label", "genes", "speaker"),
    [
        ("T cell", T, "T cell"),
        ("lymphocyte", T, "T cell"),
        ("leukocyte", MONOCYTE, "monocyte"),
        ("myeloid cell", MONOCYTE, "monocyte"),
        (
            "stromal cell",
            "VSTM2A FGF9 ENHO HSD17B2 NSG1 TSHZ2 TRPA1 MMP1 SOX6 POSTN",
            "subepithelial intestinal fibroblast",
        ),
        ("CD14-positive monocyte", MONOCYTE, "monocyte"),
        ("T cell", f"{CYCLE} {T}", "T cell"),
        ("T cell", CYCLE, None),
        ("T cell", f"{STEM} LDHB HMGA1 NUCB2", "thymocyte"),
        ("T cell", "", None),
        ("no type of the database", T, None),
    ],
)
def test_whose_score_counts(label, genes, speaker):
    """The label's own type speaks for it, or a subtype that the genes show, or a described ancestor."""
    assert own(label, genes) == speaker


@pytest.mark.parametrize(
    ("label", "genes", "enough"),
    [
        ("T cell", T, True),
        ("lymphocyte", T, True),
        ("naive T cell", T, True),
        ("B cell", T, False),
        ("monocyte", T, False),
        ("T cell", MONOCYTE, False),
        ("monocyte", f"{MONOCYTE} {STEM}", True),
        ("T cell", f"{STEM} SMIM24 CYTL1 NPR3 LDHB HMGA1 NUCB2", False),
        ("hematopoietic precursor cell", f"{STEM} LDHB HMGA1 NUCB2", True),
    ],
)
def test_what_speaks_for_a_label(label, genes, enough):
    """A label passes if the score of its own type is not far below the best score."""
    assert speaks(label, genes) is enough


@pytest.mark.parametrize("source", ["user", "model"])
@pytest.mark.parametrize("tissue", ["blood", "bone marrow", None])
@pytest.mark.parametrize("label", ["T cell", "CD4-positive, alpha-beta T cell", "B cell", "hepatocyte"])
@pytest.mark.parametrize("more", ["", "LDHB HMGA1 NUCB2", "SMIM24 CYTL1 MSI2 SNHG7"])
def test_few_genes_of_a_label_do_not_carry_it(more, label, tissue, source):
    """Among genes of precursor cells, a few that other blood cells share support none of these cells."""
    case = case_of(f"{STEM} {more}", (tissue,) if tissue else ())
    found = judge(case, Verdict("0", label, ONTOLOGY.resolve(label), 0.5, source))
    assert found.status == "flagged"
    assert {"low_marker_overlap", "contradictory_markers", "mixed_lineage"} & set(found.validation.flag_reasons)


def test_a_better_score_speaks_more_and_a_better_rival_less():
    """A label that passes also passes with a higher score of its own, and with a lower best score."""
    case = case_of(T)
    best, term = case.candidates[0], ONTOLOGY.resolve("hepatocyte")

    def passes(own_score, best_score):
        candidates = (evolve(best, score=best_score), *case.candidates[1:])
        return speaks_for(evolve(best, ontology_id=term, score=own_score), term, evolve(case, candidates=candidates))

    scores = (0.1, 1.0, 5.0, 20.0, 80.0)
    table = [[passes(own_score, best_score) for best_score in scores] for own_score in scores]
    assert all(row == sorted(row, reverse=True) for row in table)
    assert all(column == tuple(sorted(column)) for column in zip(*table))
    assert table[0][-1] is False
    assert table[-1][0] is True


def test_a_type_of_ones_own_without_a_term_has_a_score():
    """A user's type is found by its name."""
    table = load(pd.DataFrame({"cell_type": ["my blob"] * 3, "gene": ["CD3D", "CD3E", "CD2"]}))
    assert own("my blob", T, used=index.build(table, "human", INDEX.lineages)) == "my blob"


@pytest.mark.no_cover
def test_no_cluster_is_supported_without_a_score(pbmc):
    """Whatever label is given to the clusters of blood, one that passes has a confidence above 0."""
    stem_cells = "CD34+"
    labels = ["T cell", "lymphocyte", "leukocyte", "myeloid cell", "monocyte", "B cell", "fibroblast"]
    supported = {}
    for label in labels:
        pbmc.obs["label"] = label
        gca.tl.validate(pbmc, "bulk_labels", "label", tissue="blood")
        table = gca.get.clusters(pbmc)
        shown = table[table["status"] == "supported"]
        assert (shown["confidence_score"] > 0).all(), label
        supported[label] = list(shown.index)
    assert stem_cells not in {*supported["T cell"], *supported["lymphocyte"], *supported["leukocyte"]}
    assert {"CD14+ Monocyte", "CD19+ B", "Dendritic", "CD56+ NK"} <= set(supported["leukocyte"])
    assert not np.intersect1d(supported["myeloid cell"], ["CD8+ Cytotoxic T", "CD19+ B"]).size


def test_the_flag_says_what_the_cells_are(pbmc):
    """For a label without a score, the note and the genes against it come from the best type."""
    pbmc.obs["label"] = "T cell"
    gca.tl.validate(pbmc, "bulk_labels", "label", tissue="blood")
    found = gca.get.report(pbmc).cluster("CD34+").validation
    assert found.flag_reasons == ("low_marker_overlap",)
    (note,) = found.notes
    assert note.startswith(
        "the cluster's genes give T cell little score of its own; hematopoietic precursor cell is the best"
    )
    assert all(gene in note for gene in list(found.contradictory_markers)[:5])
    assert not set(found.contradictory_markers) & set(found.supporting_markers)


HLA = "CD74 HLA-DRA HLA-DPA1 HLA-DPB1 HLA-DRB1 HLA-DQA1 HLA-DQB1 HLA-DMA HLA-DRB5 CD37 CIITA".split()
B = "MS4A1 CD79A CD79B CD19 BANK1 CD22".split()


def test_a_label_whose_own_markers_are_all_lacking(plant_types):
    """HLA genes alone support no B cell if the cells lack each gene that marks B cells more than other types."""
    dendritic = [*HLA[:7], *"FCER1A CD1C CLEC10A CST3 LYZ".split()]
    adata = plant_types({"B": B + HLA[:5], "HLA": HLA, "T": T.split(), "DC": dendritic})
    adata.obs["label"] = "B cell"
    gca.tl.validate(adata, "cluster", "label", tissue="blood")
    report = gca.get.report(adata)
    found = report.cluster("HLA")
    assert (found.status, found.validation.flag_reasons) == ("flagged", ("low_marker_overlap",))
    (note,) = found.validation.notes
    assert re.match(r"the cells lack .*BANK1, .*MS4A1.*, which mark B cell more than other types", note)
    assert report.cluster("B").status == "supported"
    gca.tl.annotate(adata, "cluster", tissue="blood")
    labels = {c.cluster_id: c.annotation.ontology_id for c in gca.get.report(adata).clusters}
    b_cell = ONTOLOGY.resolve("B cell")
    assert labels["B"] == b_cell
    assert labels["HLA"] is None or labels["HLA"] in ONTOLOGY.ancestors(b_cell)


def test_what_was_not_measured_denies_no_label(plant_types):
    """If no cluster has the markers, nothing shows that the cells lack them."""
    adata = plant_types({"HLA": HLA, "T": T.split()})
    adata.obs["label"] = "B cell"
    gca.tl.validate(adata, "cluster", "label", tissue="blood")
    assert not any("the cells lack" in note for note in gca.get.report(adata).cluster("HLA").validation.notes)
