"""Reading clusters: ids exactly as the data has them, missing cells kept apart, and errors that say what there is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._adata import majority_labels, read_clustering
from gca_scanpy.errors import InputError, MissingKeyError


def _with(values, name="group"):
    """Cells with one column of clusters."""
    obs = pd.DataFrame({name: values}, index=[f"c{i}" for i in range(len(values))])
    return AnnData(np.zeros((len(obs), 1), dtype=np.float32), obs=obs)


@given(
    st.lists(
        st.one_of(st.none(), st.sampled_from(["1", "10", "7_0", "NK/T cell", "", "β-Zelle", "x" * 500])), min_size=2
    )
)
def test_every_cell_is_in_the_cluster_that_its_value_names(values):
    """Whatever the ids, each cell's code leads back to its own value, and cells without one have none."""
    values = [*values, "1", "1"]
    found = read_clustering(_with(pd.Categorical(values)), "group")
    back = [found.all_ids[code] if code >= 0 else None for code in found.codes]
    assert back == values
    assert found.cells_without_cluster == values.count(None)
    assert found.sizes == {key: values.count(key) for key in found.all_ids}
    assert sum(found.sizes.values()) + found.cells_without_cluster == len(values)


@given(st.permutations(["0", "1", "2", "10", "empty"]))
def test_clusters_come_in_the_order_of_the_categories(order):
    """The order of the clusters is the order of the data, not of the alphabet; empty categories are left out."""
    values = pd.Categorical(["10", "2", "1", "0", "0"], categories=order)
    assert read_clustering(_with(values), "group").ids == tuple(key for key in order if key != "empty")


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        (pd.array([2, 10, 2, 1], dtype="int64"), ("1", "2", "10")),
        (pd.Categorical([3, 3, 1, 20]), ("1", "3", "20")),
        (["b", "a", "b", None], ("a", "b")),
        (["10", "2", "1", "1", "c 10", "c 9", None], ("1", "2", "10", "c 9", "c 10")),
        ([True, False, True, True], ("False", "True")),
        (pd.array(["b", "a", "b", None], dtype="string"), ("a", "b")),
        (pd.array([2, 1, 2, None], dtype="Int64"), ("1", "2")),
    ],
    ids=["integer", "integer categories", "text", "text with numbers", "bool", "nullable text", "nullable integer"],
)
def test_integers_and_text_become_string_ids(values, ids):
    """Integers, integer categories and texts give string ids, in the order of the numbers in them."""
    found = read_clustering(_with(values), "group")
    assert found.ids == ids
    assert set(found.codes) <= {-1, *range(len(ids))}


def test_integers_with_missing_cells_keep_their_names():
    """An integer column that pandas made float because cells are missing still has the clusters 0, 1 and 2."""
    found = read_clustering(_with([0.0, 1.0, np.nan, 2.0, 2.0]), "group")
    assert found.ids == ("0", "1", "2")
    assert found.cells_without_cluster == 1


def test_a_missing_key_lists_the_categorical_columns():
    """The error for a missing groupby lists the categorical columns there are, first of all."""
    adata = _with(pd.Categorical(["a", "b", "a", "b"]), "leiden")
    adata.obs["batch"] = [1, 1, 2, 2]
    adata.obs["score"] = [0.1, 0.2, 0.3, 0.4]
    with pytest.raises(MissingKeyError) as caught:
        read_clustering(adata, "louvain")
    assert str(caught.value) == "there is no .obs['louvain']; columns that hold groups: 'leiden', 'batch'"
    assert isinstance(caught.value, KeyError)


def test_a_missing_key_says_where_there_is_no_column():
    """Where no column could be meant, the error says so."""
    with pytest.raises(MissingKeyError, match=r"none$"):
        read_clustering(_with([0.1, 0.2, 0.35]), "louvain")


def test_one_category_per_cell_is_an_error():
    """A column with one category per cell is no clustering; the error gives the number of cells."""
    with pytest.raises(InputError, match="different value for each of its 5 cells"):
        read_clustering(_with(pd.Categorical(list("abcde"))), "group")


def test_all_cells_missing_is_an_error():
    """A column without any value is an error, not an empty report."""
    with pytest.raises(InputError, match="all 3 values are missing"):
        read_clustering(_with(pd.Categorical([None, None, None], categories=["a"])), "group")


def test_ids_that_differ_in_type_only_are_an_error():
    """1 and "1" would be one cluster as text, so they are refused."""
    with pytest.raises(InputError, match="differ in type only"):
        read_clustering(_with(pd.Categorical([1, "1", 1], categories=[1, "1"])), "group")


def test_ids_are_matched_exactly_in_groups():
    """groups=["1"] is cluster "1", never "10"; the order stays that of the data."""
    adata = _with(pd.Categorical(["1", "10", "11", "1"], categories=["10", "1", "11"]))
    assert read_clustering(adata, "group", ["1"]).ids == ("1",)
    assert read_clustering(adata, "group", "1").ids == ("1",)
    assert read_clustering(adata, "group", [11, 10]).ids == ("10", "11")
    assert read_clustering(adata, "group", ["1"]).all_ids == ("10", "1", "11")


@pytest.mark.parametrize(("groups", "named"), [(["1", "100"], "'100'"), ("100", "'100'"), ([], "there are: '1', '10'")])
def test_groups_that_are_not_there_are_an_error(groups, named):
    """A value of groups= with an unknown cluster is an error that names it and lists those there are."""
    with pytest.raises(InputError, match=named) as caught:
        read_clustering(_with(pd.Categorical(["1", "10", "1"])), "group", groups)
    assert "'1', '10'" in str(caught.value)
    assert "'1', '0', '0'" not in str(caught.value)


@pytest.mark.parametrize("number", [60, 600])
def test_many_clusters(number):
    """60 and 600 clusters: all there, in order, with their sizes."""
    values = pd.Categorical.from_codes(np.tile(np.arange(number), 3), [str(i) for i in range(number)])
    found = read_clustering(_with(values), "group")
    assert found.ids == tuple(str(i) for i in range(number))
    assert set(found.sizes.values()) == {3}


def test_the_commonest_label_of_each_cluster_counts():
    """With labels to validate, a cluster has its commonest one, the share of labeled cells, and ties go by name."""
    adata = _with(pd.Categorical(["a"] * 4 + ["b"] * 2 + ["c"]))
    adata.obs["mine"] = pd.Categorical(["T cell", "T cell", "B cell", None, "NK", "B", None])
    found = majority_labels(adata, read_clustering(adata, "group"), "mine")
    assert found == {"a": ("T cell", pytest.approx(2 / 3)), "b": ("B", 0.5)}


def test_labels_to_validate_that_are_not_there():
    """A missing column of labels is an error that lists the columns there are."""
    adata = _with(pd.Categorical(["a", "b", "a"]))
    with pytest.raises(MissingKeyError, match=r"no \.obs\['mine'\].*'group'"):
        majority_labels(adata, read_clustering(adata, "group"), "mine")
