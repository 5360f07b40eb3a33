"""Joining the labels of several tools."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import gca_scanpy as gca
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError, LabelWarning, MissingKeyError

NAMES = {"0": "B cell", "1": "T cell", "2": "monocyte", "3": "natural killer cell"}
KEYS = ["mine", "tool", "expert"]


@pytest.fixture
def labeled(cells):
    """Cells of four types with the labels of three tools: other names, less depth, one wrong, one abstaining."""
    cluster = cells.obs["cluster"].astype(str)
    cells.obs["mine"] = cluster.map(NAMES)
    cells.obs["tool"] = cluster.map({"0": "B-cells", "1": "CD8+ T", "2": "Unassigned", "3": "NK"}).astype("category")
    cells.obs["expert"] = cluster.map({"0": "neuron", "1": "CD8 T cells", "2": "CD14+ Mono", "3": None})
    return cells


def _votes(adata, cluster, key="consensus"):
    return {vote.key: vote for vote in gca.get.report(adata, key).cluster(cluster).consensus.votes}


def test_each_cluster_gets_one_label(labeled):
    """The deepest term, its broad type, its id and its agreement; the marker genes check it."""
    gca.tl.consensus(labeled, KEYS, "cluster", tissue="blood")
    found = labeled.obs.groupby("cluster", observed=True).first()
    assert list(found["consensus_label"]) == [
        "B cell", "CD8-positive, alpha-beta T cell", "CD14-positive monocyte", "natural killer cell",
    ]  # fmt: skip
    assert list(found["consensus_broad_label"]) == ["B cell", "T cell", "monocyte", "natural killer cell"]
    assert list(found["consensus_ontology_id"]) == ["CL:0000236", "CL:0000625", "CL:0001054", "CL:0000623"]
    assert found["consensus_agreement"].round(3).to_list() == [0.667, 0.8, 0.667, 1.0]
    assert found["consensus_status"].iloc[0] == "supported"
    assert len(labeled.uns["consensus_label_colors"]) == 4
    report = gca.get.report(labeled, "consensus")
    assert report.cluster("0").validation.supporting_markers
    assert {cluster.source for cluster in report.clusters} == {"user"}
    assert report.parameters["keys"] == str(KEYS)


def test_the_report_says_who_disagrees(labeled):
    """Each vote has its label, its relation to the result, and how many of its cells stand behind it."""
    gca.tl.consensus(labeled, KEYS, "cluster", tissue="blood")
    assert {key: vote.relation for key, vote in _votes(labeled, "0").items()} == {
        "mine": "same", "tool": "same", "expert": "other lineage",
    }  # fmt: skip
    assert [vote.key for vote in gca.get.report(labeled, "consensus").cluster("0").consensus.dissenters] == ["expert"]
    assert {key: (vote.relation, vote.voting) for key, vote in _votes(labeled, "2").items()} == {
        "mine": ("broader", 1.0), "tool": ("abstained", 0.0), "expert": ("same", 1.0),
    }  # fmt: skip
    assert (
        "a type of another lineage by expert" in gca.get.report(labeled, "consensus").cluster("0").annotation.rationale
    )


def test_each_cell_gets_its_own_label(labeled):
    """Without clusters no genes are used; the report is about the cells with the same label."""
    labeled.obs.loc["cell0", "mine"] = "neuron"
    bare = AnnData(obs=labeled.obs)
    gca.tl.consensus(bare, KEYS)
    assert bare.obs.loc["cell0", ["consensus_label", "consensus_agreement"]].to_list() == [
        "neuron",
        pytest.approx(0.6667),
    ]
    assert bare.obs.loc["cell1", "consensus_label"] == "B cell"
    report = gca.get.report(bare, "consensus")
    assert report.cluster("neuron").n_cells == 1
    assert report.cluster("B cell").n_cells == 29
    assert {vote.key: vote.label for vote in report.cluster("neuron").consensus.votes}["tool"] == "B-cells"
    assert report.parameters["groupby"] == "consensus_label"
    assert bare.uns["consensus_label_colors"]
    clustered = gca.tl.consensus(labeled, KEYS, "cluster", copy=True).obs.columns
    assert [name for name in bare.obs if name.startswith("consensus")] == [c for c in clustered if c.startswith("cons")]


@pytest.mark.parametrize("groupby", [None, "cluster"])
def test_a_consensus_goes_everywhere(labeled, groupby, everywhere):
    """Tables, plots, exports, the page and the review take its report."""
    gca.tl.consensus(labeled, KEYS, groupby, key_added="gptca")
    labeled.obsm["X_umap"] = np.zeros((labeled.n_obs, 2))
    assert everywhere(gca.get.report(labeled), labeled, skip=("curate",) if groupby is None else ()) == {}


def test_the_page_the_review_and_the_table_show_the_votes(labeled, tmp_path):
    """Each column with its label and its relation, and labels that could not be read."""
    from gca_scanpy._ui.desk import evidence

    labeled.obs["tool"] = labeled.obs["tool"].cat.rename_categories({"B-cells": "blob 7"})
    with pytest.warns(LabelWarning):
        gca.tl.consensus(labeled, KEYS, "cluster", tissue="blood")
    page = gca.io.to_html(labeled, key="consensus")
    assert "Votes of the columns" in page
    assert "(not read: <bdi>blob 7</bdi>)" in page
    assert "<strong>other lineage</strong>" in page
    shown = evidence(gca.get.report(labeled, "consensus"), "1")
    assert "<td>tool</td><td>CD8+ T</td><td>same</td>" in shown
    gca.io.to_csv(labeled, tmp_path / "clusters.csv", key="consensus")
    table = pd.read_csv(tmp_path / "clusters.csv", dtype=str).set_index("cluster")
    assert table.loc["1", ["agreement", "votes"]].to_list() == [
        "0.8", "mine: T cell (broader); tool: CD8+ T (same); expert: CD8 T cells (same)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("Tem/Trm cytotoxic T cells", "T cell"),  # CellTypist
        ("DC2", "conventional dendritic cell"),
        ("CD4 TCM", "CD4-positive, alpha-beta T cell"),  # Azimuth
        ("NK_CD56bright", "natural killer cell"),
        ("T_cells", "T cell"),  # the references of SingleR
        ("Class-switched memory B-cells", "memory B cell"),
        ("T cells, CD4+, Th17", "T-helper 17 cell"),
        ("HSC_CD34+", "hematopoietic stem cell"),
        ("cd8-positive, alpha-beta t cell", "CD8-positive, alpha-beta T cell"),  # popV
    ],
)
def test_labels_of_public_tools(cells, label, expected):
    """Each is read as its type, or as a kin of it."""
    cells.obs["tool"] = label
    gca.tl.consensus(cells, ["tool"], tissue="blood")
    term, ontology = cells.obs["consensus_ontology_id"].iloc[0], _bundled.ontology()
    assert ontology.related(term, ontology.resolve(expected)), cells.obs["consensus_label"].iloc[0]


def test_our_own_report_votes_with_its_probabilities(labeled):
    """A column of annotate has the levels of its path, also if other clusters are asked about."""
    gca.tl.annotate(labeled, "cluster", tissue="blood")
    labeled.obs["half"] = np.where(labeled.obs["cluster"].isin(["0", "1"]), "x", "y")
    gca.tl.consensus(labeled, ["gptca_label", "mine"], "cluster", tissue="blood")
    path = gca.get.report(labeled).cluster("0").path
    probability = {level.ontology_id: level.probability for level in path}["CL:0000236"]
    vote = _votes(labeled, "0")["gptca_label"]
    assert (vote.label, vote.relation) == ("B cell", "same")
    assert vote.backing[0] == pytest.approx(probability, abs=1e-3)
    gca.tl.consensus(labeled, ["gptca_label"], "half", key_added="halves")
    assert gca.get.report(labeled, "halves").cluster("x").annotation.proposed_label in (
        "lymphocyte",
        "B cell",
        "T cell",
    )


def test_weights_and_scores(labeled):
    """A column counts as much as its weight, a cell as much as its score; a cell without a score abstains."""
    gca.tl.consensus(labeled, KEYS, "cluster", weights={"expert": 5})
    assert labeled.obs["consensus_label"].iloc[0] == "neuron"
    labeled.obs["score"] = 0.1
    labeled.obs.loc[labeled.obs["cluster"] == "1", "score"] = np.nan
    gca.tl.consensus(labeled, KEYS, "cluster", weights={"expert": 5}, scores={"expert": "score"})
    assert labeled.obs["consensus_label"].iloc[0] == "B cell"
    assert _votes(labeled, "0")["expert"].weight == pytest.approx(0.5)
    assert _votes(labeled, "1")["expert"].weight == 0
    gca.tl.consensus(labeled, KEYS, weights={"expert": 5}, scores={"expert": "score"}, key_added="single")
    assert labeled.obs["single_label"].iloc[0] == "B cell"


def test_labels_that_cannot_be_read(labeled):
    """They abstain and are listed, in a warning and with the vote; the argument terms reads them."""
    labeled.obs["tool"] = labeled.obs["tool"].cat.rename_categories({"B-cells": "blob 7"})
    with pytest.warns(LabelWarning, match=r"1 label of \.obs\['tool'\].*'blob 7'; name the types with the argument"):
        gca.tl.consensus(labeled, KEYS, "cluster")
    assert _votes(labeled, "0")["tool"].unread == ("blob 7",)
    assert "blob 7" in gca.get.report(labeled, "consensus").warnings[0]
    gca.tl.consensus(labeled, KEYS, "cluster", terms={"blob 7": "B cell"})
    assert _votes(labeled, "0")["tool"].relation == "same"
    assert gca.get.report(labeled, "consensus").warnings == ()


def test_markers_flag_a_label_but_the_votes_decide_it(labeled):
    """All tools are wrong: the label stands, with the reasons against it."""
    for key in KEYS:
        labeled.obs[key] = "hepatocyte"
    gca.tl.consensus(labeled, KEYS, "cluster", tissue="blood")
    assert set(labeled.obs["consensus_label"]) == {"hepatocyte"}
    assert set(labeled.obs["consensus_status"]) == {"flagged"}
    assert set(labeled.obs["consensus_confidence"]) == {"Low"}


def test_no_agreement(labeled):
    """Without a common type the label is Unknown, and every vote is named."""
    labeled.obs["a"], labeled.obs["b"] = "neuron", "hepatocyte"
    gca.tl.consensus(labeled, ["a", "b"])
    assert set(labeled.obs["consensus_label"]) == {"Unknown or Novel"}
    assert labeled.obs["consensus_ontology_id"].isna().all()
    assert set(labeled.obs["consensus_agreement"]) == {0.0}
    assert [vote.dissents for vote in gca.get.report(labeled, "consensus").clusters[0].consensus.votes] == [True, True]


@pytest.mark.parametrize("groupby", [None, "cluster"])
def test_the_order_of_rows_and_columns_does_not_matter(labeled, groupby):
    """The same cells in another order, and the columns in another one, give the same labels."""
    rng = np.random.default_rng(0)
    for key in KEYS:
        labeled.obs[key] = rng.permutation(labeled.obs[key].astype(object).to_numpy())
    labeled.obs["score"] = rng.random(labeled.n_obs)
    shuffled = labeled[rng.permutation(labeled.n_obs)].copy()
    options = {"groupby": groupby, "scores": {"mine": "score"}, "weights": {"tool": 0.7, "expert": 1.1}}
    gca.tl.consensus(labeled, KEYS, **options)
    gca.tl.consensus(shuffled, KEYS[::-1], **options)
    columns = ["consensus_label", "consensus_ontology_id", "consensus_agreement"]
    pd.testing.assert_frame_equal(
        labeled.obs[columns], shuffled.obs.loc[labeled.obs_names, columns], check_categorical=False, atol=2e-4
    )


@pytest.mark.parametrize(
    ("keys", "options", "error", "message"),
    [
        (["mine", "theirs"], {}, MissingKeyError, r"no \.obs\['theirs'\]; columns that hold groups: 'cluster'"),
        ("mine", {}, InputError, r"keys='mine' must be a list of columns"),
        ([], {}, InputError, "must be a list of columns"),
        (["mine", "mine"], {}, InputError, "keys names 'mine' twice"),
        (KEYS, {"weights": {"theirs": 1}}, InputError, "weights names 'theirs', which is not among the keys: 'mine'"),
        (KEYS, {"weights": {"mine": -1}}, InputError, "must be a dict with a number from 0"),
        (KEYS, {"weights": dict.fromkeys(KEYS, 0)}, InputError, "all weights are 0"),
        (KEYS, {"scores": {"mine": "nothing"}}, MissingKeyError, r"no \.obs\['nothing'\]"),
        (KEYS, {"scores": {"mine": "size"}}, InputError, r"has 7\.0 for cell 'cell0', but a score is a probability"),
        (["size", "mine"], {}, InputError, r"\.obs\['size'\] has numbers and no labels"),
        (["none"], {}, InputError, r"no cell has a label with a cell type in \.obs\['none'\]"),
        (KEYS, {"terms": {"x": "no type"}}, InputError, "is neither the id nor a name"),
        (KEYS, {"min_agreement": 1.5}, InputError, "must be a number from 0 to 1"),
        (["consensus_label", "mine"], {}, InputError, r"would replace \.obs\['consensus_label'\], which the run reads"),
        (KEYS, {"groupby": "nothing"}, MissingKeyError, "'nothing'"),
        (KEYS, {"tissue": "xyzzy"}, InputError, "xyzzy"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_cannot_be_used(labeled, content, keys, options, error, message):
    """The error says what is wrong and what there is; nothing is written."""
    labeled.obs["size"], labeled.obs["none"], labeled.obs["consensus_label"] = 7.0, None, "B cell"
    before = content(labeled)
    with pytest.raises(error, match=message):
        gca.tl.consensus(labeled, keys, **options)
    assert content(labeled) == before


def test_a_column_of_other_origin_is_kept(labeled):
    """A column of the name of the agreement that this package did not write is not replaced."""
    labeled.obs["consensus_agreement"] = 1.0
    with pytest.raises(InputError, match=r"would replace \.obs\['consensus_agreement'\], which is of other origin"):
        gca.tl.consensus(labeled, KEYS)


def test_curated_decisions_stay(labeled):
    """A second run keeps the decisions on clusters with the same cells."""
    gca.tl.consensus(labeled, KEYS, "cluster")
    gca.tl.curate(labeled, {"0": "plasma cell"}, who="Ada", key="consensus")
    gca.tl.consensus(labeled, KEYS[:2], "cluster")
    assert gca.get.curation(labeled, "consensus")["stands"].to_list() == [True]


def test_tissue_and_species_read_the_labels(labeled):
    """A short name means what it means in the tissue."""
    labeled.obs["short"] = "PC"
    for tissue, expected in (("kidney", "renal principal cell"), ("tonsil", "plasma cell")):
        gca.tl.consensus(labeled, ["short"], tissue=tissue)
        assert labeled.obs["consensus_label"].iloc[0] == expected
