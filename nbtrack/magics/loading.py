"""What ``%load_ext nbtrack`` puts into a shell, and ``%unload_ext`` takes out of it again."""

from __future__ import annotations

from typing import Any

from nbtrack.capture.transform import track_transformer
from nbtrack.magics.line_magics import TrackMagics


def load(shell: Any) -> None:
    """Register the magics and the listeners with a shell; again has no effect."""
    if getattr(shell, "_nbtrack", None) is not None:
        return
    magics = TrackMagics(shell)
    shell._nbtrack = magics
    shell.register_magics(magics)
    shell.input_transformers_cleanup.append(track_transformer)
    shell.ast_transformers.append(magics.watcher)
    _draw_results(shell)


def _draw_results(shell: Any) -> None:
    """Have what `nbtrack.reproduce` and `nbtrack.diff` give drawn as pages, where HTML is shown."""
    html = shell.display_formatter.formatters["text/html"]

    def draw_reproduction(value: Any) -> str:
        from nbtrack.views import reproduction_html

        return reproduction_html(value)

    def draw_diff(value: Any) -> str:
        from nbtrack.views import diff_html

        return diff_html(value)

    def draw_diagnosis(value: Any) -> str:
        from nbtrack.views import doctor_html

        return doctor_html(value.run, value, value.num_checks)

    html.for_type_by_name("nbtrack.doctor.diagnose", "Diagnosis", draw_diagnosis)
    html.for_type_by_name("nbtrack.records", "Reproduction", draw_reproduction)
    html.for_type_by_name("nbtrack.versioning.diff", "RunDiff", draw_diff)


def unload(shell: Any) -> None:
    """Take out of a shell what `load` put there."""
    magics = getattr(shell, "_nbtrack", None)
    if magics is None:
        return
    shell._nbtrack = None
    magics.session.close()
    shell.input_transformers_cleanup.remove(track_transformer)
    shell.ast_transformers.remove(magics.watcher)
    for kind, names in (("cell", ["track"]), ("line", ["track", "runs", "doctor", "reproduce"])):
        for name in names:
            shell.magics_manager.magics[kind].pop(name, None)
