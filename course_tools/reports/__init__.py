"""Pages that are written from the notebooks and their stored results."""
