"""Values on a device: kept with the step and time of their call, written when they arrive.

Without a device the queue itself is tested, with CPU tensors, which it treats as those of a device
without events; `log` never sends a CPU tensor there.
"""

import pytest

from nbtrack.store.deferred import Deferred

torch = pytest.importorskip("torch")


def test_values_come_out_in_order_with_keys_step_and_time():
    deferred = Deferred()
    deferred.add(("a", "b"), torch.tensor([1.0, 2.0]), True, 3, 10.0)
    deferred.add_each(["c", "d"], [torch.tensor([5]), torch.tensor(0.25)], 4, 11.0)
    assert len(deferred) == 2
    assert [tuple(arrived) for arrived in deferred.ready()] == [
        (("a", "b"), True, 3, 10.0, [1.0, 2.0]),
        (("c", "d"), False, 4, 11.0, [5.0, 0.25]),
    ]
    assert deferred.ready() == []


def test_a_tensor_changed_in_place_afterwards_keeps_its_value():
    deferred = Deferred()
    total = torch.tensor([1.0])
    deferred.add(("total",), total, False, 0, 0.0)
    deferred.add_each(["total"], [total], 0, 0.0)
    total += 5
    assert [arrived.values for arrived in deferred.ready()] == [[1.0], [1.0]]


def test_a_writer_writes_what_has_arrived_and_counts_what_a_failed_device_takes_away(
    writer, points
):
    class Event:
        """A CUDA event of a device that fails after its first value."""

        def query(self):
            raise RuntimeError("CUDA error: an illegal memory access")

    writer._deferred.add(("a",), torch.tensor([1.0]), False, 5, writer.now())
    assert writer.drain() == 1
    assert points(writer) == [(5, "a", 1.0)]
    writer._deferred.add(("a",), torch.tensor([2.0]), False, 6, writer.now())
    writer._deferred._queue[0] = writer._deferred._queue[0]._replace(event=Event())
    with pytest.warns(RuntimeWarning, match="illegal memory access"):
        assert writer.drain() == 0
    assert writer.lost_points == 1
    assert writer.finish().status == "incomplete"


@pytest.mark.gpu
def test_on_a_gpu_log_and_emit_wait_for_nothing(writer, points):
    device = torch.device("cuda")
    loss = torch.ones((), device=device)
    norms = torch.ones(3, device=device)
    writer.log({"loss": loss})  # the first pinned memory is allocated here
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for step in range(1, 600):
            torch.cuda._sleep(100_000)
            loss += 1
            norms *= 1.01
            writer.log({"loss": loss, "plain": 1.0, "val": {"acc": norms[:1], "half": loss.half()}})
            writer.emit(("n/0", "n/1", "n/2"), norms, step, writer.now())
            if step % 50 == 0:
                writer.drain()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    writer.finish()
    kept = points(writer)
    assert [(s, v) for s, key, v in kept if key == "loss"] == [(s, s + 1.0) for s in range(600)]
    assert [s for s, key, _ in kept if key == "n/0"] == list(range(1, 600))
    assert [v for _, key, v in kept if key == "n/2"] == pytest.approx(
        [1.01**step for step in range(1, 600)], rel=1e-4
    )


@pytest.mark.gpu
def test_on_a_gpu_a_value_that_is_not_there_yet_is_not_waited_for(writer, points):
    loss = torch.ones((), device="cuda")
    writer.log({"loss": loss})
    writer.drain(wait=True)
    torch.cuda._sleep(2_000_000_000)  # about a second
    loss += 1
    writer.log({"loss": loss}, step=7)
    assert writer.drain() == 0
    assert len(points(writer)) == 1
    assert writer.drain(wait=True) == 1
    assert points(writer)[-1] == (7, "loss", 2.0)
