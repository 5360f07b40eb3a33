"""How models are to be asked: what cannot be meant is said before anything is sent."""

from __future__ import annotations

import pytest

import gca_scanpy as gca
from gca_scanpy.errors import InputError


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"escalate": "sometimes"}, "escalate='sometimes' must be one of: all, unsure"),
        ({"on_error": "ignore"}, "on_error='ignore' must be one of: offline, raise"),
        ({"chunk_size": 0}, "chunk_size=0 must be a whole number from 1"),
        ({"n_threads": 2.5}, "n_threads=2.5 must be a whole number from 1"),
        ({"max_requests": True}, "max_requests=True must be a whole number from 1"),
        ({"max_tokens": -1}, "max_tokens=-1 must be a whole number from 1"),
    ],
)
def test_arguments_out_of_their_range(cells, lineages, content, fake_model, options, said):
    """An argument that cannot be meant is an InputError with what it was; nothing is asked or changed."""
    model, before = fake_model(), content(cells)
    with pytest.raises(InputError) as caught:
        gca.annotate_markers(lineages, model=model, **options)
    assert str(caught.value).startswith(said)
    with pytest.raises(InputError):
        gca.tl.annotate(cells, "cluster", model=model, **options)
    assert model.calls == 0
    assert content(cells) == before


def test_the_same_model_twice(lineages, fake_model):
    """Two models of one name are one voice counted twice: an error that lists the names."""
    with pytest.raises(InputError, match="names the same model twice: a, b, a"):
        gca.annotate_markers(lineages, model=[fake_model("a"), fake_model("b"), fake_model("a")])


def test_an_empty_list_of_models(lineages):
    """No model in the list is not the same as none named: the user meant some."""
    with pytest.raises(InputError, match="model is an empty list"):
        gca.annotate_markers(lineages, model=[])


def test_many_databases_in_one_process(lineages):
    """Indexes of more databases than are kept: each run is judged by its own table, the first one again, too."""
    import pandas as pd

    names = ["B cell", "T cell", "monocyte"]
    genes = lineages["B cell"][:6]
    tables = [pd.DataFrame({"cell_type": [names[i % 3]] * 6, "gene": genes, "note": i}) for i in range(3)]
    tables += [pd.DataFrame({"cell_type": ["B cell"] * (i + 2), "gene": genes[: i + 2]}) for i in range(4)]
    tables += [pd.DataFrame({"cell_type": ["T cell"] * (i + 2), "gene": genes[: i + 2]}) for i in range(4)]
    tables.append(tables[0])
    found = [gca.annotate_markers({"0": genes}, marker_db=table).clusters[0] for table in tables]
    assert [c.annotation.proposed_label for c in found[:3]] == names
    assert found[-1] == found[0]
