"""Fingerprints: equal contents wherever they lie, different ones however small the difference."""

from __future__ import annotations

import gc
import random
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from sklearn.datasets import load_iris
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    random_split,
)

from nbtrack.versioning.contents import content
from nbtrack.versioning.contents.fingerprint import _memo, fingerprint, quick_key
from nbtrack.versioning.contents.row_digests import row_digests


def digest(obj, **options):
    found = fingerprint(obj, **options)
    assert found is not None
    assert found.digest is not None, found.skipped
    return found.digest


def rows(obj):
    return fingerprint(obj).row_values().tolist()


FLOATS = torch.arange(24, dtype=torch.float32).reshape(4, 3, 2)

LAYOUTS = {
    "transposed": lambda: FLOATS.transpose(0, 2).contiguous().transpose(0, 2),
    "every second of a larger one": lambda: FLOATS.repeat_interleave(2, 0)[::2],
    "a parameter": lambda: torch.nn.Parameter(FLOATS.clone()),
    "computed": lambda: torch.nn.Parameter(FLOATS.clone()) * 1.0,
    "made in inference mode": lambda: torch.inference_mode()(lambda: FLOATS + 0)(),
    "from NumPy": lambda: torch.from_numpy(FLOATS.numpy().copy()),
    "negated twice, lazily": lambda: torch.complex(-FLOATS, -FLOATS).conj().imag,
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_layout_does_not_matter(name):
    other = LAYOUTS[name]()
    assert digest(other) == digest(FLOATS)
    assert rows(other) == rows(FLOATS)


def test_the_layout_and_byte_order_of_an_array_do_not_matter():
    array = FLOATS.numpy().copy()
    for other in (np.asfortranarray(array), array.astype(">f4"), array[::-1].copy()[::-1]):
        assert digest(other) == digest(array)
        assert rows(other) == rows(array)
    padded = np.zeros(
        3, np.dtype({"names": ["a", "b"], "formats": ["i1", "f8"], "offsets": [0, 8]})
    )
    padded.view(np.uint8).reshape(3, 16)[:, 4] = 7  # between the fields
    assert digest(padded) == digest(np.zeros(3, [("a", "i1"), ("b", "f8")]))


def test_kind_dtype_and_shape_are_part_of_the_content():
    others = [FLOATS.numpy(), FLOATS.double(), FLOATS.reshape(2, 6, 2), FLOATS.int(), FLOATS[:3]]
    assert len({digest(each) for each in (FLOATS, *others)}) == len(others) + 1
    assert digest(torch.zeros(4, 0)) != digest(torch.zeros(2, 0))


DTYPES = [
    torch.bool,
    torch.uint8,
    torch.int16,
    torch.int64,
    torch.float16,
    torch.bfloat16,
    torch.float64,
    torch.complex64,
    torch.float8_e4m3fn,
]


@pytest.mark.parametrize("dtype", DTYPES)
def test_each_bit_of_each_dtype_counts(dtype):
    tensor = torch.tensor([[0, 1], [1, 0], [1, 1]]).to(dtype)
    before = fingerprint(tensor)
    raw = tensor.view(torch.uint8)
    for column in range(raw.shape[1]):
        changed = tensor.clone()
        changed.view(torch.uint8)[1, column] ^= 1
        after = fingerprint(changed)
        assert after.digest != before.digest
        assert np.flatnonzero(after.row_values() != before.row_values()).tolist() == [1]


def test_rows_are_digests_of_the_bytes_of_the_samples():
    twin = row_digests(np.frombuffer(FLOATS.numpy().tobytes(), np.uint8).reshape(4, 24))
    found = fingerprint(FLOATS)
    assert found.row_values().tolist() == twin.tolist()
    assert (found.num_rows, found.num_bytes, found.shape) == (4, 96, (4, 3, 2))
    assert fingerprint(FLOATS, rows=False).rows is None
    assert fingerprint(torch.tensor(3.0)).rows is None
    assert fingerprint(torch.empty(0, 3)).rows == b""


@pytest.mark.parametrize("transposed", [False, True])
def test_chunks_and_pieces_of_rows_do_not_show(monkeypatch, transposed):
    tensor = torch.randn(3, 50_000, 2)
    if transposed:
        tensor = torch.randn(3, 2, 50_000).transpose(1, 2)
    whole = fingerprint(tensor.clone()), fingerprint(tensor.numpy().copy())
    for chunk in (100_000, 300_000, 450_000):
        monkeypatch.setattr(content, "CHUNK_BYTES", chunk)
        assert fingerprint(tensor.clone()) == whole[0]
        assert fingerprint(tensor.numpy().copy()) == whole[1]


def test_memory_stays_flat():
    array = np.zeros((64, 2**20), np.uint8)  # 64 MiB in rows of 1 MiB, not in order
    tracemalloc.start()
    fingerprint(array.reshape(2**20, 64).T)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * content.CHUNK_BYTES


def test_sparse_contents_are_equal_in_any_order_of_entries():
    dense = torch.zeros(5, 4)
    dense[1, 2], dense[4, 0] = 3.0, -1.0
    index, values = torch.tensor([[4, 1, 1], [0, 2, 2]]), torch.tensor([-1.0, 1.0, 2.0])
    shuffled = torch.sparse_coo_tensor(index, values, (5, 4))
    assert digest(shuffled) == digest(dense.to_sparse())
    assert digest(shuffled) != digest((dense + torch.eye(5)[:, :4]).to_sparse())
    assert not shuffled.is_coalesced()
    matrix = scipy.sparse.coo_matrix((values.numpy(), index.numpy()), (5, 4))
    before = matrix.data.copy()
    assert digest(matrix) == digest(scipy.sparse.csc_matrix(dense.numpy()))
    assert rows(matrix)[0] == rows(matrix)[2] != rows(matrix)[1]
    assert matrix.data.tolist() == before.tolist()


@pytest.mark.filterwarnings("ignore")
def test_quantized_tensors_count_by_numbers_and_scale():
    tensor = torch.quantize_per_tensor(FLOATS, 0.5, 3, torch.quint8)
    assert digest(tensor) == digest(torch.quantize_per_tensor(FLOATS, 0.5, 3, torch.quint8))
    assert digest(tensor) != digest(torch.quantize_per_tensor(FLOATS, 0.25, 3, torch.quint8))


@pytest.mark.filterwarnings("ignore")
def test_what_cannot_be_read_says_why_and_what_is_no_data_is_none():
    nested = torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)])
    for tensor, word in ((torch.empty(3, device="meta"), "storage"), (nested, "nested")):
        found = fingerprint(tensor)
        assert found.digest is None
        assert found.rows is None
        assert word in found.skipped
    module = torch.nn.Linear(2, 2)
    for obj in (None, 3, 0.1, "adam", module, print, torch, [module], {"f": print}, object()):
        assert fingerprint(obj) is None


def test_reading_stops_at_the_limit_and_says_so():
    for obj in (FLOATS, FLOATS.numpy(), TensorDataset(FLOATS), ["x" * 50] * 10, {"x": FLOATS}):
        found = fingerprint(obj, max_bytes=95)
        assert found.digest is None
        assert "limit" in found.skipped
        assert found.num_bytes > 95
        assert fingerprint(obj, max_bytes=10_000).digest is not None


# ---- lists, dicts and values --------------------------------------------------------------------


def test_the_elements_of_a_list_are_rows():
    texts = ["to be", "or not", "to be"]
    found = fingerprint(texts)
    a, b, c = found.row_values().tolist()
    assert a == c != b
    assert digest(texts) != digest(["to beo", "r not", "to be"])
    assert digest([1, 2]) != digest([1.0, 2.0]) != digest(["1", "2"])
    assert digest([[1], [2, 3]]) != digest([[1, 2], [3]])
    assert rows([FLOATS[0], FLOATS[1]])[1] == rows([FLOATS[1].clone(), FLOATS[0]])[0]
    assert fingerprint([0.0] * 100_000).num_rows == 100_000


def test_texts_in_arrays_are_read():
    names = np.array(["a", "bc", None, 1.5], dtype=object)
    assert rows(names) == rows(["a", "bc", None, 1.5])
    assert digest(names) != digest(names[:3])
    table = np.array([["a", "b"], ["c", "d"]], dtype=object)
    assert len(rows(table)) == 2
    assert digest(table) != digest(table.T)


def test_parts_of_the_same_samples_have_common_rows():
    x, y = torch.randn(5, 2), torch.arange(5)
    changed = y.clone()
    changed[3] = 9
    for make in (lambda x, y: (x, y), lambda x, y: {"x": x, "y": y}, TensorDataset):
        before, after = fingerprint(make(x, y)), fingerprint(make(x, changed))
        assert before.num_rows == 5
        assert np.flatnonzero(before.row_values() != after.row_values()).tolist() == [3]
    assert rows((x, y)) == rows(TensorDataset(x, y))
    assert fingerprint([x, y]).num_rows == 2
    assert fingerprint({"train": x, "test": x[:2]}).rows is None
    assert fingerprint({"train": x, "names": ["a"]}).num_rows == 5


def test_a_bunch_of_scikit_learn_is_read_by_samples():
    bunch = load_iris()
    assert fingerprint(bunch).num_rows == 150
    changed = load_iris()
    changed.data[7, 1] += 1
    differ = fingerprint(bunch).row_values() != fingerprint(changed).row_values()
    assert np.flatnonzero(differ).tolist() == [7]


def test_what_holds_itself_is_not_read_for_ever():
    loop: list = [1]
    loop.append(loop)
    assert fingerprint(loop) is None
    holder: dict = {"x": FLOATS}
    holder["self"] = holder
    assert "nested" in fingerprint(holder).skipped


# ---- frames -------------------------------------------------------------------------------------


def frame():
    return pd.DataFrame(
        {
            "number": np.arange(5),
            "text": list("abcde"),
            "kind": pd.Categorical(list("ababa")),
            "time": pd.date_range("2020", periods=5, tz="Europe/Berlin"),
            "missing": pd.array([1, 2, None, 4, 5], dtype="Int64"),
            "float": [1.0, 2, 3, 4, None],
            "mixed": [1, "x", None, 2.5, (1, 2)],
            "month": pd.period_range("2020", periods=5, freq="M"),
        }
    )


def test_rows_of_a_frame_are_found_again_in_another_order():
    table = frame()
    turned = table.iloc[::-1]
    assert rows(turned) == rows(table)[::-1]
    assert digest(turned) != digest(table)
    assert digest(table) == digest(frame().copy(deep=True))


@pytest.mark.parametrize("column", list(frame().columns))
def test_one_changed_cell_changes_that_row(column):
    table, changed = frame(), frame()
    place = list(table.columns).index(column)
    changed.iloc[1, place] = changed.iloc[3, place] if column != "kind" else "a"
    before, after = fingerprint(table), fingerprint(changed)
    assert before.digest != after.digest
    assert np.flatnonzero(before.row_values() != after.row_values()).tolist() == [1]


def test_names_index_and_types_of_a_frame_count():
    table = frame()
    others = [
        table.rename(columns={"text": "word"}),
        table.set_axis(range(10, 15)),
        table.rename_axis("id"),
        table.astype({"number": "int32"}),
        table[table.columns[::-1]],
        table.set_index(["number", "text"]),
    ]
    assert len({digest(each) for each in (table, *others)}) == len(others) + 1
    assert rows(table.set_axis(range(10, 15))) == rows(table)


def test_a_category_counts_as_its_value():
    a = pd.DataFrame({"x": pd.Categorical(["u", "v", None], categories=["u", "v"])})
    b = pd.DataFrame({"x": pd.Categorical(["u", "v", None], categories=["v", "u"])})
    assert rows(a) == rows(b)
    assert len(set(rows(a))) == 3


def test_a_missing_text_is_missing_however_it_is_written():
    written = [pd.Series(["a", None], dtype="string"), pd.Series(["a", np.nan], dtype=object)]
    assert rows(written[0]) == rows(written[1]) == rows(["a", None])
    assert rows(pd.Series(["a", "nan"])) != rows(written[0])


def test_a_series_counts_with_its_name_and_index():
    series = pd.Series([1.0, 2.0], name="loss")
    others = [series.rename("other"), series.set_axis([1, 2]), series + 1, series.index]
    assert len({digest(each) for each in (series, *others)}) == 5
    assert rows(series) == rows(series.to_numpy())


# ---- data sets ----------------------------------------------------------------------------------


class Windows(Dataset):
    """The map-style data set of a character model, which draws on nothing but a tensor."""

    def __init__(self, data, block):
        self.data, self.block, self.path = data, block, "/home/me/input.txt"

    def __len__(self):
        return len(self.data) - self.block

    def __getitem__(self, place):
        raise AssertionError("a fingerprint asks for no samples")


class Images(Windows):
    def __init__(self, data, labels):
        super().__init__(data, 0)
        self.labels, self.transform = labels, lambda image: image


def test_a_subset_counts_by_its_samples():
    x, y = torch.randn(10, 3), torch.arange(10)
    train, test = random_split(
        TensorDataset(x, y), [7, 3], generator=torch.Generator().manual_seed(0)
    )
    chosen = train.indices
    assert digest(train) == digest(TensorDataset(x[chosen], y[chosen]))
    assert rows(train) == [rows(TensorDataset(x, y))[place] for place in chosen]
    before = digest(train), digest(test)
    x[test.indices[0], 0] += 1
    assert digest(train) == before[0]
    assert digest(test) != before[1]
    assert digest(Subset(Subset(train.dataset, [5, 6, 7]), [2, 0])) == digest(
        TensorDataset(x[[7, 5]], y[[7, 5]])
    )


def test_a_data_set_counts_by_what_it_holds():
    data = torch.arange(100)
    assert digest(Windows(data, 8)) == digest(Windows(data.clone(), 8))
    assert (
        len({digest(Windows(data, 8)), digest(Windows(data, 9)), digest(Windows(data + 1, 8))}) == 3
    )
    assert fingerprint(Windows(data, 8)).num_rows == 92
    images = Images(np.random.rand(6, 4), ["a", "b", "c", "d", "e", "f"])
    assert len(rows(images)) == 6
    assert rows(Subset(images, [4, 2])) == [rows(images)[4], rows(images)[2]]
    assert digest(DataLoader(images, batch_size=2)) == digest(images)
    assert digest(Subset(Windows(data, 8), [0, 1])) != digest(Subset(Windows(data, 8), [0, 2]))
    assert rows(Subset(list("abc"), [2, 0])) == rows(["c", "a"])


def test_joined_data_sets_have_the_samples_of_both():
    a, b = TensorDataset(torch.randn(3, 2)), TensorDataset(torch.randn(4, 2))
    both = ConcatDataset([a, b])
    assert rows(both) == rows(a) + rows(b)
    assert rows(Subset(both, [6, 0])) == [rows(b)[3], rows(a)[0]]
    assert digest(both) != digest(ConcatDataset([b, a]))


def test_a_data_set_that_reads_its_samples_itself_says_so():
    class Stream(IterableDataset):
        def __iter__(self):
            raise AssertionError

    class Files(Dataset):
        def __len__(self):
            return 3

    assert "once" in fingerprint(Stream()).skipped
    assert "holds no arrays" in fingerprint(Files()).skipped


# ---- what was read before -----------------------------------------------------------------------


def test_an_unchanged_tensor_is_not_read_again():
    tensor = torch.randn(2000, 50)
    assert fingerprint(tensor) is fingerprint(tensor)
    before = fingerprint(tensor)
    tensor[7, 3] += 1
    after = fingerprint(tensor)
    assert np.flatnonzero(before.row_values() != after.row_values()).tolist() == [7]
    assert after.digest == digest(tensor.clone())


def test_a_change_that_torch_does_not_count_is_found():
    array = np.zeros((2000, 50), np.float32)
    shared, alone, frozen = torch.from_numpy(array), np.zeros((2000, 50)), torch.zeros(2000, 50)
    with torch.inference_mode():
        frozen = torch.zeros(2000, 50)
    before = [digest(each) for each in (shared, alone, frozen)]
    assert before == [digest(each) for each in (shared, alone, frozen)]
    array[1001, 7] = alone[1001, 7] = 1
    with torch.inference_mode():
        frozen[1001, 7] = 1
    after = [digest(each) for each in (shared, alone, frozen)]
    assert not set(before) & set(after)
    assert rows(alone)[:1001] == [rows(alone)[0]] * 1001 != rows(alone)[1:1002]


def test_what_was_read_is_forgotten_with_the_object():
    gc.collect()
    before = len(_memo)
    tensor = torch.randn(2000, 50)
    fingerprint(tensor)
    assert len(_memo) == before + 1
    del tensor
    gc.collect()
    assert len(_memo) == before


def test_rows_are_found_though_the_first_reading_left_them_out():
    tensor = torch.randn(2000, 50)
    assert fingerprint(tensor, rows=False).rows is None
    assert len(fingerprint(tensor).rows) == 16_000


def test_a_quick_key_changes_with_the_content():
    tensor, array = torch.zeros(1000, 10), np.zeros((1000, 10))
    holders = [tensor, array, (tensor, 3), TensorDataset(tensor), {"x": array}, [tensor, "a"]]
    before = [quick_key(each) for each in holders]
    assert None not in before
    assert [quick_key(each) for each in holders] == before
    assert len({*before}) == len(holders)
    tensor.add_(1)
    array += 1
    assert not set(before) & {quick_key(each) for each in holders}
    assert quick_key(object()) is None
    assert quick_key(Subset(TensorDataset(tensor), range(100))) is not None


def test_nothing_is_changed_and_no_random_number_drawn():
    parameter = torch.nn.Parameter(torch.randn(100, 50))
    parameter.grad = torch.ones(100, 50)
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    fingerprint(TensorDataset(parameter))
    fingerprint(DataLoader(TensorDataset(parameter), shuffle=True))
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert np.random.get_state()[1].tolist() == states[2]
    assert parameter._version == 0
    assert parameter.requires_grad
    assert parameter.untyped_storage().resizable()


@pytest.mark.gpu
def test_a_tensor_on_a_gpu_has_the_content_of_its_copy():
    tensor = torch.randn(1000, 70)
    assert fingerprint(tensor.cuda()) == fingerprint(tensor)
    assert fingerprint(tensor.cuda().T) == fingerprint(tensor.T)
