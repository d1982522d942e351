"""R squared: the share of the outcome's variance that the predictions explain."""

from __future__ import annotations

import math

from mlmon.analyzers.statistics.estimate import NEGLIGIBLE, Estimate, undefined, without_interval

ROUNDING = 1e-12
"""A variance under this share of the sum of squares is rounding, and the outcome is read as constant."""


def r2(n: float, squared_error: float, total: float, squares: float) -> Estimate:
    """Give 1 - sum e^2 / (sum y^2 - (sum y)^2 / n), from n, sum e^2, sum y and sum y^2 of the outcomes y.

    It is below zero when the predictions do worse than the outcomes' own mean. There is no interval: its
    sampling variance needs the joint moments of e^2 and y^2, which a store does not keep, and the textbook
    formula holds only for a linear model on its own training data, which a served model is not.

    Source: S. Wright, "Correlation and causation", 1921; N. Draper & H. Smith, "Applied Regression Analysis",
    1998.

    Degenerate input: None without events and when the outcome is constant.

    >>> round(r2(4, 1.0, 10.0, 30.0).value, 3)
    0.8
    >>> r2(4, 1.0, 8.0, 16.0).value is None
    True
    """
    if not n > NEGLIGIBLE:
        return undefined()
    spread = squares - total * total / n
    if not math.isfinite(spread + squared_error) or not spread > ROUNDING * squares:
        return undefined(n)
    return without_interval(1.0 - squared_error / spread, n)
