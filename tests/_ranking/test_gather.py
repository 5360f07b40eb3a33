"""The pass over a matrix: any values, formats and threads, by the compiled loop and without it, against scipy."""

from __future__ import annotations

import sys
import threading
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse, stats

from gca_scanpy._adata.clusters import Clustering
from gca_scanpy._ranking import gather as module
from gca_scanpy._ranking import sums
from gca_scanpy._ranking.gather import gather
from gca_scanpy._ranking.moments import compare
from gca_scanpy.errors import InputError

FORMATS = ("csr", "csc", "coo", "dense", "fortran", "strided")
TYPES = ("float32", "float64", "int8", "uint16", "int32", "int64", "bool", ">f4", ">f8")
N_CELLS, N_GENES = 40, 7


def shaped(values, form, indices=np.int32):
    """The values in a format, with this type of indices if they are sparse."""
    if form == "dense":
        return np.ascontiguousarray(values)
    if form == "fortran":
        return np.asfortranarray(values)
    if form == "strided":
        return np.repeat(values, 2, axis=1)[:, ::2]
    matrix = sparse.coo_matrix(values.astype(values.dtype.newbyteorder("="))).asformat(form)
    if form != "coo":
        matrix.indices, matrix.indptr = matrix.indices.astype(indices), matrix.indptr.astype(indices)
    return matrix


def grouped(codes, n=3):
    """Clusters with these codes."""
    ids = tuple(f"c{number}" for number in range(n))
    return Clustering("g", ids, np.asarray(codes, dtype=np.intp), ids)


def tables(moments):
    """All arrays of moments, as bytes."""
    arrays = (moments.cells, moments.means, moments.deviations, moments.expressing, moments.missing)
    return [None if array is None else array.tobytes() for array in arrays] + [moments.lowest, moments.infinite]


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    """Compile the loop, even if Numba compiles nothing elsewhere, as in `nox -s tests`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pytest.importorskip("numba").config, "DISABLE_JIT", False)
        sums._loop.cache_clear()
        yield
        sums._loop.cache_clear()


@pytest.fixture
def every_size(monkeypatch):
    """Small matrices use the compiled loop, too."""
    monkeypatch.setattr(sums, "LARGE", 0)


@pytest.fixture(scope="module")
def large():
    """10,000 values in clusters of different sizes, and cells without one."""
    rng = np.random.default_rng(0)
    matrix = sparse.random(500, 80, 0.25, format="csr", dtype=np.float32, random_state=1)
    return matrix, grouped(rng.choice(4, 500, p=[0.1, 0.6, 0.25, 0.05]) - 1)


@given(data=st.data())
def test_any_matrix_is_tested_as_scipy_does(data):
    """Statistics of any format, type, offset, and missing values are scipy's to 1e-6, by the loop and without it."""
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6), "seed"))
    kind = data.draw(st.sampled_from(TYPES), "type")
    offset = data.draw(st.sampled_from([0, 1e6] if np.dtype(kind).itemsize > 2 else [0]), "offset")
    values = np.where(rng.random((N_CELLS, N_GENES)) < 0.6, offset + rng.integers(0, 100, (N_CELLS, N_GENES)), 0)
    values[:, 0] = offset + rng.integers(0, 3, N_CELLS)  # large, and nearly constant
    values = values.astype(kind)
    if values.dtype.kind == "f":
        share = data.draw(st.sampled_from([0.0, 0.1]), "missing")
        values[rng.random(values.shape) < share] = data.draw(st.sampled_from([np.nan, np.inf, -np.inf]), "as")
    codes = rng.integers(-1, 3, N_CELLS)
    form, indices = data.draw(st.sampled_from(FORMATS), "format"), data.draw(st.sampled_from([np.int32, np.int64]))
    matrix = shaped(values, form, indices)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PART", data.draw(st.sampled_from([1, 30, 10**6]), "part"))
        patch.setattr(sums, "BLOCK", data.draw(st.sampled_from([1, 30, 10**6]), "block"))
        patch.setattr(sums, "LARGE", data.draw(st.sampled_from([0, 10**9]), "large"))
        found = gather(matrix, grouped(codes), threads=data.draw(st.sampled_from([1, 3]), "threads"))
    numbers = values.astype(np.float64)
    numbers[~np.isfinite(numbers)] = np.nan
    for row in range(3):
        own, rest = numbers[codes == row], numbers[(codes >= 0) & (codes != row)]
        np.testing.assert_array_equal(found.expressing[row], ((own != 0) & ~np.isnan(own)).sum(axis=0))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = stats.ttest_ind(own, rest, equal_var=False, nan_policy="omit")
        statistic = np.ma.filled(np.ma.asarray(expected.statistic, dtype=float), np.nan)
        defined = np.isfinite(statistic)
        scores = compare(found, row).scores[defined]
        np.testing.assert_allclose(scores, statistic[defined], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("apart", [1.0, 1e6])
def test_clusters_far_apart(apart):
    """The rest of a cluster keeps its variance beside a cluster of a million times its values."""
    rng = np.random.default_rng(2)
    codes = np.repeat([0, 1, 2], [5000, 30, 40])
    values = rng.normal(size=(5070, 2)) + np.array([apart, 0.0, 0.5])[codes][:, np.newaxis]
    found = gather(values, grouped(codes))
    for row in range(3):
        expected = stats.ttest_ind(values[codes == row], values[codes != row], equal_var=False).statistic
        np.testing.assert_allclose(compare(found, row).scores, expected, rtol=1e-6)


@pytest.mark.parametrize("value", [0.1, 1e6 + 0.1])
def test_a_constant_gene_has_no_variance(value, monkeypatch):
    """Equal values have a deviation of exactly zero, in any parts."""
    monkeypatch.setattr(module, "PART", 7)
    found = gather(np.full((50, 2), value), grouped(np.arange(50) % 3))
    assert not found.deviations.any()
    assert not found.others.deviations.any()
    assert not compare(found, 1).scores.any()


@pytest.mark.usefixtures("every_size")
@pytest.mark.parametrize("form", ["csr", "csc"])
@pytest.mark.parametrize("kind", ["float32", "float64", "int64"])
def test_the_compiled_loop_gives_the_same_bits(large, form, kind, monkeypatch):
    """In each part the loop adds the same values in the same order as SciPy."""
    matrix = (large[0] * 100).astype(kind).asformat(form)
    assert sums.compiled(matrix.tocsr()) is not None
    found = gather(matrix, large[1])
    monkeypatch.setattr(sums, "LARGE", 10**9)
    assert tables(gather(matrix, large[1])) == tables(found)


@pytest.mark.parametrize("size", [0, 10**9])
@pytest.mark.parametrize("form", ["csr", "csc", "dense", "fortran"])
def test_threads_and_order_change_no_bit(large, form, size, monkeypatch):
    """Any number of threads, any order of the clusters, and four runs at once give the same bytes for each cluster."""
    monkeypatch.setattr(sums, "LARGE", size)
    monkeypatch.setattr(module, "PART", 400)
    matrix, clustering = shaped(large[0].toarray(), form), large[1]
    expected = gather(matrix, clustering, threads=1)
    found = []
    runs = [threading.Thread(target=lambda: found.append(gather(matrix, clustering, threads=3))) for _ in range(4)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert [tables(moments) for moments in found] == [tables(expected)] * 4
    turned = gather(matrix, grouped(np.where(clustering.codes < 0, -1, 2 - clustering.codes)))
    assert turned.means[::-1].tobytes() == expected.means.tobytes()
    assert turned.deviations[::-1].tobytes() == expected.deviations.tobytes()


@pytest.mark.usefixtures("every_size")
@pytest.mark.parametrize("why", ["missing", "disabled", "broken"])
def test_without_numba(large, why, monkeypatch):
    """If Numba is missing, switched off, or fails, SciPy adds up the values."""
    expected = tables(gather(*large))
    monkeypatch.setattr(sums, "_loop", sums._loop.__wrapped__)
    numba = pytest.importorskip("numba")
    if why == "missing":
        monkeypatch.setitem(sys.modules, "numba", None)
    elif why == "disabled":
        monkeypatch.setattr(numba.config, "DISABLE_JIT", True)
    else:
        monkeypatch.setattr(numba, "njit", lambda **_: lambda function: lambda *_: 1 / 0)
    assert sums.compiled(large[0]) is None
    assert tables(gather(*large)) == expected


@pytest.mark.usefixtures("every_size")
def test_no_folder_for_the_compiled_loop(large, monkeypatch):
    """If Numba cannot keep what it compiles, as in a read-only container, it compiles for this process."""
    numba = pytest.importorskip("numba")
    asked = []

    def njit(*, cache, **options):
        asked.append(cache)
        if cache:
            msg = "cannot cache function 'add_rows': no locator available"
            raise RuntimeError(msg)
        return compile_it(cache=cache, **options)

    compile_it = numba.njit
    monkeypatch.setattr(numba, "njit", njit)
    monkeypatch.setattr(sums, "_loop", sums._loop.__wrapped__)
    assert sums.compiled(large[0]) is not None
    assert asked == [True, False]


def test_a_small_matrix_starts_no_compiler(large, monkeypatch):
    """Numba is asked only for a sparse matrix that is large enough."""
    asked = []
    monkeypatch.setattr(sums, "_loop", lambda *types: asked.append(types))
    gather(*large)
    monkeypatch.setattr(sums, "LARGE", large[0].nnz)
    gather(large[0].toarray(), large[1])
    assert asked == []
    with monkeypatch.context() as patch:  # as in a program that has not imported Scanpy
        patch.delitem(sys.modules, "numba", raising=False)
        gather(*large)
    assert asked == []
    monkeypatch.setitem(sys.modules, "numba", pytest.importorskip("numba"))
    gather(*large)
    gather((large[0] * 100).astype(np.int64).tocsc(), large[1], linear=True)
    assert asked == [("rows", "float32", "int32"), ("columns", "int64", "int32"), ("rows", "int64", "int32")]


@pytest.mark.usefixtures("every_size")
@pytest.mark.parametrize("form", ["csr", "csc"])
@pytest.mark.parametrize("kind", ["float32", "float64", "int64", "uint8"])
def test_the_compiled_loop_normalizes_counts(large, form, kind, monkeypatch):
    """Counts, also large ones, and CPM are log-normalized while they are added up, as SciPy's way does."""
    counts = (large[0] * 30).astype(kind).tolil()
    counts[3, 3] = 200  # beyond the counts whose logarithms are computed once for each cell
    counts[7] = 0
    matrix = sparse.csr_matrix(counts).asformat(form)
    found = gather(matrix, large[1], linear=True)
    monkeypatch.setattr(sums, "LARGE", 10**9)
    expected = gather(matrix, large[1], linear=True)
    np.testing.assert_array_equal(found.expressing, expected.expressing)
    # Old versions of SciPy add up the values of a cell as float32.
    np.testing.assert_allclose(found.means, expected.means, rtol=1e-7)
    np.testing.assert_allclose(found.deviations, expected.deviations, rtol=1e-6)


@pytest.mark.usefixtures("every_size")
def test_a_constant_gene_among_columns():
    """The column loop, too, leaves large values that vary little to the sums of deviations, and NaN to SciPy."""
    rng = np.random.default_rng(4)
    values = np.column_stack([np.full(60, 1e6 + 0.1), rng.random(60) + 1e6, rng.random(60)])
    clustering = grouped(np.arange(60) % 3 - 1)
    found = gather(sparse.csc_matrix(values), clustering)
    assert not found.deviations[:, 0].any()
    expected = [values[clustering.codes == code].var(axis=0) * 20 for code in range(2)]
    np.testing.assert_allclose(found.deviations[:2], expected, rtol=1e-6)
    values[5, 2] = np.nan
    assert gather(sparse.csc_matrix(values), clustering).missing.sum() == 1


@pytest.mark.parametrize("size", [0, 10**9])
@pytest.mark.parametrize("column", [-1, 80])
def test_a_broken_matrix(large, size, column, monkeypatch):
    """A value beyond the last gene is an error, not a crash."""
    monkeypatch.setattr(sums, "LARGE", size)
    matrix = large[0].copy()
    matrix.indices[50] = column
    with pytest.raises(InputError, match="beyond its 80 columns"):
        gather(matrix, grouped(np.zeros(500)))


@pytest.mark.parametrize("size", [0, 10**9])
def test_each_value_is_read_once(large, size, monkeypatch):
    """The parts of a matrix have each clustered cell once, and no part is much larger than asked."""
    monkeypatch.setattr(module, "PART", 400)
    monkeypatch.setattr(sums, "LARGE", size)
    read = []
    moments = sums.Reader.moments

    def counted(self, pieces):
        read.extend(piece.cells for piece in pieces)
        return moments(self, pieces)

    monkeypatch.setattr(sums.Reader, "moments", counted)
    gather(*large)
    assert np.array_equal(np.sort(np.concatenate(read)), np.flatnonzero(large[1].codes >= 0))
    assert max(large[0][cells].nnz for cells in read) < 800


def test_an_error_ends_the_other_parts(large, monkeypatch):
    """After Ctrl-C, the parts that have not begun are not read."""
    monkeypatch.setattr(module, "PART", 20)
    read, never = [], threading.Event()

    def interrupted(*_):
        read.append(1)
        if len(read) > 1:  # it takes longer than the main thread to see the error
            never.wait(0.1)
        raise KeyboardInterrupt

    monkeypatch.setattr(sums.Reader, "moments", interrupted)
    with pytest.raises(KeyboardInterrupt):
        gather(*large, threads=2)
    assert len(read) < 10
