"""Every public name says what it takes, gives and raises, and its example runs."""

from __future__ import annotations

import doctest
import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

import gca_scanpy as gca
from gca_scanpy._settings import Settings, SettingsView

ROOMS = ("tl", "pl", "get", "io", "names", "db")
ELSEWHERE = ("GcaError", "GcaWarning", "__version__", "settings")  # each has a page or a test of its own
FUNCTIONS = {
    **{f"{room}.{name}": getattr(getattr(gca, room), name) for room in ROOMS for name in getattr(gca, room).__all__},
    **{name: getattr(gca, name) for name in gca.__all__ if name not in {*ROOMS, *ELSEWHERE}},
    "settings.override": SettingsView.override,
    "settings.current": SettingsView.current,
}
CLASSES = {name: thing for name, thing in FUNCTIONS.items() if inspect.isclass(thing)}
VERBS = {name: thing for name, thing in FUNCTIONS.items() if not inspect.isclass(thing)}
API = Path(__file__).resolve().parents[2] / "docs" / "api"
RAISE_NOTHING = {"io.json_schema", "get_run_hooks"}
RETURN_NOTHING = {"io.to_json", "io.to_csv", "set_run_hooks"}


def _sections(thing):
    """The sections of a numpy docstring by their titles."""
    parts = re.split(r"^(\w[\w ]*)\n-+$", inspect.getdoc(thing), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


@pytest.mark.parametrize("name", VERBS)
def test_a_function_says_what_it_takes_gives_and_raises(name):
    """Each parameter is explained, and there are returns, errors and an example."""
    thing = VERBS[name]
    sections = _sections(thing)
    taken = [p.name for p in inspect.signature(thing).parameters.values() if p.name != "self"]
    told = {part.strip(" *") for line in re.findall(r"^(\S.*)$", sections.get("Parameters", ""), re.M)
            for part in line.replace("\\", "").split(",")}  # fmt: skip
    assert set(taken) <= told
    assert {"Examples"} | ({"Parameters"} if taken else set()) <= set(sections)
    assert {"Returns", "Yields"} & set(sections) or name in RETURN_NOTHING
    assert "Raises" in sections or name in RAISE_NOTHING


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_says_what_it_has(name):
    """Its attributes or parameters are explained."""
    assert {"Attributes", "Parameters"} & set(_sections(CLASSES[name]))


@pytest.mark.skipif(not API.is_dir(), reason="the documents are not there")
@pytest.mark.parametrize("name", [name for name in FUNCTIONS if not name.startswith("settings.")])
def test_a_page_lists_it(name):
    """The reference has each public name; a new one is a line in docs/api."""
    lines = {line.strip() for page in API.glob("*.md") for line in page.read_text(encoding="utf-8").splitlines()}
    assert name in lines


def test_every_setting_is_explained():
    """With its default and the environment variable that sets it, in the order of the class."""
    text = _sections(Settings)["Attributes"]
    entries = dict(re.findall(r"^(\w+) : .+?, default (\S+)$", text, re.M))
    defaults = Settings()
    assert entries == {a.name: repr(getattr(defaults, a.name)) for a in Settings.__attrs_attrs__}
    assert list(entries) == [a.name for a in Settings.__attrs_attrs__]
    for attribute in Settings.__attrs_attrs__:
        assert all(f"``{name}``" in text for name in attribute.metadata["env"]), attribute.name


def test_every_class_of_a_report_is_explained():
    """What ``gca.get.report`` gives, and what is in it, has a docstring of its own."""
    own = [t for t in vars(gca.model).values() if inspect.isclass(t) and t.__module__.startswith("gca_scanpy.model")]
    assert len(own) > 12
    assert all(inspect.getdoc(thing) for thing in own)


def test_the_accessor_links_to_the_functions():
    """A method of ``adata.gca`` has one line with a link to the function that explains its arguments."""
    if not hasattr(import_module("anndata"), "register_anndata_namespace"):
        pytest.skip("this anndata has no accessors")
    from gca_scanpy._accessor import Accessor

    methods = {name: method for name, method in vars(Accessor).items() if not name.startswith("_")}
    assert set(methods) == {*gca.tl.__all__, *gca.get.__all__}
    for name, method in methods.items():
        function = f"gca_scanpy.{'tl' if name in gca.tl.__all__ else 'get'}.{name}"
        assert re.fullmatch(rf"[A-Z][^\n]+, see :func:`{re.escape(function)}`\.", inspect.getdoc(method)), name


def _examples():
    things = {**FUNCTIONS, "settings": SettingsView}
    if hasattr(import_module("anndata"), "register_anndata_namespace"):
        from gca_scanpy import _accessor

        things["adata.gca"] = _accessor.Accessor
    finder = doctest.DocTestFinder(exclude_empty=True, recurse=True)
    found = (test for name, thing in things.items() for test in finder.find(thing, f"gca.{name}"))
    return {test.name: test for test in found if test.examples}


EXAMPLES = _examples()


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_runs(name, tmp_path, monkeypatch):
    """What the docstring shows is what comes, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    runner = doctest.DocTestRunner(optionflags=flags)
    said = []
    result = runner.run(EXAMPLES[name], out=said.append, clear_globs=False)
    assert result.failed == 0, "".join(said)
    assert result.attempted > 0
