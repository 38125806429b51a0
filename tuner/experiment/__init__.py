"""The experiment: what a run measures, in order, and how the function is put back in the end."""
