"""The governance of the marker database: the bundled one, and a small one that breaks each rule."""

from __future__ import annotations

import gzip
import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT, DOCS = ROOT / "scripts" / "governance.py", ROOT / "docs"
B_CELL, T_CELL = "CL:0000236", "CL:0000084"
TYPES = f"cl_id\tcell_type\ttissue\n{T_CELL}\tT cell\tblood;lymph node\n{B_CELL}\tB cell\tgeneral\n"
SHORT = f"cl_id\tshort_name\n{T_CELL}\tT cell\n{B_CELL}\tB cell\n"
NAMES = """name\tcl_id\ttissue\tused_by
PC\t\t\tplasma or principal cell
PC\tCL:1001431\tkidney\tKPMP
plasma\tCL:0000786\t\tfield
Tcm\tCL:0000813\t\tfield
"""
WORDS = """word\tkind\tmeaning
cell\tnoise\t
cycling\tstate\tproliferation
type\tnoise\t
"""
HEADER = "cl_id\tgene\tmark\tspecies\tstated\tnearby\tseen\n"
DECISIONS = "cl_id\tgene\tdecision\tmark\treason\n"
CITATIONS = "cl_id\tgene\ttable\treferences\n"
T_GENES, B_GENES = "CD2 CD3D CD3E CD3G CD5 CD6", "BANK1 CD19 CD22 CD79A CD79B MS4A1"
PANGLAO = "species\tofficial gene symbol\tcell type\tcanonical marker\torgan\n" + "".join(
    f"Mm Hs\t{gene}\tB cells\t1\tImmune system\n" for gene in ("MS4A1", "CD19")
)
SCTYPE = "tissueType\tcellName\tgeneSymbolmore1\tgeneSymbolmore2\nImmune system\tB cells\tCD19\tCD3E\n"


@pytest.fixture(scope="module")
def governance():
    """Give the script as a module; what it imports from its own folder is found as when it is run."""
    sys.path.append(str(SCRIPT.parent))
    spec = importlib.util.spec_from_file_location("governance", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["governance"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["governance"]
    sys.path.remove(str(SCRIPT.parent))


@pytest.fixture(scope="module")
def bundled(governance):
    """Read the bundled database once, which takes seconds."""
    return governance.read(governance.DATA)


def rows(*changed):
    """Give the lines of a valid file of facts, and further lines."""
    valid = [f"{T_CELL}\t{gene}\t++\t\t\t\t" for gene in T_GENES.split()]
    valid += [f"{B_CELL}\t{gene}\t++\t\t\t\t" for gene in B_GENES.split()]
    return [*valid, *changed]


@pytest.fixture
def data(tmp_path):
    """Write a small database: its lines of facts, by file, and its types."""

    def data(lines=None, types=TYPES, short=SHORT, names=NAMES, words=WORDS, decisions="", citations="", **more):
        folder = tmp_path / "data"
        (folder / "markers").mkdir(parents=True, exist_ok=True)
        (folder / "cell_types.tsv").write_text(types)
        (folder / "short_names.tsv").write_text(short)
        (folder / "cell_names.tsv").write_text(names)
        (folder / "cell_words.tsv").write_text(words)
        (folder / "decisions.tsv").write_text(DECISIONS + decisions)
        (folder / "citations.tsv").write_text(CITATIONS + citations)
        for name, content in {"blood": rows() if lines is None else lines, **more}.items():
            (folder / "markers" / f"{name}.tsv").write_text(HEADER + "".join(f"{line}\n" for line in content))
        return folder

    return data


@pytest.fixture
def sources(tmp_path):
    """Give a folder with two small public tables."""
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "PanglaoDB.tsv").write_text(PANGLAO)
    (folder / "ScTypeDB.tsv").write_text(SCTYPE)
    return folder


def test_the_real_data(governance, bundled, capsys, monkeypatch):
    """The bundled database breaks no rule, and at most nine types lack genes that separate them from siblings."""
    broken, warnings = governance.check(bundled)
    monkeypatch.setattr(governance, "check", lambda _: (broken, warnings))  # `nox -s governance` checks it, too
    assert governance.main([]) == 0, capsys.readouterr().out
    assert broken == []
    assert sum(finding.rule == "siblings" for finding in warnings) <= 9
    assert {finding.rule for finding in warnings} <= {"siblings"}


def test_a_valid_small_database(governance, data, capsys):
    """The small database breaks no rule until the other tests change it."""
    assert governance.main(["--data", str(data())]) == 0
    assert "2 types, 12 facts, 12 positive" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        ("form", f"{B_CELL}\tPAX5\t+++\t\t\t\t"),
        ("form", f"{B_CELL}\tPAX5\t++\trat\t\t\t"),
        ("form", f"{B_CELL}\tPAX5\t++\t\tSM\t\t"),
        ("form", f"{B_CELL}\tPAX5\t++\t\tMM\t\t"),
        ("form", f"{B_CELL}\tPAX5\t++\t\tQ\t\t"),
        ("form", f"{B_CELL}\tPAX5\t++\t\ta\t\t"),
        ("form", f"{B_CELL}\tPAX5\t++\t\t\tM0000084,P0000084\t"),
        ("form", f"{B_CELL}\tPAX5\t++\t\t\tP9999999\t"),
        ("form", f"{B_CELL}\tPAX5\t++\t\t\tP\t"),
        ("form", f"{B_CELL}\tPAX5\t++\t\t\t\tba"),
        ("form", f"{B_CELL}\tPAX5\t++\t\t\t\ta/a"),
        ("form", f"{B_CELL}\tPAX5\t++\t\t\t\tP/a"),
        ("form", f"{B_CELL}\tPAX5\t++"),
        ("symbols", f"{B_CELL}\tNOGENE\t++\t\t\t\t"),
        ("symbols", f"{B_CELL}\tSTRANGE20\t++\tmouse\t\t\t"),
        ("duplicates", f"{B_CELL}\tMS4A1\t+\thuman\t\t\t"),
        ("signs", f"{B_CELL}\tMS4A1\t-\t\t\t\t"),
        ("order", f"{B_CELL}\tBLK\t++\t\t\t\t"),
        ("types", "CL:0000542\tPTPRC\t++\t\t\t\t"),
    ],
)
def test_a_broken_row(governance, data, capsys, rule, line):
    """A row that breaks a rule is reported with its file and line, and the exit code is 1."""
    assert governance.main(["--data", str(data(rows(line)))]) == 1
    text = capsys.readouterr().out
    assert f"broken: {rule}: 1\n  blood.tsv:14: " in text


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("names", "\tB cell\t", "\tB lymphocyte\t"),
        ("types", "general", "blod"),
        ("ids", f"{B_CELL}\tB cell\tgeneral\n", f"{B_CELL}\tB cell\tgeneral\nCL:9999999\tx\tgeneral\n"),
        ("types", f"{T_CELL}\tT cell\tblood;lymph node\n", ""),
        (
            "order",
            f"{T_CELL}\tT cell\tblood;lymph node\n",
            f"CL:0000542\tlymphocyte\tgeneral\n{T_CELL}\tT cell\tblood\n",
        ),
        ("types", "general\n", f"general\n{B_CELL}\tB cell\tgeneral\n"),
        ("form", "cell_type\t", "name\t"),
    ],
)
def test_a_broken_type(governance, data, capsys, rule, old, new):
    """A type that breaks a rule is reported, and the exit code is 1."""
    assert governance.main(["--data", str(data(types=TYPES.replace(old, new)))]) == 1
    assert f"broken: {rule}: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("short", f"{B_CELL}\tB cell\n", ""),
        ("short", "\tB cell", "\tt-Cell"),
        ("short", f"{B_CELL}\tB cell\n", f"{B_CELL}\tB cell\n{B_CELL}\tB\n"),
        ("short", f"{B_CELL}\tB cell\n", f"{B_CELL}\tB cell\nCL:0000542\tlymphocyte\n"),
        ("order", f"{T_CELL}\tT cell\n{B_CELL}\tB cell\n", f"{B_CELL}\tB cell\n{T_CELL}\tT cell\n"),
        ("form", "short_name", "name"),
    ],
)
def test_a_broken_short_name(governance, data, capsys, rule, old, new):
    """A missing, double, stray or look-alike short name is reported, and the exit code is 1."""
    assert governance.main(["--data", str(data(short=SHORT.replace(old, new)))]) == 1
    assert f"broken: {rule}: 1\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("names", "Tcm\tCL:0000813", "Tcm\tCL:9999999"),
        ("names", "Tcm\tCL:0000813", "Tcm\tCL_0000813"),
        ("names", "\tkidney\t", "\tkidny\t"),
        ("names", "\tkidney\t", "\tgeneral\t"),
        ("names", "name\tcl_id\ttissue\tused_by\n", "name\tcl_id\ttissue\tused_by\n\tCL:0000084\t\tfield\n"),
        ("names", "name\tcl_id\ttissue\tused_by\n", "name\tcl_id\ttissue\tused_by\n--\tCL:0000084\t\tfield\n"),
        ("names", "Tcm\t", "Tcm \t"),
        ("names", "Tcm\tCL:0000813\t\tfield", "Tcm\tCL:0000813\t\t"),
        ("names", "Tcm\t", "plasma cells\t"),
        ("names", "Tcm\t", "plasma-cell\t"),
        ("names", "Tcm\tCL:0000813\t", "plasma type\t\t"),
        ("names", "Tcm\tCL:0000813\t", "plasma\tCL:0000786\t"),
        ("names", "plasma\tCL:0000786\t\tfield\n", "PCs\tCL:0005009\tkidney\tfield\nplasma\tCL:0000786\t\tfield\n"),
        (
            "order",
            "plasma\tCL:0000786\t\tfield\nTcm\tCL:0000813\t\tfield",
            "Tcm\tCL:0000813\t\tfield\nplasma\tCL:0000786\t\tfield",
        ),
        ("order", "PC\tCL:1001431\tkidney\tKPMP", "a\tCL:0000084\t\tfield"),
        ("form", "used_by", "source"),
        ("form", "Tcm\tCL:0000813\t\tfield", "Tcm\tCL:0000813\tfield"),
    ],
)
def test_a_broken_name(governance, data, capsys, rule, old, new):
    """A name that is empty, ambiguous in a tissue, double, out of order, or of no known term or tissue is reported."""
    assert old in NAMES
    assert governance.main(["--data", str(data(names=NAMES.replace(old, new)))]) == 1
    text = capsys.readouterr().out
    assert f"broken: {rule}: 1\n  cell_names.tsv" in text
    assert text.count("broken: ") == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Tcm\tCL:0000813\t\t", "plasma\tCL:0000182\tliver\t"),
        ("Tcm\t", "T_cm\t"),
        ("Tcm\tCL:0000813\t", "plasma cells\tCL:0000786\t"),
        ("Tcm\tCL:0000813\t\tfield\n", "t\tCL:0000084\t\tfield\nT\tCL:0000084\tblood\tfield\n"),
    ],
)
def test_a_name_that_may_stand(governance, data, old, new):
    """A tissue may use a name otherwise than all others, and another form of a name may have a row."""
    names = NAMES.replace(old, new)
    if "\nt\t" in names:  # capitals come first
        names = NAMES.replace(old, "T\tCL:0000084\tblood\tfield\nt\tCL:0000084\t\tfield\n")
    assert governance.main(["--data", str(data(names=names))]) == 0


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("words", "cycling\tstate", "cycling\tmood"),
        ("words", "cycling\tstate\tproliferation", "cycling\tstate\t"),
        ("words", "macs\tsame\tmacrophage", "macs\tsame\t"),
        ("words", "type\tnoise\t", "type\tnoise\tkind"),
        ("words", "macs\tsame\tmacrophage", "macs\tsame\tmakrophage"),
        ("words", "macs\tsame\tmacrophage", "macs\tsame\tmacrophages"),
        ("words", "macs\tsame\tmacrophage\n", "macs\tsame\tmonos\nmonos\tsame\tmonocyte\n"),
        ("words", "cycling\t", "Cycling\t"),
        ("words", "macs\t", "mac-like\t"),
        ("words", "word\tkind\tmeaning\n", "word\tkind\tmeaning\n\tnoise\t\n"),
        ("words", "macs\tsame\tmacrophage\n", "cycling\tnoise\t\nmacs\tsame\tmacrophage\n"),
        ("order", "cell\tnoise\t\n", "xyz\tnoise\t\n"),
        ("form", "\tkind\t", "\ttype\t"),
    ],
)
def test_a_broken_word(governance, data, capsys, rule, old, new):
    """A word that no label has, or that is double, of no known kind, or of no usable meaning is reported."""
    words = WORDS.replace("type", "macs\tsame\tmacrophage\ntype")
    assert old in words
    assert governance.main(["--data", str(data(words=words.replace(old, new)))]) == 1
    text = capsys.readouterr().out
    assert f"broken: {rule}: " in text
    assert "cell_words.tsv" in text


@pytest.mark.parametrize(
    ("rule", "table", "text"),
    [
        ("priors", f"tissue\tgrade\tcl_id\nblod\tcommon\t{T_CELL}\n", "priors.tsv:2: 'blod' is no known tissue"),
        ("priors", "tissue\tgrade\tcl_id\n", f"priors.tsv: {T_CELL} has no row in 'blood'"),
        ("form", "tissue\tcl_id\tgrade\n", "priors.tsv: the header is"),
        ("form", f"tissue\tgrade\tcl_id\nblood\t{T_CELL}\n", "priors.tsv:2: the row has 2 cells"),
    ],
)
def test_a_broken_table_of_priors(governance, data, capsys, rule, table, text):
    """The table of priors is checked if the folder has one, and a broken row is reported."""
    folder = data()
    (folder / "priors.tsv").write_text(table)
    assert governance.main(["--data", str(folder), "--all"]) == 1
    shown = capsys.readouterr().out
    assert f"broken: {rule}: " in shown
    assert text in shown


def test_a_type_in_two_files(governance, data, capsys):
    """A type with facts in two files breaks a rule."""
    assert governance.main(["--data", str(data(lymph=[f"{B_CELL}\tPAX5\t++\t\t\t\t"]))]) == 1
    assert "has facts in blood.tsv too" in capsys.readouterr().out


def test_siblings_are_a_warning(governance, data, capsys):
    """Too few genes, and siblings that too few genes separate, break no rule and give warnings."""
    lines = [line for line in rows() if "MS4A1" not in line]
    types, short = TYPES + "CL:0000542\tlymphocyte\tgeneral\n", SHORT + "CL:0000542\tlymphocyte\n"
    folder = data(
        [*lines, *(f"CL:0000542\t{gene}\t++\t\t\t\t" for gene in "CCL5 CD48 CD52 IL32 LTB PTPRC".split())], types, short
    )
    assert governance.main(["--data", str(folder)]) == 0
    text = capsys.readouterr().out
    assert "warning: few: 1" in text
    assert "warning: siblings: 1" in text
    assert "5 genes separate it from its sibling T cell" in text


def test_the_codes_are_compared_and_set(governance, data, sources, capsys):
    """Codes that differ from the sources are reported, and --write sets these codes and changes nothing else."""
    folder = data(rows(f"{B_CELL}\tCD3E\t-\t\t\t\t", f"{B_CELL}\tCD5\t-\t\tMS\t\t"))
    before = (folder / "markers" / "blood.tsv").read_text()
    arguments = ["--data", str(folder), "--sources", str(sources)]
    assert governance.main(arguments) == 1
    text = capsys.readouterr().out
    assert "broken: witnesses: 4" in text
    assert "not compared: cellmarker2, celltypist" in text
    assert (folder / "markers" / "blood.tsv").read_text() == before
    assert governance.main([*arguments, "--write"]) == 0
    after = (folder / "markers" / "blood.tsv").read_text()
    changed = {line for line in after.splitlines() if line not in before.splitlines()}
    # M stays: CellMarker is not in the folder, so its codes cannot be checked.
    assert changed == {
        f"{B_CELL}\tCD19\t++\t\tPS\t\t",
        f"{B_CELL}\tMS4A1\t++\t\tP\t\t",
        f"{B_CELL}\tCD3E\t-\t\tS\t\t",
        f"{B_CELL}\tCD5\t-\t\tM\t\t",
    }
    assert "at least two independent witnesses: 1 (8.3%)" in capsys.readouterr().out
    assert governance.main(arguments) == 0
    assert governance.main([*arguments, "--write"]) == 0
    assert (folder / "markers" / "blood.tsv").read_text() == after


def test_the_review_file(governance, data, sources, tmp_path):
    """Positive facts that no table has are listed with file and line, in a file outside of the repository."""
    path = tmp_path / "review.tsv"
    arguments = ["--data", str(data()), "--sources", str(sources), "--write", "--review"]
    governance.main([*arguments, str(path)])
    lines = path.read_text().splitlines()
    assert len(lines) == 1 + 10
    assert lines[1] == f"{T_CELL}\tT cell\tCD2\t++\tboth\tblood.tsv:2"
    with pytest.raises(SystemExit):
        governance.main([*arguments, str(SCRIPT.parent / "review.tsv")])
    with pytest.raises(SystemExit):
        governance.main(["--review", str(path)])


@pytest.fixture
def low(sources):
    """Add three profiles to the sources, in which CD22 is low in B cells, and stands out in T cells."""
    (sources / "profiles").mkdir()
    others = ("CL:0000576", "CL:0000057", "CL:0000115", "CL:0000182")
    names = ("human_pbmc3k", "human_covid_blood_mgh", "human_spleen_madissoon")
    lines = [f"{name},human,{term},{term}" for name in names for term in (B_CELL, T_CELL, *others)]
    (sources / "columns.csv").write_text("\n".join(["profile,species,column,cl_id", *lines, ""]))
    for name in names:
        table = f",{B_CELL},{T_CELL},{','.join(others)}\nCD22,0,9,0,0,0,0\n"
        (sources / "profiles" / f"{name}.csv.gz").write_bytes(gzip.compress(table.encode()))
    return sources


def test_contradicted_facts(governance, data, low, capsys):
    """A fact that the sources contradict breaks a rule until somebody decides, with a reason, to keep it."""
    folder = data(rows(f"{B_CELL}\tCD3E\t-\t\t\t\t"))
    (low / "PanglaoDB.tsv").write_text(PANGLAO + "Mm Hs\tCD3E\tB cells\t1\tImmune system\n")
    (low / "cellmarker2_human.csv").write_text("Tissue,CT,Gene\nBlood,B cell,CD3E\n")
    arguments = ["--data", str(folder), "--sources", str(low), "--write"]
    assert governance.main(arguments) == 1
    text = capsys.readouterr().out
    assert "broken: contradicted: 2\n" in text
    assert f"CD22 (++) of {B_CELL} is low in human_pbmc3k, human_covid_blood_mgh, human_spleen_madissoon; " in text
    assert f"CD3E (-) of {B_CELL} is positive in panglaodb, cellmarker2; " in text
    kept = f"{B_CELL}\tCD22\tkept\t++\tthe protein marks B cells, its RNA is rare\n"
    (folder / "decisions.tsv").write_text(DECISIONS + kept + f"{B_CELL}\tCD3E\tremoved\t-\tstated by two lists\n")
    assert governance.main(arguments) == 1  # a fact that was removed must be gone
    assert "broken: contradicted: 1\n" in capsys.readouterr().out
    (folder / "decisions.tsv").write_text(DECISIONS + kept)
    (folder / "markers" / "blood.tsv").write_text(HEADER + "".join(f"{line}\n" for line in rows()))
    assert governance.main(arguments) == 0
    assert "1 decisions in decisions.tsv" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rule", "lines"),
    [
        ("form", [f"{B_CELL}\tCD22\tleft\t++\tno reason to go"]),
        ("form", [f"{B_CELL}\tCD22\tkept\t++\t"]),
        ("form", [f"{B_CELL}\tCD22\tkept\t++"]),
        ("form", [f"{B_CELL}\tCD22\tkept\t++\ta", f"{B_CELL}\tCD22\tremoved\t++\tb"]),
        ("order", [f"{B_CELL}\tCD22\tkept\t++\ta", f"{B_CELL}\tCD19\tkept\t++\tb"]),
    ],
)
def test_a_broken_decision(governance, data, capsys, rule, lines):
    """A decision has one of four words and a reason, a gene has one for a type, and the rows are sorted."""
    folder = data(decisions="".join(f"{line}\n" for line in lines))
    assert governance.main(["--data", str(folder)]) == 1
    text = capsys.readouterr().out
    assert f"broken: {rule}: 1\n  decisions.tsv" in text


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (f"{B_CELL}\tCD22\tremoved\t++\ta", f"CD22 (++) of {B_CELL} is removed, but there"),
        (f"{B_CELL}\tCD3E\tadded\t-\ta", f"CD3E (-) of {B_CELL} is added, but not there"),
        (f"{B_CELL}\tCD22\tmarked\t+\ta", f"CD22 (+) of {B_CELL} is marked, but not there"),
        (f"{B_CELL}\tCD22\tkept\t++\ta", ""),
        (f"{B_CELL}\tCD22\tremoved\t-\ta", ""),
    ],
)
def test_decisions_that_the_facts_do_not_show(governance, data, capsys, line, text):
    """A removed fact that is there, and an added, kept or marked one that is not, break a rule."""
    assert governance.main(["--data", str(data(decisions=f"{line}\n"))]) == (1 if text else 0)
    shown = capsys.readouterr().out
    assert (f"broken: decisions: 1\n  decisions.tsv: {text}\n" in shown) if text else "broken" not in shown


def test_proposals(governance, data, sources, tmp_path, capsys):
    """What three sources state and the database lacks is listed for review, in a file outside of the repository."""
    lines = [f"human,{B_CELL},PAX5,positive,{name}" for name in ("Cell Taxonomy", "SHOGoiN", "Abcam")]
    table = "\n".join(["species,cl_id,gene,role,resource", *lines, f"human,{T_CELL},LCK,positive,Abcam", ""])
    (sources / "accordion.csv.gz").write_bytes(gzip.compress(table.encode()))
    path, arguments = tmp_path / "proposed.tsv", ["--data", str(data()), "--sources", str(sources), "--write"]
    assert governance.main([*arguments, "--propose", str(path)]) == 0
    assert f"1 proposals: {path}" in capsys.readouterr().out
    assert path.read_text().splitlines() == [
        "cl_id\tcell_type\tgene\tin_database\tsources",
        f"{B_CELL}\tB cell\tPAX5\tyes\tcell_taxonomy;shogoin;abcam",
    ]
    with pytest.raises(SystemExit):
        governance.main([*arguments, "--propose", str(SCRIPT.parent / "proposed.tsv")])
    with pytest.raises(SystemExit):
        governance.main(["--propose", str(path)])


def test_two_folders(governance, data, sources, tmp_path, capsys):
    """Sources may be in several folders; only those that are in none of them are not compared."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "asctb.csv").write_text(f"organ,cl_id,gene,sign,refs,version\nlung,{B_CELL},CD19,+,,v1.6\n")
    folder = data()
    assert governance.main(["--data", str(folder), "--sources", str(sources), "--sources", str(other), "--write"]) == 0
    assert "not compared: cellmarker2, celltypist, cell_taxonomy" in capsys.readouterr().out
    assert f"{B_CELL}\tCD19\t++\t\tPSA\t\t\n" in (folder / "markers" / "blood.tsv").read_text()


def test_citations(governance, data, sources, capsys):
    """The tables of ASCT+B and their references are set with --write, and stay if ASCT+B is absent."""
    text = "organ,cl_id,gene,sign,refs,version\n"
    text += f"lung,{B_CELL},CD19,+,PMID:7;doi:10.1000/a,v1.6\nlung,{B_CELL},CD19,+,PMID:7,v1.6\n"
    (sources / "asctb.csv").write_text(text + f"lung,{B_CELL},PAX5,+,PMID:8,v1.6\n")
    folder = data(citations=f"{B_CELL}\tCD22\tlung v1.5\tPMID:1\n")
    arguments = ["--data", str(folder), "--sources", str(sources)]
    assert governance.main(arguments) == 1
    assert "broken: citations: 2\n" in capsys.readouterr().out
    governance.main([*arguments, "--write"])
    expected = f"{CITATIONS}{B_CELL}\tCD19\tlung v1.6\tPMID:7;doi:10.1000/a\n"
    assert (folder / "citations.tsv").read_text() == expected
    (sources / "asctb.csv").unlink()
    assert governance.main([*arguments, "--write"]) == 0
    assert (folder / "citations.tsv").read_text() == expected


@pytest.mark.parametrize(
    ("rule", "lines"),
    [
        ("citations", [f"{B_CELL}\tCD22\tlung v1.6\tPMID:7"]),  # not stated by ASCT+B
        ("citations", [f"{B_CELL}\tCD19\tlung v1.6\tdoi: 10.1000/a"]),
        ("citations", [f"{B_CELL}\tCD19\tlung v1.6\thttps://doi.org/10.1000/a"]),
        ("citations", [f"{B_CELL}\tCD19\tlung v1.6\tdoi:10.1016/s0002-94401061680-x"]),
        ("citations", [f"{B_CELL}\tCD19\tlung v1.6\tdoi:10.1290/1071-2690(2001)037"]),
        ("order", [f"{B_CELL}\tCD19\tlung v1.6\tPMID:7", f"{B_CELL}\tCD19\tlung v1.6\tPMID:8"]),
        ("order", [f"{B_CELL}\tCD19\tlung v1.6\tPMID:7", f"{B_CELL}\tCD19\tkidney v1.6\tPMID:7"]),
        ("form", [f"{B_CELL}\tCD19\tlung v1.6"]),
    ],
)
def test_a_broken_citation(governance, data, capsys, rule, lines):
    """A citation is of a fact that ASCT+B states, in order, and its references can be looked up."""
    facts = [line.replace("CD19\t++\t\t", "CD19\t++\t\tA") for line in rows()]
    folder = data(facts, citations="".join(f"{line}\n" for line in lines))
    assert governance.main(["--data", str(folder)]) == 1
    assert f"broken: {rule}: 1\n  citations.tsv" in capsys.readouterr().out


def test_a_source_without_a_row(governance, data, sources):
    """A source that the table of sources does not have ends the run with its name."""
    table = f"species,cl_id,gene,role,resource\nhuman,{B_CELL},PAX5,positive,Somebody\n"
    (sources / "accordion.csv.gz").write_bytes(gzip.compress(table.encode()))
    with pytest.raises(SystemExit, match=r"sources\.tsv has no row for somebody"):
        governance.main(["--data", str(data()), "--sources", str(sources)])


def test_broken_files_are_not_rewritten(governance, data, sources):
    """A file with a line that cannot be read is not rewritten, because the line would be lost."""
    folder = data(rows("what is this"))
    before = (folder / "markers" / "blood.tsv").read_text()
    with pytest.raises(SystemExit):
        governance.main(["--data", str(folder), "--sources", str(sources), "--write"])
    assert (folder / "markers" / "blood.tsv").read_text() == before


@pytest.mark.skipif(not DOCS.is_dir(), reason="this copy of the tests has no docs folder to compare")
def test_the_figures_of_the_documents(governance, bundled):
    """README and docs have the number of types and facts, and the shares with witnesses, that governance prints."""
    printed = governance.counts(bundled)
    n_types, n_facts, n_positive = (int(number) for number in re.findall(r"\d+", printed.splitlines()[0]))
    readme, changelog, database = (
        path.read_text(encoding="utf-8")
        for path in (ROOT / "README.md", ROOT / "CHANGELOG.md", DOCS / "marker_database.md")
    )
    assert f"{n_types} human and mouse cell types" in readme
    assert f"{n_types} human and mouse cell types" in changelog
    assert f"{n_types} cell types of the Cell Ontology" in database
    negative = n_facts - n_positive
    assert f"{n_facts:,} facts: {n_positive:,} positive and {negative:,} negative ones" in database
    shares = dict(re.findall(r"^  (.*): \d+ \((.*)%\)$", printed, re.M))
    assert dict(re.findall(r"^\| (.*) \| ([\d.]+) % \|$", database, re.M)) == shares
    weakest = ("at least one witness for the very term", "at least one, or one for a neighboring term", "no witness")
    (limit,) = re.findall(r"^- The marker facts were .*?(?=^- )", readme, re.M | re.S)
    assert re.findall(r"([\d.]+) %", limit) == [shares[name] for name in weakest]
