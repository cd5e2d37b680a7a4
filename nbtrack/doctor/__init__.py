"""Why does it not learn: what was seen of a training, judged.

`Observer` (in `nbtrack.instruments.observing`) notes facts, `symptoms` and `curves` are pure
functions from facts and series to findings, `diagnose` ranks them by cause.
"""

from __future__ import annotations

from nbtrack.doctor.diagnose import Diagnosis, diagnose
from nbtrack.doctor.watching import watch

__all__ = ["Diagnosis", "diagnose", "watch"]
