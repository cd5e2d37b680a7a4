"""What repeats a run: so far, what changed from one run to the next."""

from nbtrack.versioning.diff import changes, lr_change, previous

__all__ = ["changes", "lr_change", "previous"]
