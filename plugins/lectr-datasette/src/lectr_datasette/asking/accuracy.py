"""Questions about how well tokens are predicted that nobody reports. SQL only. Called by the visit and the page."""

from __future__ import annotations

from lectr_datasette.asking.query import Query


def knows_accuracy() -> Query:
    """Whether the database tells how well tokens are predicted: an older one does not."""
    return Query("select count(*) as tables from sqlite_master where type = 'table' and name = 'token_accuracy'")


def accuracy() -> Query:
    """Each provider, model, endpoint and way (prompt or answer), the most often checked first."""
    return Query(
        """select provider, model, endpoint, way, requests, held, coverage, half_width, error,
  predicted_tokens, reported_tokens, as_of
from token_accuracy order by requests desc, provider, model, endpoint, way"""
    )
