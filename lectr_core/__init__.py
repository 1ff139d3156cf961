"""What a plugin author imports. Every name here is promised: it stays, or warns for two releases before it goes."""

from __future__ import annotations

from lectr_core.assembly.accounting import Accountant
from lectr_core.assembly.command_line import CommandLine
from lectr_core.assembly.running import Running, run_up
from lectr_core.dialects.audio import SpeechEventReader, TranscriptEventReader, TranscriptReader, transcript_usage
from lectr_core.dialects.completions import CompletionsEventReader, CompletionsReader, completion_usage
from lectr_core.dialects.fetched import (
    BatchLinesReader,
    FetchedResponseEventReader,
    FetchedResponseReader,
    OpenReader,
    UnbilledReader,
)
from lectr_core.dialects.findings import ABSENT, Findings, adds_up, raw_chars, raw_tree, raw_word, variant_of
from lectr_core.dialects.images import ImagesEventReader, ImagesReader, counted_images, image_usage
from lectr_core.dialects.lines import BATCH, LinesReader, Sums
from lectr_core.dialects.provider import (
    DialectProvider,
    Upstream,
    category_of,
    headroom_of,
    parse_base_url,
    short_value,
    upstream_of,
)
from lectr_core.dialects.reading import ArrayReader, EventReader, WholeReader
from lectr_core.dialects.realtime import RealtimeReader, realtime_usage
from lectr_core.dialects.responses import ResponsesEventReader, ResponsesReader, response_usage
from lectr_core.dialects.tunnelled import MessageReader, ResponsesTunnelReader
from lectr_core.dialects.usage import apportion, branch, count, numbers
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
from lectr_core.model.decision import PASS, Drain, Facts, Route, Verdict
from lectr_core.model.price import NANO, PriceQuestion, Quote, UsedPrice
from lectr_core.model.reading import Reading, Share, Terms, Tree, Turn, Usage
from lectr_core.model.record import Account, Attempt, Begun, Ended, ModelCost, Record
from lectr_core.model.secret import Credential, Secret
from lectr_core.model.settings import DrainSettings, GatewaySettings, ProviderSettings, Section, Settings, drain_of
from lectr_core.ports import (
    Companion,
    History,
    KeepsPrices,
    Policy,
    PriceBook,
    Provider,
    Reader,
    ShowsInFlight,
    Sink,
    TunnelReader,
    Tunnels,
)
from lectr_core.wire.body import BAD_INPUT

__all__ = [
    "ABSENT",
    "BAD_INPUT",
    "BATCH",
    "NANO",
    "PASS",
    "Account",
    "Accountant",
    "Answer",
    "ArrayReader",
    "Attempt",
    "BatchLinesReader",
    "Begun",
    "Call",
    "CallerError",
    "CommandLine",
    "Companion",
    "CompletionsEventReader",
    "CompletionsReader",
    "Credential",
    "Cursor",
    "DialectProvider",
    "Drain",
    "DrainSettings",
    "Ended",
    "EventReader",
    "Facts",
    "FetchedResponseEventReader",
    "FetchedResponseReader",
    "Findings",
    "GatewaySettings",
    "History",
    "ImagesEventReader",
    "ImagesReader",
    "KeepsPrices",
    "LectrError",
    "LinesReader",
    "MessageReader",
    "ModelCost",
    "NotServed",
    "OpenReader",
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
    "RealtimeReader",
    "Record",
    "Refusal",
    "ResponsesEventReader",
    "ResponsesReader",
    "ResponsesTunnelReader",
    "Route",
    "Running",
    "Secret",
    "Section",
    "Settings",
    "Share",
    "ShowsInFlight",
    "Sink",
    "SpeechEventReader",
    "Sums",
    "Terms",
    "TranscriptEventReader",
    "TranscriptReader",
    "Tree",
    "TunnelReader",
    "Tunnels",
    "Turn",
    "UnbilledReader",
    "Upstream",
    "UpstreamError",
    "Usage",
    "UsedPrice",
    "Verdict",
    "WholeReader",
    "adds_up",
    "apportion",
    "branch",
    "category_of",
    "completion_usage",
    "count",
    "counted_images",
    "decode_cursor",
    "drain_of",
    "encode_cursor",
    "headroom_of",
    "hookimpl",
    "image_usage",
    "numbers",
    "parse_base_url",
    "raw_chars",
    "raw_tree",
    "raw_word",
    "realtime_usage",
    "response_usage",
    "run_up",
    "short_value",
    "transcript_usage",
    "units",
    "upstream_of",
    "variant_of",
]
