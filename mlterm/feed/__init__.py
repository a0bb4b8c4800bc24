"""What the view shows, read from a run's files, in a size that does not grow with the run."""
