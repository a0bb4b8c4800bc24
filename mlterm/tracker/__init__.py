"""The Tracker: logging from inside a script, at a cost that cannot be noticed.

``tracker`` has the class, ``opening`` finds the run it writes to, ``writer`` and
``background`` append the lines, ``artifacts`` keeps files, ``ending`` tells how it ended.
"""

from mlterm.tracker.tracker import Tracker

__all__ = ["Tracker"]
