"""How a marker table shows the direction of a gene without a statistic: words, yes or no, and pairs of levels."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Optional

import pandas as pd

from gca_scanpy._text_tables import is_missing

# Means outrank shares of cells: of a gene that all cells express, the shares are equal.
_MEAN = re.compile(r"mean|\bavg|average|median|\bexpr|\bexp\b|\bscale|\bcounts?\b|\b[ct]pm\b")
_SHARE = re.compile(r"\bpct|percent|\bperc\b|frac|detect|proba\b|\bnz\b|prop(?:ortion)?\b")
# How the two differ: the cluster first. An empty word is one that the other column has in addition.
_SIDES = (
    ("in", "out"), ("inside", "outside"), ("ingroup", "outgroup"), ("self", "other"), ("self", "others"),
    ("group", "reference"), ("group", "rest"), ("cluster", "rest"), ("cluster", "other"), ("cluster", "others"),
    ("target", "rest"), ("target", "background"), ("", "other"), ("", "others"), ("", "rest"), ("", "out"),
    ("", "reference"), ("", "ref"), ("", "background"),
)  # fmt: skip


def pairs(keys: Mapping[object, str]) -> list[tuple[object, object]]:
    """The columns of each pair, that of the cluster first: those of means, or those of shares if there are none.

    Parameters
    ----------
    keys
        The words of each column name.
    """
    names = {key: name for name, key in reversed(list(keys.items()))}
    for kind in (_MEAN, _SHARE):
        found = [
            (name, names[other])
            for name, key in keys.items()
            if kind.search(key)
            for other in _others(key)
            if other in names
        ]
        if found:
            return found
    return []


def _others(key: str) -> Iterator[str]:
    """The names that the other column of a pair may have."""
    if re.search(r"(?<!\d)1$", key):
        yield f"{key[:-1]}2"
    for inside, outside in _SIDES:
        if not inside:
            yield f"{key} {outside}"
            yield f"{outside} {key}"
        elif re.search(rf"\b{inside}\b", key):
            yield re.sub(rf"\b{inside}\b", outside, key)


# Words in place of numbers, as in a volcano plot. A column of this name must be understood.
WORDED = re.compile(r"regulat|\bdirection|\bsign\b|diff ?exp|\btrend\b|\bup\b|\bdown\b|\bchange|^de$|enrich|deplet")
UP = re.compile(r"up(?: ?reg\w*)?|higher|high|increased?|pos|positive|enriched|over ?expressed|[+↑▲]")
DOWN = re.compile(r"down(?: ?reg\w*)?|dn|lower|low|decreased?|neg|negative|depleted|under ?expressed|[-−–↓▼]")
# These words show a direction whatever the column is called: alone, or only if both directions occur.
PLAIN = re.compile(r"up|down")
PAIRED = re.compile(r"pos|neg|(?:in|de)creas|over ?expr|under ?expr|enrich|deplet|higher|lower")
NEITHER = re.compile(r"no|none|non.*|not.*|nosig.*|ns|n s|stable|same|unchanged|neutral|insignificant")

# Whether the gene is higher, or lower, as yes or no.
IS_UP = re.compile(rf"(?:is )?(?:{UP.pattern})(?: in \w+)?(?: (?:gene|marker))?|is marker")
IS_DOWN = re.compile(rf"(?:is )?(?:{DOWN.pattern})(?: in \w+)?(?: (?:gene|marker))?")
YES, NO = ("true", "yes", "y", "1"), ("false", "no", "n", "0")


def words(name: object) -> str:
    """The words of a column name in small letters, with one blank between them: ``avg_log2FC`` is ``avg log2fc``."""
    text = unicodedata.normalize("NFKC", str(name)).replace("∆", "Δ").replace("Δ", " delta ").replace("%", " percent ")
    if re.search(r"\|.+\|", text):
        text = f"abs {text}"
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))


def worded(texts: pd.Series, *, by_name: bool) -> Optional[pd.Series]:
    """1 for up, -1 for down and 0 for neither; None if the column has other words, or numbers.

    Parameters
    ----------
    by_name
        Whether the name of the column says that it has a direction; if not, it must say "up" or "down" itself.
    """
    signs, seen = {}, []
    for text in texts.unique():
        if is_missing(text) and text.strip() != "-":
            continue
        word = words(text) or text.strip()
        sign = next((n for n, pattern in ((1, UP), (-1, DOWN), (0, NEITHER)) if pattern.fullmatch(word)), None)
        if sign is None:
            return None
        signs[text] = float(sign)
        seen.append(word)
    is_plain = any(map(PLAIN.match, seen)) or ({1, -1} <= {*signs.values()} and any(map(PAIRED.match, seen)))
    return texts.map(signs).astype(float) if is_plain or (by_name and any(signs.values())) else None


def answered(texts: pd.Series, key: str) -> Optional[pd.Series]:
    """1 for a gene that is higher and -1 for one that is lower, if the column says so by yes or no; else None."""
    sign = 1.0 if IS_UP.fullmatch(key) else -1.0 if IS_DOWN.fullmatch(key) else None
    answers = texts.str.strip().str.casefold()
    if sign is None or not answers.isin((*YES, *NO)).all() or answers.empty:
        return None
    return answers.isin(YES).map({True: sign, False: -sign})
