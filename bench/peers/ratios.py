"""Ratios of times that were measured in turn, with intervals that assume no distribution.

A round is a list of samples of either side, taken shortly after one another. What the machine does
slowly (clock, neighbours) meets both sides of a round alike and leaves the round's ratio as it is.
"""
import math
import statistics


def interval_ranks(n, level=0.95):
    """Ranks (from 0) of the order statistics of n values that hold their median with at least that
    probability, the narrowest such pair about the middle, and the probability. Where n is too small
    for the level: the extremes. (Binomial: the sign test turned round; Conover 1999, section 3.2.)"""
    below = [sum(math.comb(n, j) for j in range(k + 1)) / 2**n for k in range(n)]
    low = 0
    while low + 1 < (n + 1) // 2 and 1 - 2 * below[low + 1] >= level:
        low += 1
    return low, n - 1 - low, max(0.0, 1 - 2 * below[low])


def ratio_of_rounds(theirs, ours):
    """Of two equally long lists of rounds: median of the rounds' ratios of medians, its interval and
    that interval's coverage; best over best; the medians over all rounds, in the samples' unit."""
    if not theirs or len(theirs) != len(ours) or not all(map(len, [*theirs, *ours])):
        raise ValueError("rounds are missing")
    pairs = [(statistics.median(a), statistics.median(b)) for a, b in zip(theirs, ours)]
    ratios = sorted(a / b for a, b in pairs)
    low, high, coverage = interval_ranks(len(ratios))
    best, own_best = (min(map(min, side)) for side in (theirs, ours))
    return {
        "rounds": len(ratios),
        "ratio": statistics.median(ratios), "low": ratios[low], "high": ratios[high],
        "coverage": coverage, "best_ratio": best / own_best,
        "median_s": statistics.median(a for a, _ in pairs), "best_s": best,
        "flopstep_median_s": statistics.median(b for _, b in pairs), "flopstep_best_s": own_best,
    }
