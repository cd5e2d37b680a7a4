"""The incremental reader of live views."""

import numpy as np


def lists(news):
    return {key: (steps.tolist(), values.tolist()) for key, (steps, _, values) in news.items()}


def test_each_read_gives_what_came_since_the_last(store, writer):
    tail = store.get(-1).tail()
    assert tail.read() == {}
    writer.log({"a": 1.0, "b": 2.0}, 0)
    writer.log({"a": 3.0}, 1)
    assert lists(tail.read()) == {"a": ([0, 1], [1.0, 3.0]), "b": ([0], [2.0])}
    assert tail.read() == {}
    writer.log({"c": 4.0}, 2)
    assert lists(tail.read()) == {"c": ([2], [4.0])}


def test_arrays_have_the_types_that_views_expect(store, writer):
    writer.log({"a": 1}, 5, time_s=writer.info.started_s + 2)
    steps, times_s, values = store.get(-1).tail().read()["a"]
    assert [array.dtype for array in (steps, times_s, values)] == [np.int64, np.float64, np.float64]
    assert abs(times_s[0] - 2) < 1e-6


def test_a_record_that_is_half_written_comes_once_it_is_whole(store, writer):
    writer.log({"a": 1.0}, 0)
    path = writer.path / "points-r0.bin"
    record = path.read_bytes()
    tail = store.get(-1).tail()
    tail.read()
    for size in range(1, 28):
        path.write_bytes(record + record[:size])
        assert tail.read() == {}
    path.write_bytes(record + record)
    assert lists(tail.read()) == {"a": ([0], [1.0])}


def test_files_of_other_writers_are_found_while_reading(store, writer):
    tail = store.get(-1).tail()
    writer.log({"a": 1.0}, 0)
    assert lists(tail.read()) == {"a": ([0], [1.0])}
    other = store.resume(-1)
    other.log({"b": 2.0, "a": 5.0}, 7)
    writer.log({"a": 3.0}, 1)
    news = lists(tail.read())
    assert news["b"] == ([7], [2.0])
    assert sorted(news["a"][1]) == [3.0, 5.0]


def test_a_read_starts_over_when_an_automatic_series_gets_another_name(store, writer):
    tail = store.get(-1).tail()
    writer.emit(["loss", "lr"], [1.0, 0.1], 0, writer.now())
    assert set(tail.read()) == {"loss", "lr"}
    assert not tail.has_restarted
    writer.log({"loss": 2.0}, 0)
    assert lists(tail.read()) == {
        "auto/loss": ([0], [1.0]),
        "lr": ([0], [0.1]),
        "loss": ([0], [2.0]),
    }
    assert tail.has_restarted
    writer.log({"loss": 3.0}, 1)
    assert lists(tail.read()) == {"loss": ([1], [3.0])}
    assert not tail.has_restarted


def test_a_read_starts_over_when_a_file_was_replaced(store, writer):
    for step in range(3):
        writer.log({"a": step}, step)
    tail = store.get(-1).tail()
    tail.read()
    path = writer.path / "points-r0.bin"
    path.write_bytes(path.read_bytes()[:28])
    assert lists(tail.read()) == {"a": ([0], [0.0])}
    assert tail.has_restarted


def test_reading_in_pieces_while_another_process_writes_gives_every_point_once(store, program):
    process = program("""
writer = start()
print(writer.info.id)
for step in range(6000):
    writer.log({"a": step, f"b{step % 50}": step})
writer.finish()
""")
    run = store.get(process.stdout.readline().strip())
    tail = run.tail()
    pieces = []
    while process.poll() is None:
        pieces.append(tail.read())
    pieces.append(tail.read())
    a = [value for piece in pieces if "a" in piece for value in piece["a"][2].tolist()]
    assert a == [float(step) for step in range(6000)]
    assert sum(len(values) for piece in pieces for _, _, values in piece.values()) == 12000
    assert len([piece for piece in pieces if piece]) > 1


def test_a_long_file_is_read_in_pieces_and_some_of_it_again(store, writer):
    for step in range(10):
        writer.log({"a": step, "b": -step}, step)
    tail = store.get(-1).tail()
    pieces = []
    while True:
        pieces += tail.pieces(6)
        if not tail.is_behind:
            break
    assert [len(piece.values) for piece in pieces] == [6, 6, 6, 2]
    first = pieces[0]
    assert [(first.name(n), b, e) for n, b, e in first.bounds] == [("a", 0, 3), ("b", 3, 6)]
    assert first.values.tolist() == [0, 1, 2, 0, -1, -2]
    assert first.places.tolist() == [0, 2, 4, 1, 3, 5]
    ((path, names, num),) = tail.read_so_far()
    assert (names, num) == (["a", "b"], 20)
    (again,) = tail.again(path, 5, 12, [1])
    assert (again.values.tolist(), again.places.tolist()) == ([-2, -3, -4, -5], [5, 7, 9, 11])
    assert tail.pieces() == []


def test_text_and_events_are_followed_and_displays_left_out(store, writer):
    tail = store.get(-1).output_tail()
    writer.output("stdout", {"text": "one"})
    writer.output("display", {"image/png": "x" * 1000})
    writer.output("event", {"text": "asked to stop", "mark": "stop"})
    assert [(out.kind, out.data["text"]) for out in tail.read()] == [
        ("stdout", "one"),
        ("event", "asked to stop"),
    ]
    assert tail.read() == []
    writer.output("stderr", {"text": "two"})
    assert [out.data["text"] for out in tail.read()] == ["two"]
