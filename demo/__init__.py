"""The flights demo: a real model on real data, monitored from its first prediction to its report."""
