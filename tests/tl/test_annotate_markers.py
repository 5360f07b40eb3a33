"""``annotate_markers``: gene lists in, a report out, without an AnnData object."""

from __future__ import annotations

import math
import random
from collections import deque
from functools import partial
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from hypothesis import given
from hypothesis import strategies as st

import gca_scanpy as gca
from gca_scanpy.errors import GeneNameWarning, InputError, NoOverlapError, UnknownSpeciesError, UnknownTissueWarning

# Four clear lineages; laws below must hold whatever is done to their order and writing.
MARKERS = {
    "B cell": "MS4A1 CD79A CD79B BANK1 CD19 CD22 PAX5 FCRL1 BLK VPREB3",
    "T cell": "CD3D CD3E CD3G TRAC IL7R CD2 CD5 CD6 BCL11B TRAT1",
    "monocyte": "LYZ S100A8 S100A9 S100A12 CD14 FCN1 VCAN CSTA MNDA CD300E",
    "natural killer cell": "GNLY NKG7 KLRD1 KLRF1 NCAM1 NCR1 PRF1 GZMB XCL1 KLRC1",
}
GENES = {label: genes.split() for label, genes in MARKERS.items()}


def _labels(report):
    return {c.cluster_id: (c.annotation.primary_label, c.status, c.confidence_score) for c in report.clusters}


def test_clear_lineages_are_named():
    """Ten markers of a lineage give its broad label, with genes in support and a Cell Ontology id."""
    report = gca.annotate_markers(GENES, species="human", tissue="blood")
    for cluster in report.clusters:
        assert cluster.broad_label == cluster.cluster_id
        assert cluster.status == "supported"
        assert cluster.annotation.ontology_id.startswith("CL:")
        assert set(cluster.validation.supporting_markers) <= set(GENES[cluster.cluster_id])
        assert cluster.validation.support_count == len(cluster.validation.supporting_markers) >= 2


@given(st.permutations(list(GENES)))
def test_the_order_of_the_clusters_changes_no_label(order):
    """Clusters in another order have the same labels, and the report has that order."""
    report = gca.annotate_markers({key: GENES[key] for key in order}, tissue="blood")
    assert [c.cluster_id for c in report.clusters] == order
    assert _labels(report) == _labels(gca.annotate_markers(GENES, tissue="blood"))


@given(st.sampled_from(list(GENES)), st.integers(0, 2**10 - 1))
def test_the_case_of_the_genes_changes_no_label(key, which):
    """Genes in small letters, all or some, are the same genes; the report names them as they were given."""
    changed = [gene.lower() if which >> i & 1 else gene for i, gene in enumerate(GENES[key])]
    report = gca.annotate_markers({key: changed}, tissue="blood")
    assert _labels(report) == _labels(gca.annotate_markers({key: GENES[key]}, tissue="blood"))
    assert set(report.clusters[0].validation.supporting_markers) <= set(changed)


@given(st.lists(st.sampled_from(list(GENES)), min_size=1, max_size=3, unique=True))
def test_other_clusters_change_no_label(keys):
    """A cluster's label does not hang on which others are asked about."""
    every = _labels(gca.annotate_markers(GENES, tissue="blood"))
    assert _labels(gca.annotate_markers({k: GENES[k] for k in keys}, tissue="blood")) == {k: every[k] for k in keys}


def test_mouse_genes_are_mapped():
    """Mouse case with species="mouse" gives the same lineages, and genes are reported as they were given."""
    mouse = {key: [gene.capitalize() for gene in genes] for key, genes in GENES.items() if key in ("B cell", "T cell")}
    report = gca.annotate_markers(mouse, species="mouse", tissue="spleen")
    assert {c.cluster_id: c.broad_label for c in report.clusters} == {"B cell": "B cell", "T cell": "T cell"}
    assert "Cd79a" in report.cluster("B cell").validation.supporting_markers


@pytest.mark.parametrize("name", ["human", "Human", "Homo sapiens", "hs"])
def test_names_of_a_species(name):
    """The scientific name of a species is understood."""
    assert gca.annotate_markers({"0": GENES["B cell"]}, species=name).clusters[0].broad_label == "B cell"


def test_old_symbols_and_ensembl_ids():
    """Old symbols and Ensembl ids, with and without version, and composites, are the current genes."""
    genes = ["ENSG00000156738", "ENSG00000105369.9", "CD79B_ENSG00000007312", "CD20", "BANK1", "GRCh38_CD19"]
    report = gca.annotate_markers({"0": genes}, tissue="blood")
    assert report.clusters[0].broad_label == "B cell"
    assert {"MS4A1", "CD79A", "CD79B"} <= set(report.clusters[0].validation.supporting_markers)


def test_protein_features_are_no_genes():
    """Protein features (AB_CD3) and numbers are no gene symbols and support nothing."""
    report = gca.annotate_markers({"0": [*GENES["B cell"], "AB_CD3", "915", "CD3_TotalSeqB"]}, tissue="blood")
    assert not {"AB_CD3", "915", "CD3_TotalSeqB"} & set(report.clusters[0].validation.supporting_markers)


def test_missing_names_and_repeats_are_left_out():
    """NaN, None, empty and repeated names are left out, which is reported, and n_markers cuts the list."""
    genes = ["MS4A1", None, "MS4A1", math.nan, "", "CD79A", "CD79B"]
    with pytest.warns(GeneNameWarning, match="markers of the clusters 0") as caught:
        report = gca.annotate_markers({"0": genes, "1": GENES["T cell"]})
    assert caught[0].filename == __file__
    assert report.cluster("0").warnings == ("3 missing gene names were left out",)
    assert report.cluster("1").warnings == ()
    assert set(report.clusters[0].validation.supporting_markers) == {"MS4A1", "CD79A", "CD79B"}
    with pytest.warns(GeneNameWarning):
        first = gca.annotate_markers({"0": genes}, n_markers=2)
    assert set(first.clusters[0].validation.supporting_markers) == {"MS4A1", "CD79A"}


@pytest.mark.parametrize(
    "form",
    [tuple, iter, np.array, pd.Index, pd.Series, pd.Categorical, lambda genes: (gene for gene in genes), deque,
     lambda genes: dict(enumerate(genes)).values(), lambda genes: np.array(genes, dtype=object)],
)  # fmt: skip
def test_genes_in_any_sequence(form):
    """Whatever has an order and holds text is a list of genes, and a Series of lists is a dictionary of lists."""
    expected = _labels(gca.annotate_markers(GENES, tissue="blood"))
    assert _labels(gca.annotate_markers({key: form(genes) for key, genes in GENES.items()}, tissue="blood")) == expected
    assert _labels(gca.annotate_markers(pd.Series(GENES), tissue="blood")) == expected


B = GENES["B cell"]


@pytest.mark.parametrize(
    ("genes", "message"),
    [
        (set(B), "a set .*no order"),
        (frozenset(B), "a set .*no order"),
        (dict.fromkeys(set(B)).keys(), "a set .*no order"),
        (dict.fromkeys(B, -1.0), "are a dict"),
        (pd.DataFrame({"names": B}), "are a DataFrame"),
        (pd.Series([1.5, -2.5], index=B[:2]), "'1.5' is of type float"),
        (None, "'None' of type NoneType, which is not a list"),
        (5, "which is not a list"),
        (np.array("MS4A1"), "which is not a list"),
        (iter(set(B)), "are a set"),
        (["MS4A1, CD79A, CD79B"], "a single text with several names"),
        (["MS4A1\nCD79A\nCD79B"], "a single text with several names"),
        (b"MS4A1", "are the text"),
        ([B], "is of type list"),
        ([tuple(B)], "is of type tuple"),
        ([("MS4A1", 2.5)], "is of type tuple"),
        (np.array([B]), "is of type ndarray"),
        ([915, 916], "'915' is of type int"),
        ([True], "is of type bool"),
        ([*B, 1.5], "'1.5' is of type float"),
        ([b"MS4A1"], "is of type bytes"),
        (np.array(B, dtype="S"), "is of type bytes_"),
    ],
)
@pytest.mark.parametrize("verb", [gca.annotate_markers, gca.plan_markers, partial(gca.validate_markers, labels={})])
def test_genes_that_are_no_list(genes, message, verb):
    """A set, numbers, bytes, pairs and nested lists are refused by each verb, with the cluster and what was there."""
    with pytest.raises(InputError, match=message) as raised:
        verb({"0": B, "7_0": genes})
    assert "cluster '7_0'" in str(raised.value)


def test_clusters_beside_missing_values():
    """A missing value turns the numbers of clusters into floats, but cluster 1 is not called 1.0."""
    frame = pd.DataFrame({"cluster": [1.0] * len(B) + [np.nan], "gene": [*B, "LYZ"], "scores": [1e300] * len(B) + [1]})
    assert [cluster.cluster_id for cluster in gca.annotate_markers(frame, tissue="blood").clusters] == ["1"]


@pytest.mark.parametrize(
    ("markers", "message"),
    [
        ("markers.csv", "type str; .*gca.io.read_markers"),
        (Path("markers.csv"), "gca.io.read_markers"),
        ([B], "type list; pass a dictionary"),
        ({"0"}, "type set"),
        (None, "type NoneType"),
        (np.array([("MS4A1", "CD3D")], dtype=[("0", "O"), ("1", "O")]), "type ndarray; .*rank_genes_groups_df"),
        (pd.Series(B), "cluster '0' are the text 'MS4A1'"),
        (pd.Series(B, index=["0"] * len(B)), "cluster '0' 10 times"),
        ({None: B}, "the name None"),
        ({math.nan: B}, "the name nan"),
        ({b"0": B}, "the name b'0'"),
    ],
)
def test_markers_of_another_type(markers, message):
    """What is neither a mapping nor a table is refused, with a way to go on."""
    with pytest.raises(InputError, match=message):
        gca.annotate_markers(markers)


def test_a_table_of_another_package():
    """A table of polars or pyarrow is not taken for something else; the error names the conversion."""
    table = pytest.importorskip("pyarrow").table({"cluster": ["0"], "gene": ["MS4A1"]})
    with pytest.raises(InputError, match=r"type Table; .*to_pandas"):
        gca.annotate_markers(table)


def test_an_object_of_cells(cells):
    """An AnnData object is for another function, and the error names it."""
    with pytest.raises(InputError, match=r"gca\.tl\.annotate"):
        gca.annotate_markers(cells)


@pytest.mark.parametrize("labels", [["B cell"], "B cell", {"B cell"}, None, 5])
def test_labels_of_another_type(labels):
    """Labels that name no cluster are refused."""
    with pytest.raises(InputError, match=r"labels=.* must be a dict"):
        gca.validate_markers({"0": B}, labels)


def test_the_table_of_scanpy(cells):
    """The frame of rank_genes_groups_df is the table that it is, in any column order and with genes as index."""
    sc.tl.rank_genes_groups(cells, "cluster", method="wilcoxon")
    frame = sc.get.rank_genes_groups_df(cells, None)
    expected = _labels(gca.annotate_markers(frame))
    assert list(expected) == ["0", "1", "2", "3"]
    assert {label for label, *_ in expected.values()} >= {"B cell", "monocyte"}
    for form in (frame[frame.columns[::-1]], frame.set_index("names"), frame.set_index(["group", "names"])):
        assert _labels(gca.annotate_markers(form)) == expected
    one = sc.get.rank_genes_groups_df(cells, "0").drop(columns="group", errors="ignore")
    with pytest.raises(InputError, match="add a column that names it"):
        gca.annotate_markers(one)
    assert list(_labels(gca.annotate_markers(one.assign(group="0")))) == ["0"]
    with pytest.raises(InputError, match="column per cluster, pass the result of"):
        gca.annotate_markers(pd.DataFrame(cells.uns["rank_genes_groups"]["names"]))


def test_a_frame_of_lower_genes():
    """Genes that are lower in a cluster are not its markers, with any index and types of the frame."""
    rows = [*((0, gene, -2.5) for gene in GENES["B cell"]), *((0, gene, 1.5) for gene in GENES["T cell"])]
    frame = pd.DataFrame(rows, columns=["cluster", "gene", "avg_diff"]).sample(frac=1, random_state=0)
    for form in (frame, frame.astype({"cluster": "category", "avg_diff": "float32"}), frame.set_index("gene")):
        report = gca.annotate_markers(form, tissue="blood")
        assert report.cluster("0").broad_label == "T cell"
        assert not set(report.cluster("0").validation.supporting_markers) & set(GENES["B cell"])


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"x": [1], "y": ["MS4A1"]}), "the columns 'x', 'y'; a cluster column"),
        (pd.DataFrame({key: genes[:9] for key, genes in GENES.items()}), "a cluster column"),
        (pd.DataFrame(), "a cluster column"),
        (pd.DataFrame({"cluster": [0], "avg_log2FC": [1.0]}, index=["MS4A1"]), "if the genes are in the index"),
        (pd.DataFrame({"cluster": [0], "markers": [set(B)]}), "a set, which has no order"),
        (pd.DataFrame([["0", "MS4A1", "CD3D"]], columns=["cluster", "gene", "gene"]), "several columns 'gene'"),
        (pd.DataFrame({"cluster": [0], "gene": ["MS4A1"], "enrichment": [-1.0]}), "the column 'enrichment'"),
    ],
)
def test_other_frames(frame, message):
    """A frame that is not understood is an error, and is never read as a mapping by column."""
    with pytest.raises(InputError, match=message):
        gca.annotate_markers(frame)


def test_lists_in_a_frame():
    """A row per cluster with a list of genes, which may be an array."""
    frame = pd.DataFrame({"cluster": ["a", "b"], "markers": [B, np.array(GENES["T cell"])]})
    assert {c.cluster_id: c.broad_label for c in gca.annotate_markers(frame).clusters} == {"a": "B cell", "b": "T cell"}


def test_a_cluster_without_genes_is_unknown():
    """A cluster without any gene is Unknown with its reason code; the others are labeled."""
    report = gca.annotate_markers({"0": GENES["B cell"], "1": []}, tissue="blood")
    assert report.cluster("1").annotation.primary_label == "Unknown or Novel"
    assert report.cluster("1").validation.flag_reasons == (
        "no_markers_supplied",
        *report.cluster("1").validation.flag_reasons[1:],
    )
    assert report.cluster("0").broad_label == "B cell"
    assert report.summary.unknown_clusters == ("1",)


def test_integer_keys_become_strings():
    """Integer keys, of a tissue mapping too, are the clusters "0" and "1"."""
    report = gca.annotate_markers({0: GENES["B cell"], 1: GENES["T cell"]}, tissue={1: "blood"})
    assert [(c.cluster_id, c.tissue) for c in report.clusters] == [("0", None), ("1", "blood")]


@pytest.mark.parametrize(
    ("markers", "message"),
    [
        ({}, "markers is empty"),
        ({"0": "MS4A1"}, "cluster '0' are the text 'MS4A1'"),
        ({"1": ["MS4A1"], 1: ["CD3D"]}, "differ in type only"),
    ],
)
def test_markers_that_cannot_be_used(markers, message):
    """No markers, a text in place of a list, and keys that read the same are refused."""
    with pytest.raises(InputError, match=message):
        gca.annotate_markers(markers)


def test_unknown_species_and_tissue():
    """An unknown species is an error that lists the known; a misspelled tissue a warning with the nearest name."""
    with pytest.raises(UnknownSpeciesError, match=r"human, mouse, rat.*cow"):
        gca.annotate_markers(GENES, species="chicken")
    with pytest.warns(UnknownTissueWarning, match="kidney") as caught:
        report = gca.annotate_markers(GENES, tissue={"B cell": "kidny", "T cell": "blood"})
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert report.cluster("T cell").broad_label == "T cell"


def test_no_overlap_says_both_counts_with_examples():
    """No overlap between genes and database: both counts, and examples of each."""
    with pytest.raises(
        NoOverlapError, match=r"0 of the 2 distinct.*the \d+ genes.*yours: foo-x, bar-y; the database's: \w"
    ):
        gca.annotate_markers({"0": ["foo-x", "bar-y"]})


def test_human_data_called_mouse_is_warned_of():
    """Human data called mouse is warned of; the case tells."""
    with pytest.warns(GeneNameWarning, match="written as human genes are"):
        gca.annotate_markers(GENES, species="mouse")


def test_a_model_name_is_not_taken_for_a_model():
    """A name without a provider is an error that says what to pass: nothing is sent by mistake."""
    with pytest.raises(InputError, match="names no provider and model"):
        gca.annotate_markers(GENES, model="gpt-x")
    with pytest.raises(InputError, match="no method complete"):
        gca.annotate_markers(GENES, model=object())


def test_arguments_outrank_settings_outrank_environment(monkeypatch):
    """min_support: settings.override first, then GCA_MIN_SUPPORT."""
    asked = {"0": ["MS4A1", "CD79A", "CD79B"]}

    def reasons(**options):
        return gca.annotate_markers(asked, **options).clusters[0].validation.flag_reasons

    monkeypatch.setenv("GCA_MIN_SUPPORT", "4")
    assert "low_marker_overlap" in reasons()
    with gca.settings.override(min_support=5):
        assert gca.annotate_markers(asked).parameters["min_support"] == "5"
    monkeypatch.setenv("GCA_MIN_SUPPORT", "many")
    with pytest.raises(InputError, match="GCA_MIN_SUPPORT is 'many'"):
        reasons()


def test_force_unknown_keeps_the_proposed_label():
    """A flagged cluster is Unknown or Novel, or with force_unknown off the proposed label; both are reported."""
    asked = {"0": ["MS4A1", "CD79A", "CD79B"]}
    with gca.settings.override(min_support=9):
        forced = gca.annotate_markers(asked).clusters[0]
    with gca.settings.override(min_support=9, force_unknown=False):
        kept = gca.annotate_markers(asked).clusters[0]
    assert forced.annotation.primary_label == "Unknown or Novel"
    assert forced.annotation.ontology_id is None
    assert kept.annotation.primary_label == kept.annotation.proposed_label == forced.annotation.proposed_label
    assert kept.status == forced.status != "supported"
    assert kept.confidence == "Low"


def test_ribosomal_genes_do_not_fill_a_long_list(lineages):
    """Of a list longer than n_markers, genes that say nothing are passed over, as in tl.annotate."""
    report = gca.annotate_markers({"0": [*(f"RPL{i}" for i in range(3, 15)), *lineages["B cell"]]}, n_markers=10)
    assert report.clusters[0].annotation.primary_label == "B cell"


def test_a_short_table_of_ones_own_works_alone():
    """Six types of five genes label the clusters that they fit; what they lack, and random genes, are Unknown."""
    panel = {
        "B cell": "MS4A1 CD79A CD79B CD37 HLA-DRA",
        "T cell": "CD3D CD3E IL32 CD27 LCK",
        "NK cell": "NKG7 GNLY PRF1 GZMB CST7",
        "monocyte": "LYZ CST3 FCN1 S100A8 TYROBP",
        "pDC": "IRF8 TCF4 LILRA4 IL3RA PLD4",
        "cycling cells of our lab": "STMN1 HMGB2 TUBA1B PCNA MKI67",
    }
    own = pd.DataFrame([(name, gene) for name, genes in panel.items() for gene in genes.split()])
    own.columns = ["cell_type", "gene"]
    ranked = {
        "T cell": "CD3D LCK CD3E TRAC IL7R IL32 TCF7 LTB CD27 CAMK4",
        "B cell": "CD79A MS4A1 BANK1 CD79B RALGPS2 HLA-DRA IGHM CD37 LINC00926 TCL1A",
        "monocyte": "S100A8 LYZ S100A9 FCN1 CD14 VCAN CST3 TYROBP MNDA S100A12",
        "Unknown or Novel": "SLC34A1 LRP2 CUBN GPX3 MIOX ALDOB SLC5A12 PDZK1 FABP1 ASS1",
    }
    report = gca.annotate_markers({label: genes.split() for label, genes in ranked.items()}, marker_db=own)
    assert {c.cluster_id: c.annotation.primary_label for c in report.clusters} == {label: label for label in ranked}
    symbols, draw = sorted(gca.db.load("bundled").facts["gene"].unique()), random.Random(0)
    lists = {str(n): draw.sample(symbols, 10 + 40 * (n % 2)) for n in range(100)}
    by_chance = gca.annotate_markers(lists, marker_db=own)
    assert sum(c.status == "unknown" for c in by_chance.clusters) >= 97


def test_an_editor_knows_the_result():
    """The functions for lists and tables have one class as their result, so that editors complete its fields."""
    for function in (gca.annotate_markers, gca.validate_markers):
        # Editors import what a type is made of; a run without a language model does not.
        hints = get_type_hints(function, localns={"ModelLike": Any})
        assert hints["return"] is gca.model.DatasetReport
