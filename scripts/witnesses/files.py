"""The files of the marker database: facts, types, names, priors, decisions and citations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Optional

import pandas as pd
from attrs import field, frozen

from gca_scanpy._files import whole
from gca_scanpy._scoring.facts import PROFILE
from gca_scanpy.db import _bundled, _rules
from gca_scanpy.db._rules import Finding
from witnesses import citations
from witnesses.compare import Cells

TYPE_COLUMNS = ["cl_id", "cell_type", "tissue"]
SHORT_COLUMNS = ["cl_id", "short_name"]
FACT_COLUMNS = ["cl_id", "gene", "mark", "species", "stated", "nearby", "seen"]
CITATIONS = "citations.tsv"
DECISION_COLUMNS = ["cl_id", "gene", "decision", "mark", "reason"]
DECISIONS = ("added", "kept", "marked", "removed")
MARKS = ("++", "+", "-")
SPECIES = ("", "human", "mouse")


@frozen
class Row:
    """A line of a file of facts."""

    file: str
    line: int
    cl_id: str
    gene: str
    mark: str
    species: str
    stated: str
    nearby: str
    seen: str

    @property
    def seen_in(self) -> str:
        """The codes of the profiles in which the gene stands out."""
        return self.seen.partition("/")[0]

    @property
    def near(self) -> str:
        """The codes of the sources with a statement about a neighbor of the type."""
        return "".join(part[0] for part in self.nearby.split(",") if part)

    @property
    def cells(self) -> Cells:
        return Cells(self.stated, self.nearby, self.seen)

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def role(self) -> str:
        return "negative" if self.mark == "-" else "positive"

    @property
    def order(self) -> tuple[str, int, str, str]:
        return (self.cl_id, MARKS.index(self.mark), self.species, self.gene)


@frozen
class Data:
    """The content of the files, and the findings about their form."""

    types: Mapping[str, tuple[str, str]]
    rows: Sequence[Row]
    short: Mapping[str, str] = field(factory=dict)
    decisions: Mapping[tuple[str, str], tuple[str, str]] = field(factory=dict)  # decision and mark by id and gene
    citations: tuple[tuple[str, ...], ...] = ()
    names: _rules.Rows = ()
    words: _rules.Rows = ()
    priors: Optional[_rules.Rows] = None  # no table
    findings: tuple[Finding, ...] = field(default=())

    def facts(self) -> pd.DataFrame:
        """The facts as the package has them, with file and line as the index."""
        return pd.DataFrame(
            {
                "cell_type": [self.types.get(row.cl_id, ("", ""))[0] for row in self.rows],
                "cl_id": [row.cl_id for row in self.rows],
                "gene": [row.gene for row in self.rows],
                "species": [row.species or "both" for row in self.rows],
                "role": [row.role for row in self.rows],
            },
            index=[row.where for row in self.rows],
            dtype=object,
        )


def read(folder: Path) -> Data:
    """The files in a folder with ``cell_types.tsv``, ``short_names.tsv`` and ``markers/*.tsv``."""
    findings: list[Finding] = []
    types: dict[str, tuple[str, str]] = {}
    for line, cells in _lines(folder / "cell_types.tsv", TYPE_COLUMNS, findings):
        if cells[0] in types:
            findings.append(Finding("types", f"cell_types.tsv:{line}", f"{cells[0]} has two rows"))
        types[cells[0]] = (cells[1], cells[2])
    short: dict[str, str] = {}
    for line, cells in _lines(folder / "short_names.tsv", SHORT_COLUMNS, findings):
        if cells[0] in short:
            findings.append(Finding("short", f"short_names.tsv:{line}", f"{cells[0]} has two rows"))
        short[cells[0]] = cells[1]
    rows = []
    for path in sorted((folder / "markers").glob("*.tsv")):
        for line, cells in _lines(path, FACT_COLUMNS, findings):
            row = Row(path.name, line, *cells)
            wrong = _wrong_values(row)
            findings += [Finding("form", row.where, text) for text in wrong]
            # The other rules cannot read such a row.
            rows += [] if wrong else [row]
    decisions = _decisions(folder / "decisions.tsv", findings)
    cited = tuple(tuple(cells) for _, cells in _lines(folder / CITATIONS, citations.COLUMNS, findings))
    # A folder of markers alone has no tables of names and of priors.
    names, words = (
        _lines(folder / name, columns, findings) if (folder / name).exists() else []
        for name, columns in _rules.NAME_TABLES.items()
    )
    path = folder / _rules.PRIORS
    priors = _lines(path, _rules.PRIOR_COLUMNS, findings) if path.exists() else None
    return Data(types, rows, short, decisions, cited, names, words, priors, tuple(findings))


def _decisions(path: Path, findings: list[Finding]) -> dict[tuple[str, str], tuple[str, str]]:
    """What was decided about a gene of a type, where there was a reason to look at it, and the mark of the fact."""
    decisions: dict[tuple[str, str], tuple[str, str]] = {}
    for line, (cl_id, gene, decision, mark, reason) in _lines(path, DECISION_COLUMNS, findings):
        where = f"{path.name}:{line}"
        if decision not in DECISIONS or not reason:
            text = f"{gene} of {cl_id} is {decision!r}; use one of {', '.join(DECISIONS)}, with a reason"
            findings.append(Finding("form", where, text))
        if (cl_id, gene) in decisions:
            findings.append(Finding("form", where, f"{gene} of {cl_id} has two rows"))
        decisions[cl_id, gene] = (decision, mark)
    if list(decisions) != sorted(decisions):
        findings.append(Finding("order", path.name, "the rows are not sorted by cl_id and gene"))
    return decisions


def _lines(path: Path, columns: list[str], findings: list[Finding]) -> list[tuple[int, list[str]]]:
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    if header.split("\t") != columns:
        findings.append(Finding("form", path.name, f"the header is {header!r}; it must be {' '.join(columns)!r}"))
    rows = []
    for number, line in enumerate(lines, 2):
        cells = line.split("\t")
        if len(cells) == len(columns):
            rows.append((number, cells))
        else:
            text = f"the row has {len(cells)} cells; it must have {len(columns)}"
            findings.append(Finding("form", f"{path.name}:{number}", text))
    return rows


def _wrong_values(row: Row) -> list[str]:
    wrong = []
    if row.mark not in MARKS:
        wrong.append(f"mark {row.mark!r} is not one of {' '.join(MARKS)}")
    if row.species not in SPECIES:
        wrong.append(f"species {row.species!r} is neither empty nor human nor mouse")
    codes = _bundled.public_sources()
    of_lists = "".join(code for code, source in codes.items() if source.kind != PROFILE)
    of_profiles = "".join(code for code in codes if code not in of_lists)
    seen, _, unseen = row.seen.partition("/")
    for name, given, allowed in (
        ("stated", row.stated, of_lists),
        ("nearby", row.near, of_lists + of_profiles),
        ("seen", seen, of_profiles),
        ("seen", unseen, "".join(code for code in of_profiles if code not in seen)),
    ):
        if given != "".join(code for code in allowed if code in given):
            wrong.append(f"{name} {given!r} must have codes of {allowed!r}, each once and in this order")
    terms = [f"CL:{part[1:]}" for part in row.nearby.split(",") if part]
    wrong += [f"nearby names {term}, which is no current term" for term in terms if term not in _bundled.ontology()]
    return wrong


def write(data: Data, folder: Path) -> None:
    """Write the facts and the citations; each file is rewritten whole."""
    with whole(folder / CITATIONS) as part:
        lines = ["\t".join(cells) for cells in (citations.COLUMNS, *data.citations)]
        part.write_bytes("\n".join([*lines, ""]).encode())
    for name in sorted({row.file for row in data.rows}):
        rows = (r for r in data.rows if r.file == name)
        lines = ["\t".join((r.cl_id, r.gene, r.mark, r.species, r.stated, r.nearby, r.seen)) for r in rows]
        with whole(folder / "markers" / name) as part:
            part.write_bytes("\n".join(["\t".join(FACT_COLUMNS), *lines, ""]).encode())
