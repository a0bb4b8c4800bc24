"""The outside world: one thing of the machine a module, and nothing decided here."""
