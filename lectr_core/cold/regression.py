"""A small linear model that learns one observation at a time: recursive least squares on relative errors. Pure.

Never here: what is predicted from what (`visible.py`), or how sure a prediction is in the end (`conformal.py`). An
observation that is far off counts for less, so that one strange request does not bend the line, and so that the line runs
where half of the errors are on either side. Called by `calibration.py`.

The arithmetic of four features is written out: it takes 4 µs so, and took 20 as loops over lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

Features = tuple[float, float, float, float]
Spread = tuple[float, float, float, float, float, float, float, float, float, float]

FORGETTING: Final = 0.998
"""What an observation still counts when the next one has come: half of it after 350."""
DRIFTING: Final = 0.7
"""With so many usual errors to one side, on average of some fifty, what was learnt no longer holds. By chance the average
is within 0.13 two times out of three."""


_SMALLEST: Final = 8.0
"""Below so many tokens an error counts by its size, not by its share: 1 instead of 2 is no matter."""
_USUAL: Final = 0.1
"""Relative error that is usual before anything is known."""
_NEWEST: Final = 0.02
"""What the newest error counts in the usual one."""
_GROWING: Final = FORGETTING**-0.5
"""How much less sure a weight is by the next observation."""
_GROWING_FAST: Final = 1.05
"""The same where it drifts: after 50 observations what was known before counts for little."""


@attrs.define
class Fit:
    """Weights, and how sure each of them is."""

    weights: Features
    spread: Spread
    """Their covariance: row by row, from the diagonal on."""
    widest: Features
    """No weight's variance grows beyond this by forgetting: what requests never vary in cannot be learnt from them."""
    usual: float = _USUAL
    """Relative error, smoothed."""
    count: int = 0
    drift: float = 0.0
    """Errors to one side less those to the other, in usual ones, smoothed."""

    @classmethod
    def begin(cls, weights: Features, unsure: Sequence[float]) -> Fit:
        """A model that holds *weights* for likely, each within *unsure*."""
        a, b, c, d = (one * one for one in unsure)
        return cls(weights, (a, 0.0, 0.0, 0.0, b, 0.0, 0.0, c, 0.0, d), (a, b, c, d))

    @property
    def is_drifting(self) -> bool:
        """Whether what it has learnt no longer holds: a model behind its name has changed, or what is asked of it."""
        return not -DRIFTING < self.drift < DRIFTING

    @classmethod
    def again(
        cls, weights: Sequence[float], spread: Sequence[float], unsure: Sequence[float], usual: float, count: int
    ) -> Fit:
        """One that was kept. Shapes: four weights, ten of *spread*."""
        v, w, x, y = weights
        aa, ab, ac, ad, bb, bc, bd, cc, cd, dd = spread
        a, b, c, d = (one * one for one in unsure)
        return cls((v, w, x, y), (aa, ab, ac, ad, bb, bc, bd, cc, cd, dd), (a, b, c, d), usual, count)

    def predict(self, features: Features) -> float:
        """Units: tokens, never below 0."""
        v, w, x, y = self.weights
        a, b, c, d = features
        return max(0.0, v * a + w * b + x * c + y * d)

    def doubt(self, features: Features) -> float:
        """How much of a prediction's error comes from weights that are not known well: a variance, that of noise being 1."""
        scale = max(self.predict(features), _SMALLEST)
        a, b, c, d = features
        aa, ab, ac, ad, bb, bc, bd, cc, cd, dd = self.spread
        return (
            a * (aa * a + 2.0 * (ab * b + ac * c + ad * d))
            + b * (bb * b + 2.0 * (bc * c + bd * d))
            + c * (cc * c + 2.0 * cd * d)
            + dd * d * d
        ) / (scale * scale * self.usual * self.usual)

    def learn(self, features: Features, truth: float, far: float) -> None:
        """Take one observation; from an error of *far* usual ones on, it counts for less. Units: tokens."""
        v, w, x, y = self.weights
        a, b, c, d = features
        guess = v * a + w * b + x * c + y * d
        scale = guess if guess > _SMALLEST else _SMALLEST
        error = (truth - guess) / scale
        off = -error if error < 0.0 else error
        usual = self.usual
        off_far = off / (far * usual)
        a /= scale
        b /= scale
        c /= scale
        d /= scale
        aa, ab, ac, ad, bb, bc, bd, cc, cd, dd = self.spread
        p = aa * a + ab * b + ac * c + ad * d
        q = ab * a + bb * b + bc * c + bd * d
        r = ac * a + bc * b + cc * c + cd * d
        s = ad * a + bd * b + cd * c + dd * d
        total = usual * usual * (off_far if off_far > 1.0 else 1.0) + a * p + b * q + c * r + d * s
        step = error / total
        self.weights = (v + p * step, w + q * step, x + r * step, y + s * step)
        aa -= p * p / total
        bb -= q * q / total
        cc -= r * r / total
        dd -= s * s / total
        at, bt, ct, dt = self.widest
        grow = _GROWING_FAST if self.is_drifting else _GROWING
        e = grow if aa < at else 1.0
        f = grow if bb < bt else 1.0
        g = grow if cc < ct else 1.0
        h = grow if dd < dt else 1.0
        self.spread = (
            *(aa * e * e, (ab - p * q / total) * e * f, (ac - p * r / total) * e * g, (ad - p * s / total) * e * h),
            *(bb * f * f, (bc - q * r / total) * f * g, (bd - q * s / total) * f * h),
            *(cc * g * g, (cd - r * s / total) * g * h, dd * h * h),
        )
        self.count += 1
        share = max(_NEWEST, 1.0 / (self.count + 1))
        most = 3.0 * usual
        if off > most:
            off, error = most, most if error > 0.0 else -most
        self.drift += _NEWEST * (error / usual - self.drift)
        self.usual = max(usual + share * (off - usual), 0.001)
