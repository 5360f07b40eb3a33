"""The whole way from genes to the report: laws that hold for any input, and what a biologist relies on."""

from __future__ import annotations

import json
import random

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import gca_scanpy as gca
from gca_scanpy import _codec, _prepare
from gca_scanpy._judging.judge import judge
from gca_scanpy._keys import UNKNOWN_LABEL
from gca_scanpy._scoring import index
from gca_scanpy._scoring.case import Case, Limits, propose
from gca_scanpy._steps import ClusterMarkers, RankedGene
from gca_scanpy.db import _bundled, load
from gca_scanpy.errors import GeneNameWarning

ONTOLOGY = _bundled.ontology()
SYMBOLS = sorted(_bundled.gene_names().approved.values())
HEPATOCYTE = "ALB APOA1 APOC3 TTR CYP3A4 SERPINA1 TF FGB AHSG HP".split()
CLUSTERS = {
    "B": "MS4A1 CD79A CD79B CD19 BANK1 PAX5".split(),
    "T": "CD3D CD3E TRAC CD2 IL7R LTB RPL3".split(),
    "liver": HEPATOCYTE,
    "mixed": "CD3D ALB CD3E APOA1 TRAC APOC3 CD2 TTR".split(),
    "noise": "ZNF10 ZNF12 ZNF14 ZNF16".split(),
    "cycling": "MS4A1 MKI67 CD79A TOP2A CD19 CENPF".split(),
}
LISTS = st.lists(st.sampled_from(sorted({g for genes in CLUSTERS.values() for g in genes})), min_size=1, max_size=12)


def answers(report):
    """Give what the report says of each cluster, without the names of the genes."""
    return {
        c.cluster_id: (c.annotation, c.status, c.confidence_score, c.validation, c.states, c.broad_label)
        for c in report.clusters
    }


def labels(report):
    """Give label, proposal, status and score of each cluster."""
    kept = answers(report).items()
    return {key: (a.primary_label, a.proposed_label, status, score) for key, (a, status, score, *_) in kept}


def one(genes, **options):
    """Annotate a single cluster."""
    return gca.annotate_markers({"0": genes.split() if isinstance(genes, str) else genes}, **options).clusters[0]


def quietly(markers):
    """Annotate without the warning that few genes are known."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_prepare, "warn", lambda *_: None)
        return gca.annotate_markers(markers)


EXPECTED = answers(gca.annotate_markers(CLUSTERS))


@given(st.permutations(list(CLUSTERS)), st.integers(1, len(CLUSTERS)))
def test_order_and_company_of_clusters_change_nothing(order, n):
    """A cluster's answer, with all its evidence, does not hang on the order of the clusters or on which others are."""
    found = answers(quietly({key: CLUSTERS[key] for key in order[:n]}))
    assert list(found) == order[:n]
    assert found == {key: EXPECTED[key] for key in order[:n]}


@given(LISTS, st.randoms(use_true_random=False))
def test_the_case_of_gene_names_changes_no_label(genes, rng):
    """Gene names in any mixture of capitals and small letters are the same genes."""
    written = ["".join(rng.choice((c.upper(), c.lower())) for c in gene) for gene in dict.fromkeys(genes)]
    assert labels(quietly({"0": written})) == labels(quietly({"0": list(dict.fromkeys(genes))}))


@hypothesis_settings(max_examples=10)
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_rows_of_a_database_changes_nothing(rng):
    """A marker table with its rows in another order has the same fingerprint and gives the same answers."""
    facts = _bundled.database().facts
    names = "T cell,B cell,monocyte,hepatocyte,regulatory T cell,naive B cell,enterocyte,leukocyte".split(",")
    table = facts[facts["cell_type"].isin(names)]
    rows = list(range(len(table)))
    rng.shuffle(rows)
    first, second = load(table), load(table.iloc[rows])
    assert first.sha256 == second.sha256
    genes = [tuple(RankedGene(g, g) for g in genes) for genes in CLUSTERS.values()]
    built = [index.build(database, "human", _bundled.lineages()) for database in (first, second)]
    for cluster in (ClusterMarkers("0", g) for g in genes):
        cases = [Case.of(cluster, b, (), Limits(2, 0.2, 0.6)) for b in built]
        ranked = [case.candidates for case in cases]
        assert [(c.label, pytest.approx(c.score, abs=1e-3)) for c in ranked[0]] == [
            (c.label, c.score) for c in ranked[1]
        ]
        a, b = map(propose, cases)
        assert (a.label, a.ontology_id) == (b.label, b.ontology_id)
        judged = [judge(case, a) for case in cases]
        assert judged[0].status == judged[1].status
        assert judged[0].validation.flag_reasons == judged[1].validation.flag_reasons


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("length", [10, 50])
def test_random_genes_are_unknown(seed, length):
    """Of a hundred random gene lists at least 98 are Unknown."""
    rng = random.Random(1000 * length + seed)
    lists = {str(i): rng.sample(SYMBOLS, length) for i in range(100)}
    found = [c.annotation.primary_label == UNKNOWN_LABEL for c in quietly(lists).clusters]
    assert sum(found) >= 98


@pytest.mark.parametrize(
    ("genes", "states"),
    [
        ("RPL3 RPS3 RPL10 RPL13 RPS27 RPLP0 RPS6 RPL5", ()),
        ("MT-CO1 MT-CO2 MT-ND1 MT-ND4 MT-CYB MT-ATP6", ()),
        ("MALAT1 NEAT1 HLA-A HLA-B HLA-C B2M", ()),
        ("HSPA1A HSPA1B FOS JUN JUNB EGR1 DUSP1 HSPB1 DNAJB1 ATF3", ("immediate early", "heat shock")),
        ("MKI67 TOP2A CENPF BIRC5 CDK1 CCNB1 UBE2C TPX2 NUSAP1 AURKA", ("proliferating",)),
        ("ISG15 IFI6 IFIT1 IFIT2 IFIT3 MX1 OAS1 RSAD2", ("interferon alpha response",)),
        ("VEGFA CA9 NDRG1 ADM BNIP3 EGLN3 ANKRD37", ("hypoxic",)),
    ],
)
@pytest.mark.filterwarnings("ignore::gca_scanpy.errors.GeneNameWarning")
def test_generic_genes_alone_name_no_type(genes, states):
    """Genes that every type can have are Unknown, and what they tell is reported as a state."""
    found = one(genes)
    assert (found.annotation.primary_label, found.status) == (UNKNOWN_LABEL, "unknown")
    assert found.states == states


def test_a_state_stands_beside_the_type():
    """Cycling B cells are B cells that are proliferating."""
    found = one("MS4A1 MKI67 CD79A TOP2A CD79B CENPF CD19 BIRC5 BANK1 PAX5")
    assert found.broad_label == "B cell"
    assert found.states == ("proliferating",)


def test_a_tissue_is_never_a_wall():
    """Hepatocytes in the blood are still found, with the advice, surer in the liver and at most Medium in blood."""
    blood, liver, free = (one(HEPATOCYTE, tissue=tissue) for tissue in ("blood", "liver", None))
    assert {c.annotation.primary_label for c in (blood, liver, free)} == {"hepatocyte"}
    assert blood.validation.flag_reasons == ("tissue_mismatch",)
    assert "tissue_mismatch" in blood.warnings
    assert blood.confidence in {"Low", "Medium"}
    assert liver.confidence == "High"
    assert blood.confidence_score < free.confidence_score <= liver.confidence_score
    assert liver.validation.flag_reasons == free.validation.flag_reasons == ()


def test_a_tissue_for_each_cluster():
    """A mapping gives every cluster its own tissue."""
    found = gca.annotate_markers({"a": HEPATOCYTE, "b": HEPATOCYTE}, tissue={"a": "blood", "b": "liver"})
    assert [c.validation.flag_reasons for c in found.clusters] == [("tissue_mismatch",), ()]
    assert [c.tissue for c in found.clusters] == ["blood", "liver"]


@pytest.mark.parametrize(
    ("genes", "wanted", "support"),
    [
        ("Cd3e Cd3d Cd3g Trac Cd2 Cd5 Cd6", "T cell", "Cd3e"),
        ("Klrb1c Ncr1 Klre1 Klra8 Gzma Nkg7 Prf1", "natural killer cell", "Klrb1c"),
        ("Ly6c2 Ccr2 Ms4a4c Lyz2 F13a1 Fn1 Chil3", "monocyte", "Ly6c2"),
        ("Alb Apoa1 Apoc3 Ttr Serpina1a Fgb Ahsg", "hepatocyte", "Serpina1a"),
    ],
)
def test_mouse_genes(genes, wanted, support):
    """Mouse genes, with those that only the mouse has, name the type and are reported as they were given."""
    found = one(genes, species="mouse")
    assert found.status == "supported"
    assert ONTOLOGY.related(ONTOLOGY.resolve(wanted), found.annotation.ontology_id)
    assert support in found.validation.supporting_markers


def test_mouse_genes_called_human_are_warned_of():
    """Mouse data called human is warned of, in the report too, and human data is not."""
    with pytest.warns(GeneNameWarning, match="species is human; is it mouse"):
        report = gca.annotate_markers({"0": "Cd3e Cd3d Cd3g Trac Cd2 Cd5".split()})
    assert any("is it mouse" in message for message in report.warnings)
    assert gca.annotate_markers({"0": "CD3E CD3D CD3G TRAC CD2 CD5".split()}).warnings == ()


def test_few_known_genes_are_said_up_front():
    """Where the database knows fewer than a third of the genes the warning has both counts and examples."""
    table = pd.DataFrame({"cell_type": ["B cell"] * 3, "gene": ["MS4A1", "CD79A", "CD19"]})
    with pytest.warns(GeneNameWarning, match=r"only 1 of the 10 distinct marker genes are among the 3 genes"):
        report = gca.annotate_markers({"0": [*HEPATOCYTE[:9], "MS4A1"]}, marker_db=table)
    assert report.clusters[0].status == "unknown"


def test_a_short_table_of_ones_own_is_no_fault_of_the_names():
    """If most genes of a short table are among the marker genes, there is no warning about gene names."""
    table = pd.DataFrame({"cell_type": ["hepatocyte"] * 2, "gene": HEPATOCYTE[:2]})
    assert gca.annotate_markers({"0": HEPATOCYTE[:10]}, marker_db=table).warnings == ()


def test_two_runs_give_the_same_report():
    """The same input gives the same report, byte for byte but for request id, time and seconds."""

    def run():
        report = json.loads(_codec.to_json(gca.annotate_markers(CLUSTERS, tissue="blood")))
        assert report["provenance"].pop("request_id")
        assert report["provenance"].pop("created_at")
        assert report["telemetry"].pop("seconds")
        return json.dumps(report)

    assert run() == run()


def test_each_step_has_its_seconds():
    """A report says how long each step took."""
    assert set(quietly(CLUSTERS).telemetry.seconds) == {"genes", "scoring", "verdicts", "guardrails"}
