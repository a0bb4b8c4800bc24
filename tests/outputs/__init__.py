"""What real programs print, and what is to be read out of it: see README.md."""
