"""The verbs take the same options under the same names, with the same defaults."""

from __future__ import annotations

import inspect

import pytest
from attrs import fields

import gca_scanpy as gca
from gca_scanpy._steps import Ranking

VERBS = {"annotate": 17, "validate": 15, "plan": 13, "curate": 12, "harmonize": 12}


@pytest.mark.parametrize("verb", VERBS)
def test_how_many_parameters_a_verb_has(verb):
    """A verb that grows another parameter has to argue for it here."""
    assert len(inspect.signature(getattr(gca.tl, verb)).parameters) <= VERBS[verb]


@pytest.mark.parametrize("verb", ["annotate", "validate", "plan"])
def test_defaults_stand_once(verb):
    """The options of the ranking have the defaults of the class that the command line reads, too."""
    parameters = inspect.signature(getattr(gca.tl, verb)).parameters
    assert {a.name: parameters[a.name].default for a in fields(Ranking)} == {a.name: a.default for a in fields(Ranking)}


@pytest.mark.parametrize("verb", ["validate", "plan"])
def test_the_same_question_has_the_same_shape(verb):
    """What another verb shares with annotate has its name, default and order."""
    first, second = (inspect.signature(getattr(gca.tl, name)).parameters for name in ("annotate", verb))
    shared = [name for name in second if name in first]
    assert [first[name].default for name in shared] == [second[name].default for name in shared]
    assert set(second) - set(first) <= {"labels"}
