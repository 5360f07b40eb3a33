"""Check each fact of the bundled marker database against the rules and against public sources.

    python scripts/governance.py [--sources DIR ... [--write] [--propose FILE] [--review FILE]]

Without --sources, the script checks ids, names, symbols, duplicates, signs, order, and the genes that separate
siblings. With folders of public lists and expression profiles, it also checks that the witnesses (the columns stated,
nearby and seen) and citations.tsv are what these sources state, and that each fact that they contradict has a decision
in decisions.tsv. --write sets the witnesses and the citations; what a source states that is in no folder stays.
--propose FILE lists what enough sources state and the database lacks, --review FILE the facts without a witness (both
outside this repository). The exit code is 1 if a rule is broken; a warning does not change it.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import pandas as pd
from attrs import evolve
from witnesses import citations, lists, profiles
from witnesses.compare import Evidence
from witnesses.files import CITATIONS, Data, Row, read, write

from gca_scanpy._scoring.facts import ASCTB, PROFILE
from gca_scanpy.db import _bundled, _rules
from gca_scanpy.db._rules import Finding

REPOSITORY = Path(__file__).resolve().parents[1]
DATA = REPOSITORY / "gca_scanpy" / "data"
SHOWN = 25


def check(data: Data) -> tuple[list[Finding], list[Finding]]:
    """Broken rules, and warnings, without any public table."""
    facts, ontology, genes = data.facts(), _bundled.ontology(), _bundled.gene_names()
    tissues = _bundled.tissues().canonical
    named = pd.DataFrame(
        [(name, key) for key, (name, _) in data.types.items()],
        columns=["cell_type", "cl_id"],
        index=[f"cell_types.tsv, {key}" for key in data.types],
    )
    broken = [*data.findings, *_types(data), *_short(data), *_order(data), *_citations(data)]
    broken += [*_rules.ids(named, ontology), *_rules.names(named, ontology), *_rules.symbols(facts, genes)]
    broken += [*_rules.duplicates(facts), *_rules.signs(facts)]
    broken += _rules.tables_of_names(data.names, data.words, ontology, tissues)
    if data.priors is not None:
        broken += _rules.priors(data.priors, {key: t.split(";") for key, (_, t) in data.types.items()}, tissues)
    broken += _surface()
    return [*broken, *_stale(data)], [*_rules.few(facts), *_rules.siblings(facts, ontology)]


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


def _surface() -> list[Finding]:
    """Surface proteins that are no approved symbols, have no CD name, or are out of order."""
    table, approved = _bundled.surface_proteins(), _bundled.gene_names().approved
    wrong = [gene for gene, name in table.items() if gene not in approved or not (name[:2] == "CD" and name[2:])]
    order = [] if list(table) == sorted(table) else ["the rows are not sorted by gene"]
    texts = [*(f"{gene} is no approved symbol, or {table[gene]!r} no CD name" for gene in wrong), *order]
    return [Finding("surface", "surface_proteins.tsv", text) for text in texts]


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


def _cited_facts(data: Data) -> list[lists.Fact]:
    """The facts that ASCT+B states."""
    code = _bundled.sources_by_name()[ASCTB].code
    return [(row.cl_id, row.gene, row.role) for row in data.rows if code in row.stated]


def _citations(data: Data) -> list[Finding]:
    """Citations out of order, of no fact that ASCT+B states, or with references that nobody can look up."""
    findings = []
    if list(data.citations) != sorted({cells[:3]: cells for cells in data.citations}.values()):
        findings.append(Finding("order", CITATIONS, "the rows are not sorted by cl_id, gene and table, each once"))
    facts = {(cl_id, gene) for cl_id, gene, _ in _cited_facts(data)}
    for cl_id, gene, table, references in data.citations:
        if (cl_id, gene) not in facts:
            text = f"{table} cites {gene} of {cl_id}, which is no fact with {ASCTB} among its sources"
            findings.append(Finding("citations", CITATIONS, text))
        for reference in filter(None, references.split(";")):
            if not citations.REFERENCE.fullmatch(reference):
                text = f"{gene} of {cl_id}: {reference!r} is neither doi:10... nor PMID:..."
                findings.append(Finding("citations", CITATIONS, text))
            elif citations.restored(reference) != reference:
                text = f"{gene} of {cl_id}: {reference!r} is cut off or lost its parentheses"
                findings.append(Finding("citations", CITATIONS, text))
    return findings


def _stale(data: Data) -> list[Finding]:
    """Decisions that the facts do not show: a removed fact that is there, or another one that is not."""
    facts = {(row.cl_id, row.gene, row.mark) for row in data.rows}
    findings = []
    for (cl_id, gene), (decision, mark) in data.decisions.items():
        if ((cl_id, gene, mark) in facts) == (decision == "removed"):
            text = f"{gene} ({mark}) of {cl_id} is {decision}, but {'there' if decision == 'removed' else 'not there'}"
            findings.append(Finding("decisions", "decisions.tsv", text))
    return findings


def read_evidence(folders: Sequence[Path]) -> tuple[Evidence, list[str]]:
    """What the public sources in some folders state, and why files there cannot be read."""
    ontology, genes = _bundled.ontology(), _bundled.gene_names()
    known = _known()
    listed: dict[str, frozenset[lists.Fact]] = {}
    unread: list[str] = []
    found: list[profiles.Profile] = []
    cited: citations.Cited = {}
    for folder in folders:
        more, not_read = lists.read(folder, ontology, genes, known)
        listed.update(more)
        unread += not_read
        found += profiles.read(folder, genes, known)
        cited.update(citations.read(folder, genes, known))
    sources = _bundled.sources_by_name()
    unknown = sorted({*listed, *(profile.name for profile in found)} - set(sources))
    if unknown:
        sys.exit(f"sources.tsv has no row for {', '.join(unknown)}")
    return Evidence(sources, listed, found, ontology, cited), unread


def _known() -> dict[str, str]:
    """Symbols of the marker database by their upper-case form."""
    return {gene.upper(): gene for gene in _bundled.database().facts["gene"].unique()}


def compare(data: Data, evidence: Evidence) -> tuple[Data, list[Finding]]:
    """The data with the columns and citations that the sources give, and where these differ."""
    rows, findings = [], []
    for row in data.rows:
        cells = evidence.cells(row.cl_id, row.gene, row.role, row.species, row.cells)
        rows.append(evolve(row, stated=cells.stated, nearby=cells.nearby, seen=cells.seen))
        if cells != row.cells:
            text = f"{row.gene} of {row.cl_id} has {row.cells}; the sources give {cells}"
            findings.append(Finding("witnesses", row.where, text))
    compared = evolve(data, rows=rows)
    if ASCTB not in evidence.absent:
        cited = citations.rows(evidence.cited, _cited_facts(compared))
        different = len(set(cited) ^ set(data.citations))
        if different:
            findings.append(Finding("citations", CITATIONS, f"{different} rows differ from the tables of {ASCTB}"))
        compared = evolve(compared, citations=cited)
    return compared, findings


def contradicted(data: Data, evidence: Evidence) -> list[Finding]:
    """Facts that the sources contradict and that nobody has decided to keep."""
    findings = []
    for row in data.rows:
        why = evidence.contradiction(row.cl_id, row.gene, row.role, row.species)
        if why and data.decisions.get((row.cl_id, row.gene), ("", ""))[0] not in ("kept", "marked"):
            fact = f"{row.gene} ({row.mark}) of {row.cl_id}"
            text = f"{fact} is {why}; remove it, or keep it with a reason in decisions.tsv"
            findings.append(Finding("contradicted", row.where, text))
    return findings


def review(data: Data, path: Path) -> int:
    """Write the positive facts without a witness, for review by hand. Returns their number."""
    rows = [row for row in data.rows if row.role == "positive" and grade(row) == "none"]
    lines = ["\t".join((r.cl_id, data.types[r.cl_id][0], r.gene, r.mark, r.species or "both", r.where)) for r in rows]
    path.write_text("\n".join(["cl_id\tcell_type\tgene\tmark\tspecies\twhere", *lines, ""]), encoding="utf-8")
    return len(rows)


def propose(data: Data, evidence: Evidence, path: Path) -> int:
    """Write what enough sources state and the database lacks, for review by hand. Returns its number."""
    proposed = evidence.proposals((row.cl_id, row.gene) for row in data.rows if row.role == "positive")
    label = _bundled.ontology().label
    lines = [
        f"{term}\t{label(term)}\t{gene}\t{'yes' if term in data.types else 'no'}\t{';'.join(names)}"
        for term, gene, names in proposed
    ]
    path.write_text("\n".join(["cl_id\tcell_type\tgene\tin_database\tsources", *lines, ""]), encoding="utf-8")
    return len(lines)


def grade(row: Row) -> str:
    """The best witness of a fact: ``exact`` for its very term, ``nearby`` for a neighbor only, or ``none``."""
    if row.stated or row.seen_in:
        return "exact"
    return "nearby" if row.nearby else "none"


def counts(data: Data) -> str:
    """How many facts there are, and what witnesses they have."""
    positive = [row for row in data.rows if row.role == "positive"]
    negative = [row for row in data.rows if row.role == "negative"]
    codes = _bundled.public_sources()

    def independent(row: Row) -> int:
        return len({codes[code].group for code in row.stated + row.near + row.seen_in})

    def share(rows: Sequence[Row]) -> str:
        return f"{len(rows)} ({len(rows) / max(1, len(positive)):.1%})"

    by_grade = {name: [row for row in positive if grade(row) == name] for name in ("exact", "nearby", "none")}
    stated = sum(1 for row in negative if row.stated)
    lines = [
        f"{len(data.types)} types, {len(data.rows)} facts, {len(positive)} positive",
        f"  at least one witness for the very term: {share(by_grade['exact'])}",
        f"  at least one, or one for a neighboring term: {share(by_grade['exact'] + by_grade['nearby'])}",
        f"  at least two independent witnesses: {share([row for row in positive if independent(row) > 1])}",
        f"  no witness: {share(by_grade['none'])}",
        *(
            f"  {'seen in' if source.kind == PROFILE else 'stated by'} {source.name}: "
            f"{sum(1 for row in positive if code in row.stated + row.seen_in)}"
            for code, source in codes.items()
        ),
        f"{len(negative)} negative, {stated} of them negative in a public list",
        f"{len(data.decisions)} decisions in decisions.tsv",
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
    parser.add_argument("--sources", type=Path, action="append", help="folder with public sources; may be given again")
    parser.add_argument("--write", action="store_true", help="set the witnesses and the citations")
    parser.add_argument("--propose", type=Path, help="file for what the sources state and the database lacks")
    parser.add_argument("--review", type=Path, help="file for the facts without a witness")
    parser.add_argument(
        "--data",
        type=Path,
        default=DATA,
        help="folder with cell_types.tsv, short_names.tsv, markers/, and the tables of names and priors if it has them",
    )
    parser.add_argument("--all", action="store_true", help="show every finding")
    args = parser.parse_args(arguments)
    outside = [path for path in (args.propose, args.review) if path is not None]
    if args.sources is None and (args.write or outside):
        parser.error("--write, --propose and --review need --sources")
    for path in outside:
        if _in_repository(path):
            parser.error(f"{path} is inside the repository; choose a path outside of it")
    data = read(args.data)
    broken, warnings = check(data)
    if args.sources is not None:
        if args.write and data.findings:
            parser.error(f"the files are not written: {data.findings[0]}")
        evidence, unread = read_evidence(args.sources)
        for text in (*unread, *filter(None, [", ".join(evidence.absent)])):
            print(f"not compared: {text}")
        data, changed = compare(data, evidence)
        if args.write:
            write(data, args.data)
            print(f"{len(changed)} changes")
        else:
            broken += changed
        broken += contradicted(data, evidence)
        if args.propose is not None:
            print(f"{propose(data, evidence, args.propose)} proposals: {args.propose}")
        if args.review is not None:
            print(f"{review(data, args.review)} positive facts without a witness: {args.review}")
    print(counts(data))
    shown = None if args.all else SHOWN
    _show("warning", warnings, shown)
    _show("broken", broken, shown)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
