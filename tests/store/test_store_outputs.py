"""Outputs: in order, with their times, and capped by size with a note."""

import json

from nbtrack.records import Output

MIB = 2**20


def test_outputs_come_back_in_order_with_their_times(store, writer):
    began = writer.info.started_s
    writer.output("stdout", {"text": "a\n"}, began + 1)
    writer.output("display", {"text/plain": "<fig>", "image/png": "aGk="}, began + 2)
    writer.output("error", {"name": "E", "message": "m", "traceback": ["t"]}, began + 3)
    writer.output("event", {"text": "asked to stop"})
    outputs = store.get(-1).outputs
    assert outputs[0] == Output(1.0, "stdout", {"text": "a\n"})
    assert [output.kind for output in outputs] == ["stdout", "display", "error", "event"]
    assert outputs[1].data["image/png"] == "aGk="


def test_a_stream_is_kept_up_to_1_mib_and_one_note_says_so(store, writer):
    for i in range(3000):
        writer.output("stdout", {"text": f"{i:05d}" + "x" * 1000})
    writer.output("stderr", {"text": "not affected"})
    writer.output("event", {"text": "neither"})
    outputs = store.get(-1).outputs
    kept = [output for output in outputs if output.kind == "stdout"]
    notes = [output.data["text"] for output in outputs if output.kind == "note"]
    assert 0.9 * MIB < sum(len(output.data["text"]) for output in kept) < MIB
    assert [output.data["text"][:5] for output in kept] == [f"{i:05d}" for i in range(len(kept))]
    assert notes == ["more stdout than 1 MiB: the rest was not kept"]
    assert [output.data["text"] for output in outputs[-2:]] == ["not affected", "neither"]


def test_a_stream_within_its_limit_gets_no_note(store, writer):
    for _ in range(900):
        writer.output("stdout", {"text": "x" * 1000})
    kinds = [output.kind for output in store.get(-1).outputs]
    assert kinds == ["stdout"] * 900


def test_one_huge_text_keeps_its_beginning(store, writer):
    writer.output("stdout", {"text": "begin" + "é" * 3 * MIB})
    first, note = store.get(-1).outputs
    assert first.data["text"].startswith("beginééé")
    assert len(first.data["text"]) > 100_000
    assert note.kind == "note"
    assert (writer.path / "outputs.jsonl").stat().st_size < 1.5 * MIB


def test_displays_share_16_mib_and_the_one_too_many_keeps_its_text(store, writer):
    for i in range(5):
        writer.output("display", {"text/plain": f"figure {i}", "image/png": "A" * 5 * MIB})
    outputs = store.get(-1).outputs
    assert ["image/png" in output.data for output in outputs] == [True] * 3 + [False] * 2
    assert outputs[3].data == {"text/plain": "figure 3"}
    assert outputs[4].data == {"text": "more displays than 16 MiB: the rest was not kept"}


def test_a_torn_line_costs_only_itself(store, writer):
    writer.output("stdout", {"text": "a"})
    with (writer.path / "outputs.jsonl").open("ab") as file:
        file.write(b'{"time": 1.0, "kind": "std\n[1]\nnull\n')
    writer.output("stdout", {"text": "b"})
    assert [output.data["text"] for output in store.get(-1).outputs] == ["a", "b"]


def test_the_file_is_plain_json_lines(writer):
    writer.output("stdout", {"text": "ünï \ud800"}, 12.5)
    line = (writer.path / "outputs.jsonl").read_text()
    assert json.loads(line) == {"time": 12.5, "kind": "stdout", "data": {"text": "ünï \ud800"}}
