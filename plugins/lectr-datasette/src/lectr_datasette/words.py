"""Numbers as people read them: dollars, durations, counts, shares. Pure; used by the page's template."""

from __future__ import annotations

import math

NANO = 1_000_000_000


def usd(nanousd: float) -> str:
    """Dollars, with as many digits as the amount deserves."""
    dollars = nanousd / NANO
    if dollars == 0:
        return "$0"
    if dollars >= 1000:
        return f"${dollars:,.0f}"
    if dollars >= 1:
        return f"${dollars:,.2f}"
    if dollars >= 0.01:
        return f"${dollars:.3f}"
    if dollars < 0.000_000_1:
        return "< $0.0000001"
    # Two digits that say something, wherever they begin.
    return f"${dollars:.{1 - math.floor(math.log10(dollars))}f}"


def axis_usd(nanousd: float) -> str:
    """Dollars on an axis: short."""
    dollars = nanousd / NANO
    if dollars >= 10_000:
        return f"${dollars / 1000:,.0f}k"
    return f"${dollars:.6g}" if dollars >= 0.000_1 or dollars == 0 else f"${dollars:.0e}"


def span(ms: float | None) -> str:
    """A duration."""
    if ms is None:
        return "–"
    if ms < 9.95:
        return f"{ms:.1f} ms"
    if ms < 999.5:
        return f"{ms:.0f} ms"
    if ms < 99_950:
        return f"{ms / 1000:.2f} s" if ms < 9_995 else f"{ms / 1000:.1f} s"
    return f"{ms / 60_000:.1f} min"


def count(number: float | None) -> str:
    """A count, short from a hundred thousand on."""
    if number is None:
        return "–"
    for unit, size in (("bn", 1e9), ("m", 1e6)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number / 1000:.0f} k" if number >= 100_000 else f"{number:,.0f}"


def percent(share: float | None) -> str:
    """A share of 0 to 1."""
    if share is None:
        return "–"
    if 0 < share < 0.001:
        return "< 0.1 %"
    return f"{share * 100:.1f} %" if share < 0.0995 and share else f"{share * 100:.0f} %"


def change(now: float, before: float, called: str) -> str:
    """How *now* compares with *before*, which is *called* `yesterday`."""
    if before <= 0:
        return f"none {called}"
    if now >= 10 * before:
        return f"over 10 times {called}"
    moved = round((now / before - 1) * 100)
    return f"as {called}" if moved == 0 else f"{'up' if moved > 0 else 'down'} {abs(moved)} % on {called}"
