"""Functions of a series of numbers: which points are anomalies, where it changes, when errors drift."""
