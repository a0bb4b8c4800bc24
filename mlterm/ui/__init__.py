"""The view: what a run looks like in a terminal, and what keys do to it."""
