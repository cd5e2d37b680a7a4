"""How good a model is: comparison of runs, their predictions, and scores.

Judges what the store holds. It neither runs nor measures training, and draws with `views`.
"""

from nbtrack.evaluate.comparison import Comparison, compare
from nbtrack.evaluate.predictions import PredictingRun
from nbtrack.evaluate.scores import scores

__all__ = ["Comparison", "PredictingRun", "compare", "scores"]
