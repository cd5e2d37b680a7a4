"""What a model said of examples, kept with its run and held against another run's."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from nbtrack.errors import UsageError
from nbtrack.evaluate.scores import scores
from nbtrack.versioning import KeptRun

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from nbtrack.evaluate.differ import Differences
    from nbtrack.store import StoredRun

    Array = npt.NDArray[Any]

PREFIX = "predictions/"
MOST_INPUT_VALUES = 4096  # of one example: a larger one is told by its shape
MOST_CLASSES = 30  # of a confusion matrix on the page
ONLY = ("disagree", "wrong_a", "wrong_b", "all")


class PredictingRun(KeptRun):
    """A run that keeps what its model predicts."""

    def save(self, name: str, obj_or_path: Any) -> str:
        """Keep an object under a name; only a run that can be written does.

        Raises
        ------
        UsageError
            (a ValueError) always: `nbtrack.Run` does it.
        """
        raise UsageError(f"run {self.id} is read only here: use nbtrack.get({self.id!r})")

    def predictions(
        self, inputs: Any = None, predicted: Any = None, truth: Any = None, split: str = "val"
    ) -> pd.DataFrame:
        """Keep predictions with the run; without `predicted`, give back those that it has.

        Parameters
        ----------
        inputs : sequence or array of shape (n, ...), optional
            What was predicted from: texts, numbers, small images. An example of more than 4,096
            values is not kept.
        predicted : sequence, array or tensor of shape (n,) or (n, classes)
            Labels or numbers; or logits or probabilities of each class, of which the largest is
            the prediction.
        truth : sequence, array or tensor of shape (n,), optional
        split : str
            Of which data: ``val``, ``test``.

        Returns
        -------
        DataFrame
            Columns ``predicted``, and where they are known ``truth`` and ``probability`` (that of
            the predicted class), and ``input`` where an example is a text or a single number.

        Raises
        ------
        UsageError
            (a ValueError) if the lengths differ.
        LookupError
            If nothing is given, and the run kept nothing for this split.
        """
        if predicted is not None:
            self.save(PREFIX + split, _packed(inputs, predicted, truth))
        return frame_of(read(self, split))


def _packed(inputs: Any, predicted: Any, truth: Any) -> bytes:
    """The columns as an npz file, without pickles."""
    found = _array(predicted)
    columns: dict[str, Array] = {}
    if found.ndim == 2 and found.shape[1] > 1 and np.issubdtype(found.dtype, np.floating):
        columns["predicted"] = found.argmax(1)
        columns["probability"] = _probabilities(found).max(1).astype(np.float32)
    else:
        columns["predicted"] = found.reshape(len(found), -1)[:, 0] if found.ndim > 1 else found
    n = len(columns["predicted"])
    for name, given in (("truth", truth), ("input", inputs)):
        if given is None:
            continue
        values = _array(given)
        if len(values) != n:
            what = "truth" if name == "truth" else "inputs"
            raise UsageError(
                f"{what} has {len(values)} examples and predicted has {n}: give one for each"
            )
        if name == "truth" and values.ndim > 1:
            values = values.argmax(1) if values.shape[1] > 1 else values[:, 0]
        if name == "input" and n and values[0].size > MOST_INPUT_VALUES:
            continue
        columns[name] = values
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **columns)  # type: ignore[arg-type]
    return buffer.getvalue()


def _array(values: Any) -> Array:
    """Any sequence as a plain array on the CPU; texts as texts."""
    if hasattr(values, "detach"):  # a tensor, on any device
        values = values.detach().cpu()
        values = values.float().numpy() if values.is_floating_point() else values.numpy()
    elif isinstance(values, (list, tuple)) and values and hasattr(values[0], "detach"):
        return np.stack([_array(value) for value in values])
    found = np.asarray(values)
    if found.dtype == object:
        found = np.array([str(value) for value in found.ravel()]).reshape(found.shape)
    if not found.ndim:
        raise UsageError(f"predictions are a sequence, one for each example; got {values!r}")
    return found


def _probabilities(scores_of: Array) -> Array:
    """Rows that sum to one as they are, logits through a softmax."""
    is_share = (scores_of >= 0).all() and np.allclose(scores_of.sum(1), 1, atol=1e-3)
    if is_share:
        return scores_of
    powers = np.exp(scores_of - scores_of.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def splits(run: StoredRun) -> list[str]:
    """The splits of which a run kept predictions."""
    return [name.removeprefix(PREFIX) for name in run.saved if name.startswith(PREFIX)]


def read(run: StoredRun, split: str) -> dict[str, Array]:
    """The columns that a run kept.

    Raises
    ------
    LookupError
        If it kept none for this split.
    """
    have = splits(run)
    if split not in have:
        told = f"; it has {', '.join(have)}" if have else ": call run.predictions(predicted=...)"
        raise LookupError(f"run {run.id} has kept no predictions of {split!r}{told}")
    with np.load(io.BytesIO(run.load(PREFIX + split)), allow_pickle=False) as kept:
        return {name: kept[name] for name in kept.files}


def frame_of(columns: dict[str, Array]) -> pd.DataFrame:
    """The columns of one value each as a DataFrame."""
    import pandas as pd

    names = [
        name
        for name in ("input", "predicted", "truth", "probability")
        if name in columns and columns[name].ndim == 1
    ]
    table: pd.DataFrame = pd.DataFrame({name: columns[name] for name in names})
    return table


def prediction_page(
    found: Differences, split: str | None, offset: int, limit: int, only: str
) -> dict[str, Any] | None:
    """Predictions of two runs side by side, as the page gets them; None where one kept none.

    Raises
    ------
    UsageError
        If `only` is none of disagree, wrong_a, wrong_b, all.
    """
    if only not in ONLY:
        raise UsageError(f"only is one of {', '.join(ONLY)}; got {only!r}")
    first, second = found.a_run.run, found.b_run.run
    try:
        both = [name for name in splits(first) if name in splits(second)]
        if not both:
            return None
        split = split if split in both else both[0]
        old, new = read(first, split), read(second, split)
    except OSError:
        return None  # deleted, or a blob is gone
    a, b = _texts(old["predicted"]), _texts(new["predicted"])
    page: dict[str, Any] = {
        "splits": both,
        "split": split,
        "only": only,
        "offset": offset,
        "a": found.a.letter,
        "b": found.b.letter,
        "count": len(a),
        "a_run": first.id,
        "b_run": second.id,
        "counts": None,
        "confusion": None,
    }
    if len(a) != len(b):
        return {**page, "total": 0, "disagree": 0, "rows": [], "scores": []}
    truth = _texts(old["truth"]) if "truth" in old else None
    disagree = a != b
    a_ok, b_ok = (None if truth is None else side == truth for side in (a, b))
    chosen = disagree
    if only == "all" or (truth is None and only != "disagree"):
        chosen = np.ones(len(a), bool)
    elif only != "disagree" and a_ok is not None and b_ok is not None:
        chosen = ~(a_ok if only == "wrong_a" else b_ok)
    places = np.flatnonzero(chosen)
    inputs = old.get("input", new.get("input"))
    rows = [
        {
            "index": k,
            "input": None if inputs is None else _shown(inputs[k]),
            "truth": None if truth is None else str(truth[k]),
            "a": str(a[k]),
            "b": str(b[k]),
            "a_ok": None if a_ok is None else bool(a_ok[k]),
            "b_ok": None if b_ok is None else bool(b_ok[k]),
            "a_p": _chance(old, k),
            "b_p": _chance(new, k),
        }
        for k in places[offset : offset + limit].tolist()
    ]
    page |= {"total": len(places), "disagree": int(disagree.sum()), "rows": rows, "scores": []}
    if truth is None or a_ok is None or b_ok is None:
        return page
    page["counts"] = {
        "both_right": int((a_ok & b_ok).sum()),
        "only_a": int((a_ok & ~b_ok).sum()),
        "only_b": int((~a_ok & b_ok).sum()),
        "both_wrong": int((~a_ok & ~b_ok).sum()),
    }
    sides = [scores(columns["predicted"], old["truth"]) for columns in (old, new)]
    page["scores"] = [
        {"name": name, "a": sides[0][name], "b": sides[1][name]}
        for name in sides[0]
        if name in sides[1]
    ]
    page["confusion"] = _confusions(truth, a, b)
    return page


def _texts(values: Array) -> Array:
    if np.issubdtype(values.dtype, np.floating):
        return np.array([f"{value:.6g}" for value in values.tolist()])
    return values.astype(str)


def _chance(columns: dict[str, Array], k: int) -> float | None:
    return round(float(columns["probability"][k]), 4) if "probability" in columns else None


def _shown(value: Any) -> dict[str, Any]:
    """An example as text, or as grey values of a small image."""
    shape = [size for size in np.shape(value) if size > 1]
    if len(shape) == 2 and max(shape) <= 64 and np.issubdtype(value.dtype, np.number):
        image = np.nan_to_num(np.asarray(value, dtype=float).reshape(shape))
        span = float(np.ptp(image)) or 1.0
        return {"image": np.round((image - image.min()) / span * 255).astype(int).tolist()}
    text = str(value) if not np.ndim(value) else f"values of shape {tuple(np.shape(value))}"
    return {"text": text[:400]}


def _confusions(truth: Array, a: Array, b: Array) -> dict[str, Any] | None:
    from sklearn.metrics import confusion_matrix

    classes = sorted(set(truth.tolist()) | set(a.tolist()) | set(b.tolist()), key=_by_number)
    if not 1 < len(classes) <= MOST_CLASSES:
        return None
    matrices = [confusion_matrix(truth, side, labels=classes).tolist() for side in (a, b)]
    return {"classes": classes, "a": matrices[0], "b": matrices[1]}


def _by_number(text: str) -> tuple[float, str]:
    try:
        return float(text), text
    except ValueError:
        return float("inf"), text
