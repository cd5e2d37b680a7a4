"""Hyper-parameters, read from the code of a slice and from the live objects that trained."""
