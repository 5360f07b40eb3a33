"""Numbers as the tables of spreadsheets, papers and programs write them."""

from __future__ import annotations

import re
import unicodedata

import pandas as pd

from gca_scanpy._missing import is_missing

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_SIGNS = str.maketrans(dict.fromkeys("‐‑‒–—―−﹣－⁻", "-"))
_IGNORED = re.compile(
    "[\\s'\"`´’‘_\u200b-\u200f\u2060\ufeff]"
)  # blanks of all widths, and marks that separate thousands
_POWER = re.compile(r"(?<=\d)[x×*·⋅∙]10(?:\^|\*\*)?(?=[+-]?\d)")
_NUMBER = re.compile(r"[+-]?(?:\d[\d.,]*|[.,]\d+)(?:[ed][+-]?\d+)?|[+-]?inf(?:inity)?")
_THOUSANDS = r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?(?:e[+-]?\d+)?"  # 12,345 and 12,345.6


def numbers(texts: pd.Series) -> pd.Series:
    """The numbers in a column of text; NaN if there is no value.

    A minus sign of any form, a decimal comma, marks between thousands, ``1.5×10⁻³``, a leading ``<`` or ``>``, and a
    negative number in parentheses are understood. A comma with three digits behind it separates thousands only if
    other numbers of the column have a decimal point, or several commas.

    Raises
    ------
    ValueError
        If a text is no number; the message has the text and its row, counted from 1.
    """
    values = pd.to_numeric(texts, errors="coerce").astype(float)
    unread = values.isna()
    unread &= ~texts.where(unread, "").map(is_missing).astype(bool)
    if not unread.any():
        return values
    missing = texts.map(is_missing).astype(bool)
    plain = _with_points(texts.mask(missing, "").map(_plain).astype(str))
    values = pd.to_numeric(plain, errors="coerce").astype(float)
    unread = (values.isna() & ~missing).to_numpy()
    if unread.any():
        row = int(unread.argmax())
        msg = f"{str(texts.iloc[row])[:40]!r} in row {row + 1}"
        raise ValueError(msg)
    return values


def _plain(text: str) -> str:
    """The number with ASCII digits, sign and exponent, and with the points and commas that it has; else empty."""
    text = unicodedata.normalize("NFKC", text.translate(_SUPERSCRIPTS)).translate(_SIGNS)
    text = _IGNORED.sub("", text).casefold().replace("∞", "inf").lstrip("<>=≤≥~≈")
    if text.startswith("(") and text.endswith(")"):  # as accountants write it
        text = f"-{text[1:-1]}"
    text = _POWER.sub("e", text)
    return re.sub(r"(?<=[\d.,])d(?=[+-]?\d)", "e", text) if _NUMBER.fullmatch(text) else ""


def _with_points(plain: pd.Series) -> pd.Series:
    """The numbers of a column without marks between thousands, and with decimal points."""
    commas = plain.str.contains(",", regex=False)
    if plain.str.contains(r"\..*(?:,|\.)").any():  # 1.234,5 or 1.234.567
        if plain.str.contains(r",.*[.,]").any():
            return plain  # 1,234.5 as well: the column contradicts itself, and these are no numbers
        return plain.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
    grouped = plain[commas].str.fullmatch(_THOUSANDS).all()
    if grouped and (plain.str.contains(".", regex=False) | plain.str.contains(r",.*,")).any():
        return plain.str.replace(",", "", regex=False)
    return plain.str.replace(",", ".", regex=False)
