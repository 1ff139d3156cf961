"""How well tokens are predicted, as people are told. Made by the cold side, kept by sinks."""

from __future__ import annotations

from typing import Literal

import attrs


@attrs.frozen(kw_only=True)
class Accuracy:
    """Predictions for the reported requests of one provider, model and endpoint, each made before its report was read."""

    provider: str
    model: str
    endpoint: str
    way: Literal["input", "output"]
    """Of the prompt, or of the answer."""
    checked: int
    """Reported requests that were predicted first."""
    held: int
    """Of these, how many had the true count within the 95 % interval."""
    half_width: float
    """Median over these: half the interval, as a share of the predicted count."""
    error: float
    """Median over these: how far the predicted count was from the true one, as a share of the true one."""
    predicted_tokens: int
    """Sum of the predicted counts."""
    reported_tokens: int
    """Sum of the true ones."""
