"""The statistics of marker tables: a gene that is lower in a cluster is never one of its markers."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy import _statistics
from gca_scanpy._statistics import STATISTICS, read
from gca_scanpy._text_tables import words

COLUMNS = {name: kind for kind in STATISTICS for name in kind.columns.split(", ")}
# Groups whose names have parts that mean something in a column of statistics.
GROUPS = (
    "CTRL", "LN", "untreated", "Non-lesional", "Chronic", "biological", "Histology", "effector", "P_validation",
    "abscess", "P_adjuvant", "SE", "rank_1", "c_diff", "T",
)  # fmt: skip
SPELLINGS = {
    "as it is": str,
    "capitals": str.upper,
    "small letters": str.lower,
    "dots": lambda name: name.replace("_", "."),
    "blanks": lambda name: name.replace("_", " "),
    **{f"after {group}": lambda name, group=group: f"{group}_{'t_stat' if name == 't' else name}" for group in GROUPS},
    "a comparison behind it": lambda name: f"{name} (0 vs rest)" if name not in ("z_score", "t") else name,
}
FORMS = {
    "point": str,
    "comma": lambda number: str(number).replace(".", ","),
    "minus": lambda number: str(number).replace("-", "\u2212"),
    "both": lambda number: f"\u2009{number}".replace(".", ",").replace("-", "\u2013"),
}


def _table(**columns):
    return pd.DataFrame({name: list(map(str, values)) for name, values in columns.items()}, dtype=object)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_lower_genes_are_never_higher(spelling):
    """Whatever a column is called, and for which group, only genes with greater values are higher."""
    for column, kind in COLUMNS.items():
        name, values = SPELLINGS[spelling](column), [kind.neutral - 0.25, kind.neutral + 0.25, kind.neutral]
        assert read(_table(**{name: values})).higher.tolist() == [False, True, False], name


@given(
    st.sampled_from(list(COLUMNS)),
    st.sampled_from(list(FORMS)),
    st.lists(st.floats(-0.49, 0.49).filter(lambda value: abs(value) > 1e-3), min_size=1),
)
def test_numbers_in_any_form(column, form, changes):
    """Law: however the numbers of a statistic are written, only greater values are higher."""
    neutral = COLUMNS[column].neutral
    changes = [-0.25, *(round(change, 4) for change in changes)]
    values = [FORMS[form](round(neutral + change, 4)) for change in changes]
    assert read(_table(**{column: values})).higher.tolist() == [change > 0 for change in changes]


@pytest.mark.parametrize(
    "name",
    [
        "avg_log2FC", "avg_logFC", "avg_log10FC", "avg.log2FC", "CTRL_avg_log2FC", "CASE_avg_log2FC",
        "logfoldchanges", "log2FoldChange", "logFC", "LogFC.shrunk", "summary.logFC", "logFC.2", "logFC_x", "LFC",
        "l2fc", "Log2 FC", "log₂FC", "log2(FC)", "Log2 (Fold Change)", "log2 fold-change", "Fold change (log2)",
        "FC [log2]", "log2 ratio", "log_odds_ratio", "avg_diff", "mean difference", "pct.diff", "Δ", "delta_mean",
        "coef", "Estimate", "beta", "effect size", "Cohen's d", "rank_biserial", "scores", "Score", "z", "Z-score",
        "zval", "t", "t.statistic", "stat", "statistic", "wald_stat", "NES", "signed_log10_p", "sign", "direction",
        "fold_change", "FC", "ratio",
    ],
)  # fmt: skip
def test_names_of_statistics_around_zero(name):
    """Each usual name is known; a ratio with a negative value is a logarithm or has a sign."""
    evidence = read(_table(**{name: ["-2.5", "1.5", "0"]}))
    assert evidence.higher.tolist() == [False, True, False]


@pytest.mark.parametrize(
    "name", ["auc", "myAUC", "AUC", "roc_auc", "AUROC", "summary.AUC", "AUC.2", "Area under the curve"]
)
def test_names_of_areas_under_the_curve(name):
    """An AUC of one half is neutral, also with a decimal comma."""
    assert read(_table(**{name: ["0,1", "0,9", "0,5"]})).higher.tolist() == [False, True, False]


@pytest.mark.parametrize(
    "name", ["fold_change", "Fold Change", "FC", "foldchange", "ratio", "linear_FC", "non-log FC", "odds_ratio"]
)
def test_names_of_ratios(name):
    """A ratio of one is neutral."""
    assert read(_table(**{name: ["0.1", "3", "1"]})).higher.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("direction", ("down", "up", "")),
        ("diffexpressed", ("DOWN", "UP", "NO")),
        ("anything", ("Down-regulated", "Up-regulated", "Not significant")),
        ("regulation", ("-", "+", "ns")),
        ("regulation", ("↓", "↑", "")),
        ("change", ("decreased", "increased", "stable")),
        ("sign", ("-1", "1", "0")),
        ("sign", ("negative", "positive", "")),
        ("marker_type", ("negative", "positive", "")),
        ("kind", ("depleted", "enriched", "n.s.")),
        ("level", ("under-expressed", "overexpressed", "")),
    ],
)
def test_words_in_place_of_numbers(name, values):
    """The words of a volcano plot show the direction."""
    assert read(_table(**{name: values})).higher.tolist() == [False, True, False]


@pytest.mark.parametrize("values", [("FALSE", "TRUE"), ("no", "Yes"), ("0", "1")])
@pytest.mark.parametrize(
    "name", ["up", "is_up", "upregulated", "is_higher", "positive_marker", "Increased in cluster", "is_marker"]
)
def test_yes_and_no(name, values):
    """A column that is called after a direction answers by yes or no."""
    assert read(_table(**{name: values})).higher.tolist() == [False, True]
    assert read(_table(is_lower=values)).higher.tolist() == [True, False]


def test_a_signed_logarithm_of_p_values():
    """A logarithm of p-values has one sign; if a column has both, its sign is the direction."""
    for name in ("sign_log10p", "-log10(p)", "log10_pval", "-log10 FDR", "slog10p_signed"):
        assert read(_table(**{name: ["-9", "5", "0"]})).higher.tolist() == [False, True, False], name


@pytest.mark.parametrize("name", ["OR", "RR"])
def test_short_names_of_ratios(name):
    """An odds ratio and a relative risk of one are neutral."""
    assert read(_table(**{name: ["0.1", "3", "1"]})).higher.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("abs_log2FC", ("2.5", "1"), "not whether it is higher or lower"),
        ("|log2FC|", ("2.5", "1"), "not whether it is higher or lower"),
        ("power", ("0.5", "0.1"), "not whether it is higher or lower"),
        ("max.logFC.cohen", ("2", "1"), "not whether it is higher or lower"),
        ("LR", ("20", "1"), "not whether it is higher or lower"),
        ("U", ("20", "1"), "not whether it is higher or lower"),
        ("W", ("20", "1"), "not whether it is higher or lower"),
        ("bayes_factor", ("20", "1"), "not whether it is higher or lower"),
        ("importance", ("0.2", "0.1"), "not whether it is higher or lower"),
        ("type", ("-", "+"), "is not understood"),
        ("statistic", ("2500", "100"), "not whether it is higher or lower"),  # Wilcoxon's U
        ("regulation", ("hoch", "runter"), "is not understood"),
        ("enrichment", ("2", "1"), "is not understood"),
        ("avg_log2F", ("-2.5", "1"), "has negative numbers"),
        ("PC1", ("−2,5", "1"), "has negative numbers"),
        ("avg_log2FC", ("low", "1.5"), "'low' in row 1, which is not a number"),
        ("avg_log2FC", ("2.5 fold", "1.5"), "'2.5 fold' in row 1"),
        ("avg_log2FC", ("", "NA"), "has no value"),
        ("auc", ("10", "90"), "outside of 0 to 1"),
        ("fold change (%)", ("20", "150"), "is in percent"),
    ],
)
def test_what_is_not_understood(name, values, reason):
    """A column that seems to have a direction and is not understood is an error that names it."""
    with pytest.raises(ValueError, match=reason) as raised:
        read(_table(gene=["LYZ", "CD3D"], **{name: values}), ["gene"])
    assert repr(name) in str(raised.value)


@pytest.mark.parametrize("reason", ["not whether", "has negative", "has no value", "outside of"])
def test_an_error_lists_what_is_accepted(reason):
    """The accepted statistics are in the error, each with names of its columns."""
    values = {
        "not whether": ("power", "1"),
        "has negative": ("x", "-1"),
        "has no value": ("logFC", ""),
        "outside of": ("auc", "7"),
    }
    name, value = values[reason]
    with pytest.raises(ValueError, match=reason) as raised:
        read(_table(**{name: [value]}))
    assert all(
        column in str(raised.value) for column in ("avg_log2FC", "logfoldchanges", "myAUC", "fold_change", "avg_diff")
    )


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"p_val": ["0.01", "0.02"], "p_val_adj": ["1", "1"], "pct.1": ["0.1", "0.2"], "max_pct": ["0.1", "0.2"]},
        {"-log10(p)": ["5", "3"], "log10_pval": ["-5", "-3"], "strand": ["-1", "1"], "logCPM": ["-1", "2"]},
        {"description": ["up to date", "down syndrome"], "n_cells": ["5", "6"]},
        {"confidence": ["high", "low"], "pct_positive": ["0.1", "0.9"], "strand": ["+", "-"], "status": ["neg", "neg"]},
        {"mean": ["0.1", "0.9"], "pct.2": ["0.9", "0.1"], "fraction_expressing": ["0.1", "0.2"]},
        {"alpha": ["3", "0"], "beta": ["0", "2"], "delta": ["0", "0.1"], "T": ["0", "5"]},  # means in cell types
    ],
)
def test_columns_without_a_direction(columns):
    """A list of genes, p-values, shares of cells and notes show no direction: every gene is a marker."""
    assert read(_table(gene=["MS4A1", "CD79A"], **columns), ["gene"]).higher.all()


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ("pct.1", "pct.2"), ("pct_in", "pct_out"), ("mean_1", "mean_2"), ("Mean1", "Mean2"), ("scale1", "scale2"),
        ("exp.in", "exp.out"),
        ("raw_mean1", "raw_mean2"), ("proba_m1", "proba_m2"), ("self.average", "other.average"),
        ("self.detected", "other.detected"), ("log2Mean", "log2Mean_other"), ("pct_nz_group", "pct_nz_reference"),
        ("avg_expr_cluster", "avg_expr_rest"), ("Average expression in", "Average expression out"),
    ],
)  # fmt: skip
def test_levels_inside_and_outside(inside, outside):
    """If no other column has a direction, the levels in the cluster and elsewhere show it, in any order."""
    levels = {outside: ["0,9", "0.1", "0.5", ""], inside: ["0,1", "0.9", "0.5", "1"]}
    assert read(_table(**levels)).higher.tolist() == [False, True, False, False]
    levels = {"logFC": ["-1", "1", "1", "1"], "U": ["9", "8", "7", "6"], **levels}
    assert read(_table(**levels)).higher.tolist() == [False, True, True, True]
    del levels["logFC"]
    assert read(_table(**levels)).higher.tolist() == [False, True, False, False]


def test_means_outrank_shares():
    """Of a gene that all cells express, the shares are equal, and the means are not."""
    table = _table(**{"pct.1": ["1", "1"], "pct.2": ["1", "1"], "mean.1": ["5", "1"], "mean.2": ["1", "5"]})
    assert read(table).higher.tolist() == [True, False]


def test_several_statistics():
    """A gene is higher if all that is known of it says so; of a gene of which nothing is known, nothing is said."""
    table = _table(scores=["9", "-9", "9", "", "5"], logfoldchanges=["2", "-2", "-0.1", "", ""], weight=["-1"] * 5)
    assert read(table).higher.tolist() == [True, False, False, False, True]


def test_summaries_outrank_single_comparisons():
    """A summary of comparisons, as scran has, decides; without one, a gene must be higher in each of them."""
    pairs = {"logFC.1": ["2", "2"], "logFC.2": ["-0.1", "1"]}
    assert read(_table(**{"summary.logFC": ["2", "-1"]}, **pairs)).higher.tolist() == [True, False]
    assert read(_table(**pairs)).higher.tolist() == [False, True]
    means = {"mean.AUC": ["0.9", "0.1"], "min.AUC": ["0.4", "0"], "max.AUC": ["1", "0.9"]}
    assert read(_table(**means)).higher.tolist() == [True, False]


def test_p_values():
    """The greatest p-value that is not adjusted counts, of several groups too."""
    table = _table(CTRL_p_val=["0.01", "<2e-16"], STIM_p_val=["0,2", "1e-5"], CTRL_p_val_adj=["1", "1"], FDR=["1", "1"])
    assert read(table).p_value.tolist() == [0.2, 1e-5]
    assert read(_table(**{"P.Value": ["0.03"], "-log10 p": ["7"]})).p_value.tolist() == [0.03]


def test_words_of_a_column_name():
    """Case, punctuation and typographic forms make no difference."""
    assert words("avg_log2FC") == words("Avg.Log₂FC ") == "avg log2fc"
    assert words("Δ mean") == "delta mean"


def test_the_docs_list_every_statistic(request):
    """The page on marker tables has each accepted column."""
    text = (request.config.rootpath / "docs" / "marker_tables.md").read_text()
    assert [column for column in COLUMNS if f"`{column}`" not in text] == []
    assert all(kind.name in text for kind in _statistics.STATISTICS)
