"""The few tail and quantile functions we need, from scipy.special, which is loaded at the first call.

scipy comes with scikit-learn. Loading it takes about 0.2 s, which a command that asks for no test should not
pay.
"""

from __future__ import annotations

import importlib
import math
import warnings
from functools import cache, lru_cache
from types import ModuleType

import numpy as np
import numpy.typing as npt


@cache
def _special() -> ModuleType:
    return importlib.import_module("scipy.special")


def normal_tail(z: float) -> float:
    """Give the two-sided tail P(|Z| >= |z|) of the standard normal.

    >>> round(normal_tail(1.959964), 6)
    0.05
    """
    return math.erfc(abs(z) / math.sqrt(2.0))


@lru_cache(maxsize=16_384)
def student_quantile(probability: float, degrees: float) -> float:
    """Give Student's t quantile (Student 1908); ``degrees`` > 0 may be a fraction.

    >>> round(student_quantile(0.975, 10.0), 3)
    2.228
    """
    return float(_special().stdtrit(degrees, probability))


def chi_squared_tail(statistic: float, degrees: float) -> float:
    """Give P(X >= statistic) for the chi-squared distribution (Pearson 1900).

    >>> round(chi_squared_tail(3.841459, 1.0), 4)
    0.05
    """
    return float(_special().chdtrc(degrees, statistic))


def chi_squared_quantile(probability: float, degrees: float) -> float:
    """Give x with P(X <= x) = ``probability`` for the chi-squared distribution.

    >>> round(chi_squared_quantile(0.95, 1.0), 3)
    3.841
    """
    return float(_special().chdtri(degrees, 1.0 - probability))


def kolmogorov_tail(x: float) -> float:
    """Give P(K >= x) for Kolmogorov's limiting distribution (Kolmogorov 1933).

    >>> round(kolmogorov_tail(1.3581), 4)
    0.05
    """
    return float(_special().kolmogorov(x))


def log_gamma(x: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Give the logarithm of the gamma function, for x > 0.

    >>> round(float(log_gamma(5.0)), 6) == round(math.log(24.0), 6)
    True
    """
    return np.asarray(_special().gammaln(x), dtype=np.float64)


def smirnov_p_value(left: npt.NDArray[np.float64], right: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Give the two-sample Kolmogorov-Smirnov statistic and p-value of raw, finite values.

    Where the exact sum would lose its digits, the asymptotic one is taken.

    >>> smirnov_p_value(np.array([1.0, 2.0]), np.array([3.0, 4.0]))[0]
    1.0
    """
    stats = importlib.import_module("scipy.stats")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found = stats.ks_2samp(left, right)
    return float(found.statistic), float(found.pvalue)


@lru_cache(maxsize=16_384)
def binomial_quantile(probability: float, n: int, p: float) -> int:
    """Give the smallest k with P(Binomial(n, p) <= k) >= ``probability``, for 0 < p < 1.

    >>> binomial_quantile(0.5, 10, 0.5)
    5
    """
    special = _special()
    guess = special.bdtrik(probability, n, p)
    k = math.ceil(guess) if math.isfinite(guess) else 0
    k = min(max(k, 0), n)
    while k > 0 and special.bdtr(k - 1, n, p) >= probability:
        k -= 1
    while k < n and special.bdtr(k, n, p) < probability:
        k += 1
    return k
