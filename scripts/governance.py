"""Check each fact of the bundled marker database against the rules and against public tables.

    python scripts/governance.py [--sources DIR [--write] [--review FILE]]

Without --sources, the script checks ids, names, symbols, duplicates, signs, order, and the genes that separate
siblings. With a folder of public tables, it also checks that the letters in the column sources are those of the tables
that list the fact. --write sets the letters. --review FILE (outside this repository) lists the facts that no table has.
The exit code is 1 if a rule is broken; a warning does not change it.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Optional

import pandas as pd
from attrs import evolve, field, frozen

import gca_scanpy as gca
from gca_scanpy._files import whole
from gca_scanpy.db import _bundled, _name_rules, _rules
from gca_scanpy.db._rules import Finding

REPOSITORY = Path(__file__).resolve().parents[1]
DATA = REPOSITORY / "gca_scanpy" / "data"
TYPE_COLUMNS = ["cl_id", "cell_type", "tissue"]
SHORT_COLUMNS = ["cl_id", "short_name"]
FACT_COLUMNS = ["cl_id", "gene", "mark", "species", "sources"]
MARKS = ("++", "+", "-")
SPECIES = ("", "human", "mouse")
SHOWN = 25
Listed = Mapping[str, frozenset[tuple[str, str, str]]]  # by letter: id, gene in capitals, role


@frozen
class Row:
    """A line of a file of facts."""

    file: str
    line: int
    cl_id: str
    gene: str
    mark: str
    species: str
    sources: str

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
    names: _name_rules.Rows = ()
    words: _name_rules.Rows = ()
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
    # A folder of markers alone has no tables of names.
    names, words = (
        _lines(folder / name, columns, findings) if (folder / name).exists() else []
        for name, columns in _name_rules.COLUMNS.items()
    )
    return Data(types, rows, short, names, words, tuple(findings))


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
    if row.sources != "".join(letter for letter in _bundled.SOURCES if letter in row.sources):
        letters = "".join(_bundled.SOURCES)
        wrong.append(f"sources {row.sources!r} are not letters of {letters}, each once, in this order")
    return wrong


def check(data: Data) -> tuple[list[Finding], list[Finding]]:
    """Broken rules, and warnings, without any public table."""
    facts, ontology, genes = data.facts(), _bundled.ontology(), _bundled.gene_names()
    named = pd.DataFrame(
        [(name, key) for key, (name, _) in data.types.items()],
        columns=["cell_type", "cl_id"],
        index=[f"cell_types.tsv, {key}" for key in data.types],
    )
    broken = [*data.findings, *_types(data), *_short(data), *_order(data)]
    broken += [*_rules.ids(named, ontology), *_rules.names(named, ontology), *_rules.symbols(facts, genes)]
    broken += [*_rules.duplicates(facts), *_rules.signs(facts)]
    broken += _name_rules.tables(data.names, data.words, ontology, _bundled.tissues().canonical)
    return broken, [*_rules.few(facts), *_rules.siblings(facts, ontology)]


def _types(data: Data) -> list[Finding]:
    """Types without facts, with facts in two files, or with unknown tissues."""
    files: dict[str, str] = {}
    findings = []
    for row in data.rows:
        if row.cl_id not in data.types and row.cl_id not in files:
            findings.append(Finding("types", row.where, f"{row.cl_id} is not in cell_types.tsv"))
        if files.setdefault(row.cl_id, row.file) != row.file:
            findings.append(Finding("types", row.where, f"{row.cl_id} has facts in {files[row.cl_id]} too"))
    known = {"general", *_bundled.tissues().canonical}
    for key, (_, tissue) in data.types.items():
        unknown = [name for name in tissue.split(";") if name not in known]
        findings += [Finding("types", f"cell_types.tsv, {key}", f"{name!r} is no known tissue") for name in unknown]
        if key not in files:
            findings.append(Finding("types", f"cell_types.tsv, {key}", "the type has no facts"))
    return findings


def _short(data: Data) -> list[Finding]:
    """Types without a short name, and short names that look alike in a tissue; a general type is in all tissues."""
    where = "short_names.tsv, {}".format
    findings = [Finding("short", where(key), "the type has no short name") for key in data.types.keys() - data.short]
    alike: dict[str, list[str]] = {}
    for key, name in data.short.items():
        if key not in data.types:
            findings.append(Finding("short", where(key), f"{name!r} is of no type in cell_types.tsv"))
            continue
        look = "".join(character for character in name.casefold() if character.isalnum())
        for other in alike.setdefault(look, []):
            one, two = (set(data.types[k][1].split(";")) for k in (key, other))
            if "general" in one | two or one & two:
                findings.append(Finding("short", where(key), f"{name!r} looks like the short name of {other}"))
        alike[look].append(key)
    return findings


def _order(data: Data) -> list[Finding]:
    """Rows out of order. Rows are sorted so that two people who add the same fact change the same line."""
    findings = []
    if list(data.types) != sorted(data.types):
        findings.append(Finding("order", "cell_types.tsv", "the rows are not sorted by cl_id"))
    if list(data.short) != sorted(data.short):
        findings.append(Finding("order", "short_names.tsv", "the rows are not sorted by cl_id"))
    for before, row in zip(data.rows, data.rows[1:]):
        if before.file == row.file and row.order < before.order:
            findings.append(Finding("order", row.where, "the row must stand before the one above it"))
    return findings


def read_sources(folder: Path) -> tuple[Listed, list[str]]:
    """The facts of each public table in a folder, by the table's letter; and the tables that cannot be loaded."""
    listed, missing = {}, []
    with gca.settings.override(assets_home=folder):
        for letter, name in _bundled.SOURCES.items():
            try:
                facts = gca.db.load(name).facts
            except gca.GcaError as error:
                missing.append(f"{letter} {name}: {error}")
                continue
            listed[letter] = frozenset(zip(facts["cl_id"], facts["gene"].str.upper(), facts["role"]))
    return listed, missing


def corroborated(row: Row, listed: Listed) -> Row:
    """The row with the letters of the tables that list its fact; letters of tables that were not loaded stay."""
    fact = (row.cl_id, row.gene.upper(), row.role)
    letters = [k for k in _bundled.SOURCES if (fact in listed[k] if k in listed else k in row.sources)]
    return evolve(row, sources="".join(letters))


def compare(data: Data, listed: Listed) -> list[Finding]:
    """Rows whose letters are not those of the tables that list their fact."""
    pairs = [(row, corroborated(row, listed)) for row in data.rows]
    return [
        Finding("sources", row.where, f"{row.gene} of {row.cl_id} has {row.sources!r}; the tables give {new.sources!r}")
        for row, new in pairs
        if row != new
    ]


def write(data: Data, listed: Listed, folder: Path) -> Data:
    """The data with the letters set; each file is rewritten whole."""
    rows = [corroborated(row, listed) for row in data.rows]
    for name in sorted({row.file for row in rows}):
        lines = ["\t".join((r.cl_id, r.gene, r.mark, r.species, r.sources)) for r in rows if r.file == name]
        path = folder / "markers" / name
        with whole(path) as part:
            part.write_bytes("\n".join(["\t".join(FACT_COLUMNS), *lines, ""]).encode())
    return evolve(data, rows=rows)


def review(data: Data, path: Path) -> int:
    """Write the positive facts that no table has, for review by hand. Returns their number."""
    rows = [row for row in data.rows if not row.sources and row.role == "positive"]
    lines = ["\t".join((r.cl_id, data.types[r.cl_id][0], r.gene, r.mark, r.species or "both", r.where)) for r in rows]
    path.write_text("\n".join(["cl_id\tcell_type\tgene\tmark\tspecies\twhere", *lines, ""]), encoding="utf-8")
    return len(rows)


def counts(data: Data) -> str:
    """How many facts there are, and how many tables state them."""
    positive = Counter(len(row.sources) for row in data.rows if row.role == "positive")
    by_letter = Counter(letter for row in data.rows for letter in row.sources if row.role == "positive")
    negative = [row for row in data.rows if row.role == "negative"]
    backed = sum(1 for row in negative if row.sources)
    lines = [
        f"{len(data.types)} types, {len(data.rows)} facts, {sum(positive.values())} positive",
        *(f"  stated by {n} of {len(_bundled.SOURCES)} public tables: {positive[n]}" for n in sorted(positive)),
        *(f"  stated by {name}: {by_letter[letter]}" for letter, name in _bundled.SOURCES.items()),
        f"{len(negative)} negative, {backed} of them negative in a public table",
    ]
    return "\n".join(lines)


def _show(kind: str, findings: Sequence[Finding], shown: Optional[int]) -> None:
    for rule, number in sorted(Counter(finding.rule for finding in findings).items()):
        print(f"{kind}: {rule}: {number}")
        of_rule = [finding for finding in findings if finding.rule == rule]
        for finding in of_rule[:shown]:
            print(f"  {finding.where}: {finding.text}")
        if shown is not None and len(of_rule) > shown:
            print(f"  ... and {len(of_rule) - shown} more; --all shows them")


def _in_repository(path: Path) -> bool:
    """Whether a path belongs to the project; hidden folders such as .nox do not."""
    resolved = path.resolve()
    if REPOSITORY not in resolved.parents:
        return False
    return not any(part.startswith(".") for part in resolved.relative_to(REPOSITORY).parts)


def main(arguments: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=Path, help="folder with the public tables")
    parser.add_argument("--write", action="store_true", help="set the letters of the column sources")
    parser.add_argument("--review", type=Path, help="file for the facts that no table has")
    parser.add_argument(
        "--data",
        type=Path,
        default=DATA,
        help="folder with cell_types.tsv, short_names.tsv, markers/, and the tables of names if it has them",
    )
    parser.add_argument("--all", action="store_true", help="show every finding")
    args = parser.parse_args(arguments)
    if args.sources is None and (args.write or args.review):
        parser.error("--write and --review need --sources")
    if args.review is not None and _in_repository(args.review):
        parser.error(f"{args.review} is inside the repository; choose a path outside of it")
    data = read(args.data)
    broken, warnings = check(data)
    if args.sources is not None:
        listed, missing = read_sources(args.sources)
        print(*(f"not compared: {text}" for text in missing), sep="\n", end="\n" if missing else "")
        changed = compare(data, listed)
        if args.write and data.findings:
            parser.error(f"the files are not written: {data.findings[0]}")
        if args.write:
            data = write(data, listed, args.data)
            print(f"{len(changed)} rows have new letters")
        else:
            broken += changed
        if args.review is not None:
            print(f"{review(data, args.review)} positive facts that no table has: {args.review}")
    print(counts(data))
    shown = None if args.all else SHOWN
    _show("warning", warnings, shown)
    _show("broken", broken, shown)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
