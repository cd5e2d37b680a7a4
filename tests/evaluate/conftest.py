"""A store in which sweeps are made by writing runs, without training."""

import pytest

from nbtrack.records import Cell, RunInfo
from nbtrack.versioning.kept_store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def run(store):
    """Make a run that has ended; ``values`` of its metric at steps 0, 10, 20, ..."""
    clock = iter(range(1_700_000_000, 1_800_000_000, 60))

    def _run(
        values, params=None, seed=None, status="done", key="val/accuracy", steps=None, **fields
    ):
        started = float(next(clock))
        source = fields.pop("source", "train()")
        info = RunInfo(
            id=store.new_id(),
            name=fields.pop("name", "sweep"),
            started_s=started,
            params=params or {},
            seed=seed,
            cells=(Cell(source, "c1", 7),),
            **fields,
        )
        writer = store.start(info)
        values = values if isinstance(values, list) else [values]
        for k, value in enumerate(values):
            step = 10 * k if steps is None else steps[k]
            writer.emit([key], [value], step, started + step)
        writer.finish(status)
        return store.get(info.id)

    return _run
