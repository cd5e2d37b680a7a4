"""Which earlier cells one cell needs, told from their text and from what the kernel saw."""
