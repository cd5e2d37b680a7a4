"""A run again: in a fresh kernel and compared, or gone on with from a checkpoint."""
