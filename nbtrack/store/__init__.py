"""What is kept: runs as folders of plain files, blobs by their digest, and an index of both.

Writers (runs, ranks, importers) add, readers (widgets, tables, doctor, command line) take; they
meet nowhere else. Append-only files are the truth: a run is a folder that can be copied with rsync
and read without nbtrack. The index is a cache that can be deleted.

Not here: what is measured (`nbtrack.instruments`), what was run (`nbtrack.capture`), and how any of
it is drawn (`nbtrack.views`).
"""

from nbtrack.store.blobs import Blobs
from nbtrack.store.listing import Runs
from nbtrack.store.store import Store
from nbtrack.store.storedrun import StoredRun
from nbtrack.store.tail import Tail
from nbtrack.store.writer import RunWriter

__all__ = ["Blobs", "RunWriter", "Runs", "Store", "StoredRun", "Tail"]
