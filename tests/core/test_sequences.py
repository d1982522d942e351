"""Runs say what sets of numbers say, in less room."""

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from mlmon.core.sequences import count, runs, union, within, without

NUMBERS = st.lists(st.integers(0, 30) | st.integers(0, 2**63 - 1), max_size=40)


def numbers_of(made):
    """The numbers of runs that are short."""
    return {number for first, last in made for number in range(first, last + 1)}


@given(NUMBERS)
def test_runs_hold_the_numbers_and_no_others(numbers):
    """The runs of numbers are those numbers, ascending, and never next to each other."""
    made = runs(numbers)
    assert numbers_of(made) == set(numbers)
    assert count(made) == len(set(numbers))
    assert all(left[1] + 1 < right[0] for left, right in pairwise(made))


@given(NUMBERS, NUMBERS)
def test_union_and_difference_are_those_of_sets(left, right):
    """What is put together or taken away is what sets would give, in the form that `runs` gives."""
    assert union(runs(left), runs(right)) == runs({*left, *right})
    assert without(runs(left), runs(right)) == runs(set(left) - set(right))


@given(NUMBERS, st.integers(0, 30), st.integers(0, 30))
@example([8, 9], 9, 0)
def test_within_cuts_at_both_ends(numbers, start, length):
    """What lies within bounds is what a set would keep of them."""
    end = start + length
    assert within(runs(numbers), start, end) == runs(n for n in numbers if start <= n < end)


def test_long_runs_cost_nothing():
    """Numbers that follow each other are one pair, however many they are."""
    assert union(((0, 10**12),), ((10**12 + 1, 10**15),)) == ((0, 10**15),)
    assert count(without(((0, 10**15),), ((5, 10**14),))) == 10**15 - 10**14 + 5
