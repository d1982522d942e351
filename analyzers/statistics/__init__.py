"""Pure statistics over arrays and counts, one statistic a module."""
