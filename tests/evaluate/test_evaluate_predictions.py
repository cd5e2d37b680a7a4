"""Predictions kept with a run, read back, scored, and held side by side."""

import numpy as np
import pytest
import torch

import nbtrack
from nbtrack.errors import UsageError
from nbtrack.evaluate import compare, scores

TRUTH = [0, 1, 2, 2]


@pytest.fixture
def predicting(store):
    def _predicting(lr, predicted, **kept):
        with nbtrack.start("p", params={"lr": lr}, store=store) as run:
            run.log({"val/accuracy": 0.5})
            run.predictions(predicted=predicted, **kept)
        return run

    return _predicting


def test_labels_come_back_as_they_were(predicting):
    run = predicting(0.1, ["cat", "dog"], truth=["cat", "cat"], inputs=["a <b>", "c"])
    found = run.predictions()
    assert found["predicted"].tolist() == ["cat", "dog"]
    assert found["truth"].tolist() == ["cat", "cat"]
    assert found["input"].tolist() == ["a <b>", "c"]


def test_logits_and_probabilities_become_labels(predicting):
    logits = torch.tensor([[0.0, np.log(3.0)], [5.0, 5.0 - np.log(4.0)]], requires_grad=True)
    found = predicting(0.1, logits, truth=torch.tensor([1, 0])).predictions()
    assert found["predicted"].tolist() == [1, 0]
    assert found["probability"].tolist() == pytest.approx([0.75, 0.8])
    shares = predicting(0.1, [[0.4, 0.6]]).predictions()
    assert shares["probability"].tolist() == pytest.approx([0.6])


def test_bad_lengths_and_missing_splits_say_so(predicting):
    with pytest.raises(UsageError, match="truth has 2 examples and predicted has 1"):
        predicting(0.1, [1], truth=[1, 2])
    with pytest.raises(LookupError, match="no predictions of 'test'; it has val"):
        predicting(0.1, [1]).predictions(split="test")


def test_scores_by_hand():
    found = scores([0, 1, 1, 1], [0, 1, 0, 1])
    assert found["accuracy"] == pytest.approx(75)
    assert found["precision"] == pytest.approx(100 * (1 + 2 / 3) / 2)
    assert found["recall"] == pytest.approx(100 * (1 / 2 + 1) / 2)
    assert scores([1.0, 2.5], [1.0, 2.0])["mean absolute error"] == pytest.approx(0.25)
    assert scores([], []) == {}


def test_two_runs_side_by_side_where_they_disagree(predicting, store):
    images = np.zeros((4, 8, 8))
    images[0, 0, 0] = 16.0
    predicting(0.1, [0, 2, 2, 1], truth=TRUTH, inputs=images)
    predicting(0.2, [0, 1, 2, 0], truth=TRUTH)
    page = compare(store=store).prediction_page()
    letters = {page["a"]: page["counts"]["only_a"], page["b"]: page["counts"]["only_b"]}
    assert page["disagree"] == page["total"] == 2
    assert [row["index"] for row in page["rows"]] == [1, 3]
    assert page["counts"]["both_right"] == 2
    assert page["counts"]["both_wrong"] == 1
    assert sorted(letters.values()) == [0, 1]
    side = "a" if page["a"] == "A" else "b"
    assert page["confusion"]["classes"] == ["0", "1", "2"]
    assert page["confusion"][side] == [[1, 0, 0], [0, 0, 1], [0, 1, 1]]
    everything = compare(store=store).prediction_page(only="all")
    assert everything["rows"][0]["input"]["image"][0][0] == 255
    assert len(everything["rows"]) == 4
    with pytest.raises(UsageError, match="only is one of"):
        compare(store=store).prediction_page(only="some")


def test_without_predictions_there_is_no_page(run, store):
    run(0.9, {"lr": 0.1})
    run(0.9, {"lr": 0.2})
    assert compare(store=store).prediction_page() is None
