"""`python -m mlterm` is `mlterm`."""

from mlterm.cli import main

if __name__ == "__main__":
    main()
