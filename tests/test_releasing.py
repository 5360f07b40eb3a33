"""What is checked of a release: its files, its dependencies, its notes."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

import gca_scanpy

ROOT = Path(__file__).resolve().parents[1]
CHANGES = """# Changelog

## [Unreleased]

## [1.2.3] - 2026-11-25

### Added

- A thing.

## [1.2.2] - 2026-01-01

- Old.
"""


def _script(name):
    spec = importlib.util.spec_from_file_location(f"gca_{name}", ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def check():
    """Give the script that checks sdist and wheel."""
    return _script("check_dist")


@pytest.fixture
def built(tmp_path, check):
    """Make a sound sdist and wheel of a package of two files, with changes where asked for; gives what is wrong."""
    checkout = tmp_path / "checkout"
    (checkout / "gca_scanpy").mkdir(parents=True)
    for name in ("gca_scanpy/__init__.py", "gca_scanpy/genes.tsv.gz", "README.md", "secret.env"):
        (checkout / name).write_text("x")

    def built(wheel=(), sdist=(), without=(), other=None):
        dist = tmp_path / "dist"
        dist.mkdir()
        with zipfile.ZipFile(dist / "gca_scanpy-1-py3-none-any.whl", "w") as archive:
            for name in {"gca_scanpy/__init__.py", "gca_scanpy/genes.tsv.gz", "gca_scanpy-1.dist-info/RECORD", *wheel}:
                if name not in without:
                    archive.writestr(name, "x")
        with tarfile.open(dist / "gca_scanpy-1.tar.gz", "w:gz") as archive:
            for name in ("gca_scanpy/__init__.py", "README.md", *sdist):
                archive.add(checkout / name, f"gca_scanpy-1/{name}")
        again = Path(shutil.copytree(dist, tmp_path / "again"))
        if other is not None:
            next(again.glob(other)).write_bytes(b"other")
        return check.problems(dist, [again], checkout)

    return built


def test_a_sound_release(built, capsys):
    """Nothing is wrong with one that has what it must; its sizes and hashes are told."""
    assert built() == []
    assert len(re.findall(r"^gca_scanpy-1\S*: [\d,]+ bytes, sha256 [0-9a-f]{64}$", capsys.readouterr().out, re.M)) == 2


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"wheel": ["tests/test_it.py"]}, "whl has tests/test_it.py"),
        ({"wheel": ["gca_scanpy/notes.txt"]}, "whl has gca_scanpy/notes.txt"),
        ({"wheel": ["gca_scanpy/__pycache__/a.py"]}, "whl has gca_scanpy/__pycache__/a.py"),
        ({"without": ["gca_scanpy/genes.tsv.gz"]}, "whl lacks gca_scanpy/genes.tsv.gz"),
        ({"sdist": ["secret.env"]}, "tar.gz has gca_scanpy-1/secret.env"),
        ({"other": "*.whl"}, "whl has other bytes than"),
        ({"other": "*.tar.gz"}, "tar.gz has other bytes than"),
    ],
)
def test_what_is_wrong_is_said(built, changed, said):
    """A file too many or too few, and other bytes from a second build, are each one sentence."""
    (problem,) = built(**changed)
    assert said in problem


def test_a_large_wheel(built, check, monkeypatch):
    """A wheel beyond the limit is said, with both sizes."""
    monkeypatch.setattr(check, "LARGEST_WHEEL", 10)
    (problem,) = built()
    assert re.fullmatch(r"gca_scanpy-1-py3-none-any.whl has \d+ bytes; 10 are allowed", problem)


def test_notes_are_the_section_of_the_version():
    """The notes end where the next version begins."""
    assert _script("release_notes").notes("v1.2.3", "1.2.3", CHANGES) == "### Added\n\n- A thing.\n"


@pytest.mark.parametrize(
    ("tag", "version", "said"),
    [
        ("v1.2.4", "1.2.3", "the tag is v1.2.4, but"),
        ("1.2.3", "1.2.3", "the tag is 1.2.3, but"),
        ("v1.2.4", "1.2.4", "no section '## [1.2.4]"),
        ("v1x2.3", "1x2.3", "no section"),
    ],
)
def test_a_release_that_does_not_agree_with_itself(tag, version, said):
    """Another version in the tag, or none in the changelog, ends the release."""
    with pytest.raises(ValueError, match=re.escape(said)):
        _script("release_notes").notes(tag, version, CHANGES)


def test_a_release_without_addresses():
    """A page on PyPI that leads nowhere ends the release."""
    script, urls = _script("release_notes"), {}
    for name in script.URLS:
        with pytest.raises(ValueError, match=rf"has .*{name} = None"):
            script.check_urls({"urls": urls})
        urls[name] = "https://example.org/here"
    script.check_urls({"urls": urls})


def test_a_release_from_another_repository():
    """The addresses are those of the repository that publishes."""
    tomllib = pytest.importorskip("tomllib", reason="Python before 3.11 has no tomllib")
    script = _script("release_notes")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    script.check_urls(project, project["urls"]["Homepage"])
    with pytest.raises(ValueError, match=r"must begin with https://github.com/somebody/fork, and has Homepage = https"):
        script.check_urls(project, "https://github.com/somebody/fork")


@pytest.fixture
def rehearse():
    """Give the script that rehearses a release."""
    return _script("rehearse")


@pytest.fixture
def project():
    """Give [project] of pyproject.toml."""
    tomllib = pytest.importorskip("tomllib", reason="Python before 3.11 has no tomllib")
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_registries_are_given_what_the_project_says(rehearse, project):
    """Recipe and listing agree with pyproject.toml; each difference is a sentence."""
    yaml = pytest.importorskip("yaml", reason="pyyaml is not installed")
    recipe, listing = (yaml.safe_load(path.read_text(encoding="utf-8")) for path in (rehearse.RECIPE, rehearse.LISTING))
    assert rehearse.recipe_problems(recipe, project, gca_scanpy.__version__) == []
    assert rehearse.listing_problems(listing, project, gca_scanpy.__version__) == []
    recipe["requirements"]["run"].remove("httpx >=0.25,<1")
    recipe["about"]["summary"] = "a" * 121
    listing["license"] = "MIT"
    del listing["tags"]
    version, needed, summary = rehearse.recipe_problems(recipe, project, "9.9")
    assert "context/version" in version
    assert "httpx" in needed
    assert "121 letters" in summary
    assert [text.partition(",")[0] for text in rehearse.listing_problems(listing, project, "9.9")] == [
        "scverse: tags is missing",
        "scverse: license is 'MIT'",
        f"scverse: version is '{gca_scanpy.__version__}'",
    ]


@pytest.mark.parametrize(
    "field", "name description project_home documentation_home install license tags contact".split()
)
def test_the_fields_that_scverse_requires(rehearse, project, field):
    """A field without its value, or with one of another kind, is a sentence, and so is a field that there is not."""
    yaml = pytest.importorskip("yaml", reason="pyyaml is not installed")
    listing = yaml.safe_load(rehearse.LISTING.read_text(encoding="utf-8"))
    without = {name: value for name, value in listing.items() if name != field}
    assert f"scverse: {field} is missing" in rehearse.listing_problems(without, project, gca_scanpy.__version__)
    said = " ".join(rehearse.listing_problems({**listing, field: 3, "authors": ["a"]}, project, gca_scanpy.__version__))
    assert f"scverse: {field} is 3, and must be" in said
    assert "scverse: authors is no field" in said


@pytest.mark.parametrize(
    ("version", "tags", "changed", "said"),
    [
        ("1.2.3", {"v1.2.3": "abc"}, "", ()),
        ("1.2.4", {}, " M README.md", ("[1.2.4] - YYYY-MM-DD", "commit what is changed", "git tag -s v1.2.4")),
        ("1.2.3", {"v1.2.3": "def"}, "", ("the tag v1.2.3 is on def",)),
    ],
)
def test_what_is_left_before_the_tag(rehearse, version, tags, changed, said):
    """A version needs a date, a commit and a tag on it."""
    todo = rehearse.left_to_do(version, CHANGES, tags, "abc", changed)
    assert len(todo) == len(said)
    assert all(part in text for part, text in zip(said, todo))


def test_actions_are_pinned():
    """Every action of the workflows is named by a full commit, with its version beside it."""
    used = [
        line
        for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if "uses:" in line
    ]
    assert used or not (ROOT / ".github").is_dir()
    for line in used:
        assert re.search(r"uses: [\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


@pytest.fixture
def answer():
    """Give the script that compares the answers of environments."""
    return _script("answer")


def test_an_answer_is_without_versions_and_times_only(answer, cells, tmp_path):
    """Two runs differ by id and times; without these they are the same, and all else is as it was written."""
    written = []
    for name in ("a", "b"):
        gca_scanpy.tl.annotate(cells, "cluster", tissue="blood")
        gca_scanpy.io.to_json(cells, tmp_path / name)
        written.append((tmp_path / name).read_text(encoding="utf-8"))
    assert written[0] != written[1]
    first, second = (answer.plain(text) for text in written)
    assert first == second
    whole, kept = json.loads(written[0]), json.loads(first)
    parts = [part for part in kept if isinstance(kept[part], dict)]
    gone = {(part, name) for part in parts for name in set(whole[part]) - set(kept[part])}
    assert gone == {
        ("provenance", "versions"),
        ("provenance", "request_id"),
        ("provenance", "created_at"),
        ("telemetry", "seconds"),
        ("telemetry", "request_seconds"),
    }
    assert kept["clusters"] == whole["clusters"]


def test_another_answer_is_shown(answer, tmp_path):
    """An answer that differs is shown with the lines that do, and one that is the same is not."""
    for name, label in (("3.9", "B cell"), ("3.10", "T cell"), ("3.13", "B cell")):
        (tmp_path / f"{name}.json").write_text(f'{{\n "label": "{label}"\n}}\n')
    lines = answer.differences(tmp_path, tmp_path / "3.13.json")
    assert [line for line in lines if "label" in line] == ['- "label": "T cell"', '+ "label": "B cell"']
    assert not any("3.9" in line for line in lines)


def test_the_changelog_keeps_its_form():
    """Keep a Changelog: Unreleased first, then dated versions, with its six kinds of changes only."""
    headings = re.findall(r"^(##+) (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    versions = [text for level, text in headings if level == "##"]
    assert versions[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\S*\] - \d{4}-\d\d-\d\d", text) for text in versions[1:])
    kinds = {text for level, text in headings if level == "###"}
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_version_is_in_one_place():
    """No file but _version.py has the version that pip sees."""
    from importlib.metadata import version

    assert version("gca-scanpy") == gca_scanpy.__version__
    for name in ("pyproject.toml", "CITATION.cff"):
        assert not re.search(rf"^version\s*[:=].*{re.escape(gca_scanpy.__version__)}", (ROOT / name).read_text(), re.M)


def test_a_package_more_shows():
    """A package that the list lacks, or has for another Python only, is named; one that went is not."""
    pytest.importorskip("tomllib", reason="Python before 3.11 has no tomllib")
    closure = _script("closure")
    before = closure.parse(closure.text({"anndata": ["3.9", "3.13"], "gone": ["3.9"], "zarr": ["3.13"]}))
    assert before == {"anndata": ["3.9", "3.13"], "gone": ["3.9"], "zarr": ["3.13"]}
    now = {"anndata": ["3.9", "3.13"], "new": ["3.13"], "zarr": ["3.9", "3.13"]}
    assert closure.grown(before, now) == ["new on Python 3.13", "zarr on Python 3.9"]
