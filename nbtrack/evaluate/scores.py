"""Scores of predictions against the truth, by scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np

MOST_CLASSES = 1000  # more distinct labels than that are numbers, not classes


def scores(predicted: Any, truth: Any) -> dict[str, float]:
    """How good predictions are.

    Parameters
    ----------
    predicted, truth : array of shape (n,)
        Labels (whole numbers, truth values, texts), or real numbers.

    Returns
    -------
    dict of str to float
        Of labels, in percent: ``accuracy`` and ``precision``, ``recall`` and ``F1`` as plain means
        over classes. Of real numbers: ``mean absolute error``, ``RMSE`` and ``R2``. Empty without
        examples, and where a number is not finite.
    """
    from sklearn import metrics

    predicted, truth = np.asarray(predicted), np.asarray(truth)
    if not len(truth):
        return {}
    if any(np.issubdtype(each.dtype, np.floating) for each in (predicted, truth)):
        if not (np.isfinite(predicted).all() and np.isfinite(truth).all()):
            return {}
        found = {
            "mean absolute error": float(metrics.mean_absolute_error(truth, predicted)),
            "RMSE": float(np.sqrt(metrics.mean_squared_error(truth, predicted))),
        }
        if len(truth) > 1:
            found["R2"] = float(metrics.r2_score(truth, predicted))
        return found
    predicted, truth = predicted.astype(str), truth.astype(str)
    if len(np.unique(truth)) > MOST_CLASSES:
        return {"accuracy": 100 * float((predicted == truth).mean())}
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        truth, predicted, average="macro", zero_division=0.0
    )
    return {
        "accuracy": 100 * float((predicted == truth).mean()),
        "precision": 100 * float(precision),
        "recall": 100 * float(recall),
        "F1": 100 * float(f1),
    }
