"""Numbers as people read them: dollars, durations, counts, shares, changes, times. Pure; used by the templates."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction

NANO = 1_000_000_000
NO_BREAK = "\u00a0"


def usd(nanousd: float | None) -> str:
    """Dollars, with as many digits as the amount deserves."""
    if nanousd is None:
        return "unknown"
    dollars = abs(nanousd) / NANO
    sign = "−" if nanousd < 0 else ""
    if dollars == 0:
        return "$0"
    if dollars >= 1_000_000:
        return f"{sign}${dollars:,.0f}"
    if dollars >= 1:
        return f"{sign}${dollars:,.2f}"
    if dollars >= 0.01:
        return f"{sign}${dollars:.3f}"
    if dollars < 0.000_000_1:
        return f"{sign}< $0.0000001"
    # Two digits that say something, wherever they begin.
    return f"{sign}${dollars:.{1 - math.floor(math.log10(dollars))}f}"


def cents(nanousd: int) -> str:
    """Dollars to the cent, as bills have them; what is less than half a cent is not nothing."""
    if nanousd and abs(nanousd) < NANO // 200:
        return f"<{NO_BREAK}$0.01" if nanousd > 0 else f"−<{NO_BREAK}$0.01"
    return f"{'−' if nanousd < 0 else ''}${hundredths(Fraction(abs(nanousd), NANO))}"


def hundredths(amount: Fraction) -> str:
    """An amount with two digits, rounded once from what it exactly is; what is less than half of one is not nothing."""
    if amount and abs(amount) < Fraction(1, 200):
        return f"<{NO_BREAK}0.01"
    return f"{Decimal(round(amount * 100)).scaleb(-2):,.2f}"


def signed_usd(nanousd: float) -> str:
    """A change in dollars: with its sign."""
    return f"+{usd(nanousd)}" if nanousd > 0 else usd(nanousd)


def usd_as(nanousd: int | None, most: float) -> str:
    """Dollars in a column whose largest amount is *most*: to the cent where that has any, so that points stand in line."""
    if nanousd is None or abs(most) < NANO:
        return usd(nanousd)
    return cents(nanousd) if nanousd else "$0"


def signed_as(nanousd: int, most: float) -> str:
    """A change in such a column."""
    if abs(most) < NANO:
        return signed_usd(nanousd)
    if abs(nanousd) < NANO // 200:
        return f"≈{NO_BREAK}0"
    sign = "+" if nanousd > 0 else "−"
    return f"{sign}${Decimal(round(Fraction(abs(nanousd), NANO // 100))).scaleb(-2):,.2f}"


def axis_usd(nanousd: float, step_nanousd: float) -> str:
    """Dollars on an axis, all marks of which have as many digits as a step of it needs."""
    dollars, step = nanousd / NANO, step_nanousd / NANO
    if step >= 10_000 and step % 1000 == 0:
        return f"${dollars / 1000:,.0f}k"
    return f"${dollars:,.{_digits(step)}f}"


def _digits(step: float) -> int:
    """Behind the point, so that multiples of *step* differ and none is rounded; of dollars none or cents."""
    needed = next((digits for digits in range(12) if abs(round(step, digits) - step) < step * 1e-6), 12)
    return 2 if needed == 1 else needed


def span(ms: float | None) -> str:
    """A duration."""
    if ms is None:
        return "–"
    if ms < 9.95:
        return f"{ms:.1f}{NO_BREAK}ms"
    if ms < 999.5:
        return f"{ms:.0f}{NO_BREAK}ms"
    if ms < 99_950:
        return f"{ms / 1000:.2f}{NO_BREAK}s" if ms < 9_995 else f"{ms / 1000:.1f}{NO_BREAK}s"
    return f"{ms / 60_000:.1f}{NO_BREAK}min"


def axis_span(ms: float, _step_ms: float = 0) -> str:
    """A duration on an axis."""
    return f"{ms:g}{NO_BREAK}ms" if ms < 1000 else f"{ms / 1000:g}{NO_BREAK}s"


def axis_count(number: float, _step: float = 0) -> str:
    """A count on an axis."""
    return count(number)


def count(number: float | None) -> str:
    """A count, short from a hundred thousand on."""
    if number is None:
        return "–"
    for unit, size in (("bn", 1e9), ("m", 1e6)):
        if number >= size:
            return f"{number / size:.3g}{NO_BREAK}{unit}"
    return f"{number / 1000:.0f}{NO_BREAK}k" if number >= 100_000 else f"{number:,.0f}"


def exact(number: float | None) -> str:
    """A count, every digit of it."""
    return "–" if number is None else f"{number:,.0f}"


def percent(share: float | None) -> str:
    """A share of 0 to 1. What is nearly nothing or nearly all is not rounded to it."""
    if share is None:
        return "–"
    if 0 < share < 0.001:
        return f"<{NO_BREAK}0.1{NO_BREAK}%"
    if 0.995 <= share < 1:
        return f">{NO_BREAK}99{NO_BREAK}%"
    return f"{share * 100:.1f}{NO_BREAK}%" if share < 0.0995 and share else f"{share * 100:.0f}{NO_BREAK}%"


def change(now: float | None, before: float | None, called: str) -> str:
    """How *now* compares with *before*, which is *called* `yesterday`."""
    if now is None or not before or before < 0:
        return f"none {called}"
    if now >= 10 * before:
        return f"over 10 times {called}"
    moved = round((now / before - 1) * 100)
    return f"as {called}" if moved == 0 else f"{'up' if moved > 0 else 'down'} {abs(moved)} % on {called}"


def trend(now: float | None, before: float | None) -> str:
    """The same as an arrow and a share: `▲ 12 %`; empty where there is nothing to compare."""
    if now is None or not before or before < 0:
        return ""
    if now >= 10 * before:
        return f"▲{NO_BREAK}over{NO_BREAK}10×"
    moved = round((now / before - 1) * 100)
    return f"±{NO_BREAK}0{NO_BREAK}%" if moved == 0 else f"{'▲' if moved > 0 else '▼'}{NO_BREAK}{abs(moved)}{NO_BREAK}%"


def clock(stamp: str | datetime | None, zone: tzinfo, *, seconds: bool = True) -> str:
    """A time of day in *zone*, the date in front."""
    moment = _moment(stamp)
    return "–" if moment is None else moment.astimezone(zone).strftime("%-d %b %H:%M:%S" if seconds else "%-d %b %H:%M")


def stretch(since: datetime, until: datetime, zone: tzinfo) -> str:
    """From when to when in *zone*, with the year: whole days as days, within a day the date once."""
    first, end = since.astimezone(zone), until.astimezone(zone)
    if not (first.hour or first.minute or end.hour or end.minute):
        last = end - timedelta(days=1)
        if first.date() >= last.date():
            return f"{first:%-d %b %Y}"
        form = (
            "%-d"
            if (first.year, first.month) == (last.year, last.month)
            else "%-d %b"
            if first.year == last.year
            else "%-d %b %Y"
        )
        return f"{first.strftime(form)} to {last:%-d %b %Y}"
    if first.date() == end.date():
        return f"{first:%-d %b %Y}, {first:%H:%M} to {end:%H:%M}"
    return f"{first.strftime('%-d %b %H:%M' if first.year == end.year else '%-d %b %Y %H:%M')} to {end:%-d %b %Y %H:%M}"


def time_of_day(stamp: str | None, zone: tzinfo) -> str:
    """Only the time of day."""
    moment = _moment(stamp)
    return "–" if moment is None else moment.astimezone(zone).strftime("%H:%M:%S")


def _moment(stamp: str | datetime | None) -> datetime | None:
    if stamp is None or isinstance(stamp, datetime):
        return stamp
    try:
        return datetime.fromisoformat(stamp)
    except ValueError:
        return None


def plural(number: float, one: str, many: str | None = None) -> str:
    """`1 request`, `2 requests`."""
    return f"{count(number)}{NO_BREAK}{one if number == 1 else many or one + 's'}"
