"""Statistics from sufficient statistics: one pure function a file, no rows, no I/O.

A store returns counts, sums and histograms; these functions turn them into a value, its interval and its
sample size. Every count may be a float, because sampling weights make it one, and is already the net of
corrections, because a correction adds the old evaluation again with a negative weight. An undefined answer is
``None``, never NaN, and honest data never raises. All functions are pure and so safe to call from many
threads.
"""
