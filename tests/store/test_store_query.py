"""The language in which runs are chosen, and its errors, which underline the word."""

import pickle
import time
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.errors import QueryError
from nbtrack.records import RunInfo
from nbtrack.store import Store
from nbtrack.store.query import parse


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three runs: a (lr 0.1, done), b (lr 0.01, failed), c (lr "auto", width 64)."""
    store = Store(tmp_path_factory.mktemp("query"))
    table = {
        "apple pie": (
            {"lr": 0.1, "opt": "sgd", "amp": True},
            ("baseline", "two words"),
            [3.0, 0.5],
        ),
        "Banana": ({"lr": 0.01, "opt": "adam", "amp": False}, (), [2.0, 0.1, 0.2]),
        "cherry": ({"lr": "auto", "width": 64}, ("baseline",), []),
    }
    for i, (name, (params, tags, losses)) in enumerate(table.items()):
        fields = {"params": params, "tags": tags, "started_s": 1.7e9 + 86400 * i, "seed": i}
        writer = store.start(RunInfo(id=store.new_id(), name=name, **fields))
        for loss in losses:
            writer.log({"loss": loss, "val": {"acc": 1 - loss}})
        writer.emit(["grad_norm/encoder.weight"], [float(i)], 0, 0.0)
        status = "failed" if name == "Banana" else "done"
        writer.finish(status, steps=len(losses), ended_s=writer.info.started_s + 60 * (i + 1))

    def names(query):
        return "".join(name[0].lower() for name in store.runs(query).name[::-1])

    return names


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "abc"),
        ("   ", "abc"),
        ("lr < 0.05", "b"),
        ("lr<0.05", "b"),
        ("lr <= 0.1", "ab"),
        ("lr >= 0.1", "a"),
        ("lr = 1e-1", "a"),
        ("lr == 0.1", "a"),
        ("lr != 0.1", "bc"),
        ("params.lr > 0.05", "a"),
        ("lr = auto", "c"),
        ("opt = sgd", "a"),
        ("opt != sgd", "b"),  # a run without the field does not match
        ("not opt = sgd", "bc"),
        ("opt ~ D", "ab"),
        ("amp = true", "a"),
        ("amp = False", "b"),
        ("width = 64", "c"),
        ('width = "64"', "c"),
        ('opt < "b"', "b"),
        ("tag:baseline", "ac"),
        ("not tag:baseline", "b"),
        ('tag:"two words"', "a"),
        ("tag:base", ""),
        ("apple", "a"),
        ("AN", "b"),
        ('"apple pie"', "a"),
        ("'apple pie'", "a"),
        ("apple pie", "a"),
        ("name = cherry", "c"),
        ('name = "apple pie"', "a"),
        ("name ~ rr", "c"),
        ("loss < 0.3", "b"),
        ("loss.last < 0.3", "b"),
        ("loss.min < 0.2", "b"),
        ("loss.max > 2.5", "a"),
        ("loss.first = 2", "b"),
        ("loss.count = 3", "b"),
        ("val/acc > 0.6", "b"),
        ("val/acc.min < -1.5", "a"),
        ("grad_norm/encoder.weight >= 1", "bc"),
        ("grad_norm/encoder.weight.max < 1", "a"),
        ("status = failed", "b"),
        ("not status = failed", "ac"),
        ("status != done", "b"),
        ("duration > 90", "bc"),
        ("duration > 90s and duration <= 2m", "b"),
        ("duration < 0.5h", "abc"),
        ("started < 2023-11-15", "a"),
        ("started >= 2023-11-15T00:00", "bc"),
        ("steps > 0", "ab"),
        ("seed = 2", "c"),
        ("lr < 1 and loss < 0.3", "b"),
        ("lr < 1 loss < 0.3", "b"),
        ("apple or cherry", "ac"),
        ("apple or cherry and lr = auto", "ac"),
        ("(apple or cherry) and lr = auto", "c"),
        ("not (apple or cherry)", "b"),
        ("not not apple", "a"),
        ("NOT apple AND NOT cherry", "b"),
        ("lr < 0.5 and tag:baseline and loss.min < 0.6 or not status = done", "ab"),
    ],
)
def test_queries_choose_runs(runs, query, expected):
    assert runs(query) == expected


@pytest.mark.parametrize(
    ("query", "why", "word"),
    [
        ("lr <", "a value is missing after '<'", ""),
        ("lr < and loss", "a value is missing after '<'", "and"),
        ("lr < (3)", "a value is missing", "("),
        ("< 3", "a field or a word of the name is missing here", "<"),
        ("and lr < 1", "a field or a word", "and"),
        ("lr < 1 or", "a field or a word", ""),
        ("lr < 1 and", "a field or a word", ""),
        ("not", "a field or a word", ""),
        ("(lr < 1", "this bracket is never closed", "("),
        ("lr < 1)", "this bracket closes nothing", ")"),
        ("tag:", "a tag is missing", "tag:"),
        ("status = faild", "a status is one of running, done", "faild"),
        ("started > lately", "a date is 2025-01-31", "lately"),
        ("duration > long", "a duration is written 90s", "long"),
        ("duration > 1.2.3s", "a duration is written 90s", "1.2.3s"),
        ('name = "open', "cannot read '\"'", '"'),
        ("lr ! 3", "cannot read '!'", "!"),
        ("lrr < 1", "no run has 'lrr'. Did you mean lr?", "lrr"),
        ("lr < 1 and val/ac > 0", "no run has 'val/ac'. Did you mean val/acc", "val/ac"),
        ("zzz ~ x", "no run has 'zzz'.", "zzz"),
    ],
)
def test_an_error_underlines_the_word(runs, query, why, word):
    with pytest.raises(QueryError) as caught:
        runs(query)
    message, shown, line = str(caught.value).split("\n")
    assert why in message
    assert shown.strip() == query
    start, end = line.index("^"), len(line)
    assert set(line.strip()) == {"^"}
    assert shown[start:end] == word
    assert isinstance(caught.value, ValueError)


def test_a_field_that_only_some_runs_have_is_no_error(runs):
    assert runs("width > 1000") == ""
    assert runs("val/acc > 1000") == ""


@given(st.text(alphabet="lr<>=!~()\"' andotg:1.5ü\n", max_size=30))
def test_any_text_is_a_query_or_a_query_error(text):
    run = {"lr": 0.1, "name": "and or not", "tags": ["t"], "loss": 1.5, "status": "done"}
    try:
        answer = parse(text).matches(run.get)
    except QueryError as error:
        answer = str(error).split("\n")[-1].strip(" ^") == ""
    assert answer in (True, False)


def test_the_learning_rate_is_the_parameter_or_what_the_optimizer_began_with(store):
    for name, params, rate in (
        ("said", {"lr": 0.5}, 0.1),
        ("measured", {}, 0.1),
        ("neither", {}, None),
    ):
        info = RunInfo(id=store.new_id(), name=name, started_s=0.0, params=params)
        writer = store.start(info)
        if rate is not None:
            writer.emit(["lr/group0"], [rate], 0, 1.0)
            writer.emit(["lr/group0"], [rate / 10], 1, 2.0)
        writer.finish()
    assert list(store.runs("lr = 0.5")["name"]) == ["said"]
    assert list(store.runs("lr = 0.1")["name"]) == ["measured"]


@pytest.fixture
def versioned(store):
    """Two runs that differ in all that is not measured."""
    now = time.time()
    for i, (commit, digest) in enumerate((("3f9c2a11", "77aa00bb"), ("b0b0b0b0", "12345678"))):
        writer = store.start(
            RunInfo(
                id=f"vvvvv{i}",
                name=f"res-{i}",
                started_s=now - 3600 * 30 * i,
                tags=(f"sweep-{i}",),
                notes=("worth a look",) if i else (),
                git={"commit": commit, "branch": "main", "dirty": bool(i)},
                data={"digits": digest},
                hidden=("cell 3 was deleted",) if i else (),
                reproduces="vvvvv0" if i else None,
                error={"name": "ValueError", "message": "loss is nan"} if i else None,
            )
        )
        writer.finish("failed" if i else "done")
    return lambda query: [row["id"] for row in store.runs.rows(query)]


@pytest.mark.parametrize(
    ("query", "which"),
    [
        ("git = 3f9c", "0"),
        ("git != 3f9c", "1"),
        ("branch = main", "01"),
        ("dirty = true", "1"),
        ("data = digits", "01"),
        ("data = 77aa", "0"),
        ("data = digits@77aa", "0"),
        ("hidden = true", "1"),
        ("hidden = false", "0"),
        ("notes ~ look", "1"),
        ("error ~ nan", "1"),
        ("reproduces = vvv", "1"),
        ("age < 1h", "0"),
        ("age > 1d", "1"),
        ("started > yesterday", "01"),
        ("name ~ res-?", "01"),
        ("name ~ *-1", "1"),
        ("name ~ es-1*", ""),
        ("tag:sweep-*", "01"),
        ("tag:swe", ""),
    ],
)
def test_code_data_words_and_age_can_be_asked_for(versioned, query, which):
    expected = [f"vvvvv{i}" for i in which]
    if query == "started > yesterday" and datetime.now().hour < 6:
        expected = expected[:1]  # 30 hours ago was the day before yesterday
    assert versioned(query) == expected


def test_an_error_tells_the_place_of_the_word(store, versioned):
    with pytest.raises(QueryError) as caught:
        versioned("git = 3f and loss << 2")
    error = pickle.loads(pickle.dumps(caught.value))
    assert error.text[error.start : error.end] == "<"
    assert str(error) == str(caught.value)
