"""The statistics of marker tables: which columns show that a gene is higher in its cluster, and how."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Optional

import pandas as pd
from attrs import frozen

from gca_scanpy._text_tables import WORDED, answered, numbers, pairs, worded, words


@frozen
class Statistic:
    """A statistic that has a direction: greater is higher in the cluster.

    Attributes
    ----------
    name, columns
        What it is, and usual names of its columns.
    pattern
        Of the words of a column name, see :func:`words`.
    neutral
        Its value for a gene that is as high in the cluster as elsewhere.
    is_score
        Whether genes are ordered by it.
    """

    name: str
    columns: str
    pattern: str
    neutral: float = 0.0
    is_score: bool = False


_FOLD = r"(?:fc\b|fc ?\d+\b|fold|ratio)"
_LOG = r"(?:\b|avg|ave|mean|median)log(?:2|10|1p|e|ged)?(?: |\b|fc|fold|ratio)"  # not that of "biological"
AUC = Statistic("AUC", "auc, myAUC, roc_auc, AUROC", r"auc\b|auroc|area under|\broc\b", neutral=0.5, is_score=True)
# Some write a logarithm or a signed fold change here: if the column has a negative value, zero is neutral.
RATIO = Statistic("ratio", "fold_change, FC, ratio, odds_ratio", rf"{_FOLD}|^(?:or|rr)$", neutral=1.0)
# Wilcoxon's U and others of this name are never negative and have no direction: the column needs a negative value.
STATISTIC = Statistic("statistic", "statistic, stat", r"\bstat(?:istic)?s?\b", is_score=True)
SCORE = Statistic(
    "score",
    "scores, z_score, t, signed_log10_p",
    r"scores?\b|^[tz]$|z ?val|\bt(?:est)? ?(?:stat|val)|\bwald\b|\bnes\b|\bsigned\b|\bsi?gn \w*log",
    is_score=True,
)
# The first whose pattern occurs in the words of a column name is taken, unless NO_DIRECTION or UNSIGNED fits.
STATISTICS = (
    Statistic("ratio", RATIO.columns, rf"\b(?:(?:non|not|un) ?log|linear).*{_FOLD}", neutral=1.0),
    Statistic(
        "log fold change",
        "avg_log2FC, avg_logFC, logfoldchanges, logFC, log2FoldChange, summary.logFC, lfc",
        rf"{_LOG}.*{_FOLD}|{_LOG}(?<=fc|ld|io)|{_FOLD}.*\blog|\bl[ng]\d?{_FOLD}|\bl\d?fc|lfc\b",
    ),
    AUC,
    RATIO,
    Statistic("difference", "avg_diff, difference, delta", r"diffs?\b|difference|\bdelta"),
    Statistic(
        "effect",
        "coef, estimate, beta, effect_size, cohens_d",
        r"\bcoef|\bestimates?\b|\bbeta\b|\beffects?\b|cohen|hedges|\bcliff|biserial|\bslope\b|logit|\blog ?odds\b|"
        r"^sign$|^direction$",
    ),
    SCORE,
    STATISTIC,
)
# A share or a mean in the cluster, and the same elsewhere.
LEVELS = Statistic("level in the cluster minus that elsewhere", "pct.1 and pct.2, mean_in and mean_out", "")
ACCEPTED = "; ".join(f"{name}: {columns}" for name, columns in {s.name: s.columns for s in STATISTICS}.items())
# P-values, errors, ranks and mean levels.
NO_DIRECTION = re.compile(
    r"^(?!.*\bsigned\b|.*\bsi?gn \w*log)"
    r"(?:.*(?:[pq] ?val(?:ue)?s?\b|padj\b|\bp ?adj(?:ust(?:ed)?)?\b|\bfdr\b|log\d* ?p$|\b[pq]$|\bse$|"
    r"fcse\b|\bs[dt]d?$|\bstd ?err|\berror\b|\bvar$|variance|\bci$|\bci (?:l|r|lo|hi|low|up)|\brank$|strand$)|"
    r"rank (?:log|auc)|pr |log ?cpm|ave ?expr|b$|chr(?:om\w*)?$)"
)
# A logarithm of p-values has one sign. If a column has both, the sign is the direction.
LOG_OF_CHANCE = re.compile(r"log(?:2|10|e)? ?(?:of )?(?:[pq]\b|[pq] ?val|p ?adj|fdr|adj)")
# Greater values of these mean that a gene differs more, up or down.
UNSIGNED = re.compile(
    r"\babs(?:olute|\b|l|fc|fold)|magnitude|\bpower\b|^[fuw]$|^lr$|likelihood ratio|"
    r"chi ?sq|\bchi2\b|mann ?whitney|\bbayes ?factor|\bproba ?de\b|\bimportance|\bgini\b|\bmutual ?info|\binfo\w* ?gain"
)
GREATEST = re.compile(r"\bmax(?:imum)?\b")  # of comparisons with single clusters: the gene may be lower than in most
SUMMARY = re.compile(r"\b(?:summary|mean|median)\b")  # of comparisons with single clusters, which then do not count
P_VALUE = re.compile(r"(?:.* )?(?:p|p ?val(?:ue)?s?)|pr chisq")
ADJUSTED = re.compile(r"adj|fdr|q ?val|bonf|holm|corrected|\bbh\b")
RANK = re.compile(r"(?:.* )?(?:gene|marker) rank|rank|top")
# Names of cell types and of much else as well: a direction only if the column has a negative value.
SHORT = ("beta", "delta", "t", "z")


@frozen(eq=False)
class RowStatistics:
    """What the statistics of a table show about its rows.

    Attributes
    ----------
    columns
        The columns that show a direction, each with what it was taken for.
    higher
        Whether the gene is higher in its cluster; True in every row if no column shows a direction.
    lower
        Whether a column shows that it is lower.
    p_value
        The greatest p-value of each row, not adjusted, or NaN without one.
    order
        The sort key of each row, the least first: a rank, or a score; None if the table has neither.
    other_orders
        P-values and fold changes as sort keys, the least first.
    """

    columns: tuple[str, ...]
    higher: pd.Series
    lower: pd.Series
    p_value: pd.Series
    order: Optional[pd.Series]
    other_orders: tuple[pd.Series, ...]


def read(table: pd.DataFrame, skipped: Collection[object] = ()) -> RowStatistics:
    """Read the statistics of a table with text in every cell.

    If several columns have a direction, a gene is higher only if all of them say so. A row in which none of them has
    a value is not higher.

    Parameters
    ----------
    skipped
        Columns that are no statistics.

    Raises
    ------
    ValueError
        If a column seems to have a direction and it is not understood; the message names the column.
    """
    keys = {name: key for name in table.columns if name not in skipped and (key := words(name))}
    directed = _directed(table, keys)
    p_values, adjusted = _p_values(table, keys)
    higher, lower = pd.Series(True, index=table.index), pd.Series(False, index=table.index)
    if directed:
        signs = pd.DataFrame({name: values - _neutral(name, values, kind) for name, (kind, values) in directed.items()})
        if len(table) and signs.isna().all(axis=None):
            msg = f"the column {', '.join(map(repr, directed))} has no value, so nothing shows which genes are higher; "
            msg += f"export the table with it, or with one of these: {ACCEPTED}"
            raise ValueError(msg)
        higher = (signs.gt(0) | signs.isna()).all(axis=1) & signs.notna().any(axis=1)
        lower = signs.lt(0).any(axis=1)
    else:
        levels = _differences(table, keys)
        _refuse_unknown(table, keys, has_levels=bool(levels))
        if levels:
            directed = {name: (LEVELS, difference) for name, difference in levels.items()}
            higher, lower = pd.DataFrame(levels).gt(0).all(axis=1), pd.DataFrame(levels).lt(0).any(axis=1)
    ranks = [numbers_of(table, name) for name, key in keys.items() if RANK.fullmatch(key)]
    by_kind = _least_by_kind(directed)
    scores = [-by_kind[kind.name] for kind in STATISTICS if kind.is_score and kind.name in by_kind]
    changes = [-by_kind[kind.name] for kind in (*STATISTICS, LEVELS) if not kind.is_score and kind.name in by_kind]
    chance = [values for values in (p_values, adjusted) if values is not None]
    return RowStatistics(
        columns=tuple(f"{str(name)!r} ({kind.name if kind else 'direction'})" for name, (kind, _) in directed.items()),
        higher=higher,
        lower=lower,
        p_value=pd.Series(float("nan"), index=table.index) if p_values is None else p_values,
        order=next(iter([*ranks, *scores]), None),
        other_orders=(*chance, *changes),
    )


def numbers_of(table: pd.DataFrame, name: object) -> pd.Series:
    """The numbers of a column.

    Raises
    ------
    ValueError
        If the column has a text that is no number; the message names the column and the text.
    """
    try:
        return numbers(table[name])
    except ValueError as error:
        msg = f"the column {str(name)!r} has {error}, which is not a number; correct it, or remove the column"
        raise ValueError(msg) from error


Directed = Mapping[object, tuple[Optional[Statistic], pd.Series]]


def _directed(table: pd.DataFrame, keys: Mapping[object, str]) -> Directed:
    """The columns that have a direction, with their statistic (None for words) and their values."""
    directed: dict[object, tuple[Optional[Statistic], pd.Series]] = {}
    for name, key in keys.items():
        kind = None if any(no.search(key) for no in (NO_DIRECTION, UNSIGNED, GREATEST)) else _statistic(key)
        if kind is None and LOG_OF_CHANCE.search(key) and _has_both_signs(table[name]):
            kind = SCORE
        signs = answered(table[name], key)
        if signs is None and not NO_DIRECTION.search(key):
            signs = worded(table[name], by_name=kind is not None or WORDED.search(key) is not None)
        if signs is not None:
            directed[name] = (None, signs)
        elif kind is not None:
            values = numbers_of(table, name)
            if (kind is not STATISTIC and key not in SHORT) or values.lt(0).any():
                directed[name] = (kind, values)
    summaries = {kind.name for name, (kind, _) in directed.items() if kind and SUMMARY.search(keys[name])}
    return {
        name: (kind, values)
        for name, (kind, values) in directed.items()
        if kind is None or kind.name not in summaries or SUMMARY.search(keys[name])
    }


def _differences(table: pd.DataFrame, keys: Mapping[object, str]) -> dict[object, pd.Series]:
    """How much greater a level is in the cluster than elsewhere, for each pair of columns with such levels."""
    return {
        f"{inside} - {outside}": numbers_of(table, inside) - numbers_of(table, outside)
        for inside, outside in pairs(keys)
    }


def _statistic(key: str) -> Optional[Statistic]:
    return next((statistic for statistic in STATISTICS if re.search(statistic.pattern, key)), None)


def _neutral(name: object, values: pd.Series, kind: Optional[Statistic]) -> float:
    """The value of a gene that is neither higher nor lower."""
    if kind is None:
        return 0.0
    if kind.name == RATIO.name and "percent" in words(name):  # 50 % may be half as high, or half as high again
        msg = f"the column {str(name)!r} is in percent; give the ratio itself, or one of these: {ACCEPTED}"
        raise ValueError(msg)
    if kind is AUC and (values.lt(0) | values.gt(1)).any():
        msg = f"the column {str(name)!r} seems to be an AUC, and has values outside of 0 to 1; "
        msg += f"rename it if it is another statistic; understood are: {ACCEPTED}"
        raise ValueError(msg)
    return 0.0 if kind.name == RATIO.name and values.lt(0).any() else kind.neutral


def _refuse_unknown(table: pd.DataFrame, keys: Mapping[object, str], *, has_levels: bool) -> None:
    """Refuse a table in which only columns that are not understood could show a direction.

    Parameters
    ----------
    has_levels
        Whether pairs of columns show it; then a statistic without a direction does no harm.
    """
    for name, key in keys.items():
        if NO_DIRECTION.search(key):
            continue
        is_unsigned = UNSIGNED.search(key) or re.search(STATISTIC.pattern, key)
        if is_unsigned or (GREATEST.search(key) and _statistic(key)):
            if has_levels:
                continue
            what = "shows how much a gene differs, but not whether it is higher or lower in the cluster"
        elif WORDED.search(key) or {"+", "-"} <= set(table[name].str.strip()) <= {"+", "-", ""}:
            what = "seems to show whether a gene is higher or lower in the cluster, and is not understood"
        elif _has_negative(table[name]):
            what = "has negative numbers and may show which genes are lower in the cluster, but it is not known"
        else:
            continue
        msg = f"the column {str(name)!r} {what}; remove it, or give the table one of these columns: {ACCEPTED}"
        raise ValueError(msg)


def _has_negative(texts: pd.Series) -> bool:
    try:
        return bool(numbers(texts).lt(0).any())
    except ValueError:
        return False


def _has_both_signs(texts: pd.Series) -> bool:
    return _has_negative(texts) and bool(numbers(texts).gt(0).any())


def _p_values(table: pd.DataFrame, keys: Mapping[object, str]) -> tuple[Optional[pd.Series], Optional[pd.Series]]:
    """The greatest of the p-values in each row, and the same of the adjusted ones; None if there are none."""
    raw, adjusted = [], []
    for name, key in keys.items():
        if ADJUSTED.search(key) and NO_DIRECTION.search(key) and "log" not in key:
            adjusted.append(name)
        elif P_VALUE.fullmatch(key) and "log" not in key and "signed" not in key:
            raw.append(name)
    greatest = [
        pd.DataFrame({name: numbers_of(table, name) for name in names}).max(axis=1) if names else None
        for names in (raw, adjusted)
    ]
    return greatest[0], greatest[1]


def _least_by_kind(directed: Directed) -> dict[str, pd.Series]:
    """The least value of each statistic in each row."""
    columns: dict[str, dict[object, pd.Series]] = {}
    for name, (kind, values) in directed.items():
        if kind is not None:
            columns.setdefault(kind.name, {})[name] = values
    return {name: pd.DataFrame(values).min(axis=1) for name, values in columns.items()}
