"""Digests of data and weights, and the state of a notebook kept by content."""
