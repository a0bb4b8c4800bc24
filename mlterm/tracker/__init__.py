"""The Tracker: logging from inside a script, at a cost that cannot be noticed.

``tracker`` has the class; ``opening`` finds the run that it writes to, ``ranks`` whether it is
one of several processes; ``lines`` makes records lines, which ``journal``, ``writer`` and
``background`` append; ``artifacts``, ``files`` and ``png`` keep files; ``voice`` says what went
wrong, ``ending`` how it ended.
"""

from mlterm.tracker.tracker import Tracker

__all__ = ["Tracker"]
