"""What other programs have recorded, as runs; a module each."""
