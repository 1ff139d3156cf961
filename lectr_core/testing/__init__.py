"""THE KIT FOR PLUGIN AUTHORS. One check a kind of plugin: each says in its message which promise is broken.

Public, and nothing in the core imports it. Needs no test framework: a check raises AssertionError or returns.
"""

from __future__ import annotations

from lectr_core.testing.policies import check_policy
from lectr_core.testing.prices import check_price_book
from lectr_core.testing.promise import Broken
from lectr_core.testing.providers import Case, check_provider
from lectr_core.testing.readers import check_reader
from lectr_core.testing.samples import bare_record, sample_facts, sample_record
from lectr_core.testing.sinks import check_sink
from lectr_core.testing.tunnels import check_tunnel_reader

__all__ = [
    "Broken",
    "Case",
    "bare_record",
    "check_policy",
    "check_price_book",
    "check_provider",
    "check_reader",
    "check_sink",
    "check_tunnel_reader",
    "sample_facts",
    "sample_record",
]
