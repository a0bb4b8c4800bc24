"""Metrics out of plain output: states of lines in, records out. ``reader`` is the way in."""
