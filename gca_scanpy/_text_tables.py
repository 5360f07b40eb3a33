"""Tables in text: their encoding and separators, and which texts of them are numbers, directions, or no value.

A table without a statistic shows the direction of a gene by words, by yes or no, or by pairs of levels.
"""

from __future__ import annotations

import codecs
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    import pandas as pd

ROW_NAMES = "row names"  # the column of this table that has no name in the file
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"}
_MARKS |= {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}  # after UTF-32, which begins with the same
_RECORD = re.compile(
    rb'[\r\n]*((?:[^"\r\n]|"[^"]*")*)'
)  # a line that is not blank; quoted cells may have several lines
_ADVICE = "put quotes around values with a comma, such as 2,5 or a list of genes, or separate the columns by tabs"
MARK = re.compile(rb"[\t;,|]")
_SEPARATOR_LINE = re.compile(rb'"?sep=([\t,;|])"?[\r\n]+', re.IGNORECASE)  # Excel reads and hides this first line
# Values are text: a gene called NA or 1-2, and a cluster with leading zeros, stay what they are.
AS_TEXT: dict[str, Any] = {"header": None, "dtype": str, "keep_default_na": False, "na_filter": False}
# Spreadsheets write the words with #.
MISSING = frozenset(
    "|-|--|.|?|na|n/a|nan|nat|<na>|none|null|nil|missing|nd|n.d.|#n/a|#na|#div/0!|#num!|#value!|#ref!|#null!|#name?".split(
        "|"
    )
)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_SIGNS = str.maketrans(dict.fromkeys("‐‑‒–—―−﹣－⁻", "-"))
_IGNORED = re.compile(
    "[\\s'\"`´’‘_\u200b-\u200f\u2060\ufeff]"
)  # blanks of all widths, and marks that separate thousands
_POWER = re.compile(r"(?<=\d)[x×*·⋅∙]10(?:\^|\*\*)?(?=[+-]?\d)")
_NUMBER = re.compile(r"[+-]?(?:\d[\d.,]*|[.,]\d+)(?:[ed][+-]?\d+)?|[+-]?inf(?:inity)?")
_THOUSANDS = r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?(?:e[+-]?\d+)?"  # 12,345 and 12,345.6


class UnreadableError(ValueError):
    """Data that is no table; the message says what it is, and what to do."""


def utf8(data: bytes) -> bytes:
    """Text as UTF-8 without a byte order mark, from UTF-8, UTF-16 or UTF-32."""
    encoding = next((encoding for mark, encoding in _MARKS.items() if data.startswith(mark)), None)
    if encoding is None and (leading := data[:400]).count(0) > len(leading) / 3:
        encoding = "utf-16-le" if leading[1::2].count(0) > leading[::2].count(0) else "utf-16-be"
    try:
        text = data.decode(encoding or "utf-8")
    except UnicodeDecodeError as reason:
        line = data.count(b"\n", 0, reason.start) + 1
        msg = f"its text is not {reason.encoding.upper()} (byte {data[reason.start]:#x} in line {line}), but perhaps "
        msg += "Latin-1 or Windows-1252; save it as text in UTF-8 (in Excel: CSV UTF-8)"
        raise UnreadableError(msg) from reason
    data = data if encoding is None else text.encode()
    if b"\0" in data:
        msg = "it is damaged or no text, because it has null characters; export it again, as text in UTF-8"
        raise UnreadableError(msg)
    if not data.strip():
        msg = "it is empty; export the table again"
        raise UnreadableError(msg)
    return data


def delimited(data: bytes) -> pd.DataFrame:
    """Text with a header, separated by tabs, semicolons, commas, bars or blanks."""
    import pandas as pd

    stated = _SEPARATOR_LINE.match(data)
    data = data[stated.end() :] if stated else data
    first = _RECORD.match(data)
    second = _RECORD.match(data, first.end() if first else 0)
    lines = [re.sub(rb'"[^"]*"', b'""', match[1]) if match else b"" for match in (first, second)]
    separator = stated[1].decode() if stated else _separator(*lines)
    n_names, n_values = (len(line.split() if separator == r"\s+" else line.split(separator.encode())) for line in lines)
    try:
        table = pd.read_csv(io.BytesIO(data), sep=separator, names=range(max(n_names, n_values)), **AS_TEXT)
    except pd.errors.ParserError as reason:  # a row with more fields, or a quote that does not end
        what = " ".join(str(reason).split()).replace("Error tokenizing data. C error: ", "")
        msg = f"its rows differ in length, or a quote does not end ({what}); {_ADVICE}"
        raise UnreadableError(msg) from reason
    return headed(table, n_names)


def _separator(header: bytes, row: bytes) -> str:
    """What separates columns, by the header, which has fewer other uses for these marks than values have.

    The ending does not tell: .txt is anything, and some spreadsheets write .csv with semicolons.
    """
    counts = {mark: header.count(mark.encode()) for mark in "\t;,|"}
    # A row has as many marks as the header, or one more after row names without a heading, or behind the last value.
    agreed = {mark: n for mark, n in counts.items() if n and row.count(mark.encode()) in (n, n + 1)}
    best = max(agreed or counts, key=lambda mark: counts[mark])
    is_blank = not counts[best] and len(row.split()) - len(header.split()) in (0, 1) and len(row.split()) > 1
    return r"\s+" if is_blank else best


def headed(table: pd.DataFrame, n_names: int) -> pd.DataFrame:
    """The table below its first row, which has the names of the columns.

    Parameters
    ----------
    n_names
        How many fields the header has. The rows may have one more: the names of the rows, as R's write.table writes
        them, or nothing, if a separator ends each row.
    """
    names = [str(name).strip() for name in table.iloc[0, :n_names]]
    body = table.iloc[1:].reset_index(drop=True)
    extra = body.shape[1] - n_names
    if extra == 1 and body.iloc[:, -1].eq("").all():
        body = body.iloc[:, :-1]
    elif extra == 1 and body[0].is_unique and body.iloc[:, -1].ne("").all():
        names = [ROW_NAMES, *names]
    elif extra > 0:
        msg = f"its rows have {body.shape[1]} fields, and its first line has {n_names}; {_ADVICE}"
        raise UnreadableError(msg)
    return single(body.set_axis(names, axis=1))


def single(table: pd.DataFrame) -> pd.DataFrame:
    """The table with each column once.

    Raises
    ------
    UnreadableError
        If two columns have the same name and different values.
    """
    repeated = [name for name in table.columns[table.columns.duplicated()].unique() if str(name).strip()]
    for name in repeated:
        same = table.loc[:, table.columns == name]
        if not all(same.iloc[:, 0].equals(same.iloc[:, n]) for n in range(1, same.shape[1])):
            msg = f"it has several columns {name!r} with different values; delete or rename all but one"
            raise UnreadableError(msg)
    return table.loc[:, ~(table.columns.duplicated() & table.columns.isin(repeated))]


def gene_sets(lines: Iterable[str]) -> Optional[pd.DataFrame]:
    """The lines of a GMT file as a table with a row for each gene of each set; None if no line is a gene set."""
    import pandas as pd

    rows = [
        (name, description, gene)
        for name, description, *genes in (line.rstrip("\r\n").split("\t") for line in lines if line.count("\t") >= 2)
        # Some writers give a weight with each gene.
        for gene in (text.split(",")[0].strip() for text in genes)
        if gene
    ]
    return pd.DataFrame(rows, columns=["gene_set", "description", "gene"], dtype=object) if rows else None


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
    import pandas as pd

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


def is_missing(text: str) -> bool:
    """Whether a table writes this if there is no value."""
    return text.strip().casefold() in MISSING


def is_no_name(text: str) -> bool:
    """Whether a name is what tables write if there is no value: in any punctuation, numbered or not ("NA_1")."""
    letters = _letters(text)
    return bool(letters) and letters in _NO_NAMES


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum()).rstrip("0123456789")


_NO_NAMES = frozenset({*map(_letters, MISSING), "nacharacter"})  # R's missing text is NA_character_


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
    """The columns of each pair, the cluster's own first: of means if the table has them, otherwise of shares.

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
