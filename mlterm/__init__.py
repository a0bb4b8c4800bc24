"""mlterm: a terminal-first supervisor and experiment tracker for machine learning."""

__version__ = "0.1.0"
__all__ = ["__version__"]
