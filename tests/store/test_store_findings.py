from dataclasses import replace

import pytest

from nbtrack.errors import StoreError
from nbtrack.records import Finding, RunInfo
from nbtrack.store import Store
from nbtrack.store.findings import FILE_NAME, write_findings

DYING = Finding(
    code="dying_relu",
    severity="warning",
    origin="model",
    title="Dying ReLU in block2",
    sentence="91 % of its units are zero for every sample.",
    advice="Warm up the learning rate.",
    first_step=310,
    evidence={"share": 0.91, "units": [0, 3]},
    keys=("grad_norm/block2.weight",),
    module="block2",
)


@pytest.fixture
def run(tmp_path):
    store = Store(tmp_path)
    store.start(RunInfo(id=store.new_id(), name="a", started_s=0.0)).finish()
    return store.get(-1)


def test_findings_are_read_back_as_they_were_written(run):
    other = replace(DYING, code="bad_lr", first_step=None, keys=())
    write_findings(run.path, [DYING, other])
    assert run.findings == [DYING, other]


def test_a_run_that_nobody_looked_at_has_no_findings(run):
    assert run.findings == []


def test_findings_replace_those_before(run):
    write_findings(run.path, [DYING])
    write_findings(run.path, [])
    assert run.findings == []
    assert [path.name for path in run.path.glob("*findings*")] == [FILE_NAME]


def test_fields_of_a_newer_version_are_passed_over(run):
    write_findings(run.path, [DYING])
    path = run.path / FILE_NAME
    path.write_text(path.read_text().replace('"code"', '"colour": 3, "code"'))
    assert run.findings == [DYING]


@pytest.mark.parametrize("text", ["{", "[]", '{"findings": [{"code": "bad_lr"}]}'])
def test_damaged_findings_say_what_to_do(run, text):
    (run.path / FILE_NAME).write_text(text)
    with pytest.raises(StoreError, match="%doctor"):
        run.findings  # noqa: B018
