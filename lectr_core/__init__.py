"""What a plugin author imports. Every name here is promised: it stays, or warns for two releases before it goes."""

from __future__ import annotations

from lectr_core.assembly.command_line import CommandLine
from lectr_core.assembly.running import Running, run_up
from lectr_core.errors import (
    CallerError,
    LectrError,
    NotServed,
    OperatorError,
    PluginError,
    ProviderConfigMissing,
    UpstreamError,
)
from lectr_core.hookspecs import hookimpl
from lectr_core.model import units
from lectr_core.model.call import Answer, Call, Origin, Refusal
from lectr_core.model.codec import decode_cursor, encode_cursor
from lectr_core.model.cursor import Cursor
from lectr_core.model.decision import PASS, Facts, Route, Verdict
from lectr_core.model.price import NANO, PriceQuestion, Quote
from lectr_core.model.reading import Reading, Usage
from lectr_core.model.record import Account, Attempt, Begun, Ended, Record
from lectr_core.model.secret import Credential, Secret
from lectr_core.model.settings import GatewaySettings, ProviderSettings, Section, Settings
from lectr_core.ports import Companion, History, Policy, PriceBook, Provider, Reader, Sink

__all__ = [
    "NANO",
    "PASS",
    "Account",
    "Answer",
    "Attempt",
    "Begun",
    "Call",
    "CallerError",
    "CommandLine",
    "Companion",
    "Credential",
    "Cursor",
    "Ended",
    "Facts",
    "GatewaySettings",
    "History",
    "LectrError",
    "NotServed",
    "OperatorError",
    "Origin",
    "PluginError",
    "Policy",
    "PriceBook",
    "PriceQuestion",
    "Provider",
    "ProviderConfigMissing",
    "ProviderSettings",
    "Quote",
    "Reader",
    "Reading",
    "Record",
    "Refusal",
    "Route",
    "Running",
    "Secret",
    "Section",
    "Settings",
    "Sink",
    "UpstreamError",
    "Usage",
    "Verdict",
    "decode_cursor",
    "encode_cursor",
    "hookimpl",
    "run_up",
    "units",
]
