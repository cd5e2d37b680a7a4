"""What is seen: the live view of a run, its static picture, and the table of runs.

Views read the store and nothing else, so a run of last year, of another kernel or of another
machine is drawn by the same code as the one that is training.
"""

from __future__ import annotations

from nbtrack.views.figures import static_figure, summary_line
from nbtrack.views.live import LiveView, live
from nbtrack.views.table import RunsTable

__all__ = ["LiveView", "RunsTable", "live", "static_figure", "summary_line"]
