"""What is seen: the live view of a run, its static picture, the table of runs, and the pages.

The pages tell how a repetition compares with its run, and what differs between two runs.

Views read the store and nothing else, so a run of last year, of another kernel or of another
machine is drawn by the same code as the one that is training.
"""

from __future__ import annotations

from nbtrack.views.diff_page import diff_html
from nbtrack.views.doctor_page import doctor_html
from nbtrack.views.figures import static_figure, summary_line
from nbtrack.views.live import LiveView, live
from nbtrack.views.page import badge_html
from nbtrack.views.reproduction_page import reproduction_html
from nbtrack.views.runs_widget import RunsView
from nbtrack.views.table import RunsTable

__all__ = [
    "LiveView",
    "RunsTable",
    "RunsView",
    "badge_html",
    "diff_html",
    "doctor_html",
    "live",
    "reproduction_html",
    "static_figure",
    "summary_line",
]
