"""What a plugin author imports. Every name here is promised: it stays, or warns for two releases before it goes.

A name is imported from its room when it is first asked for: `lectr --help` and a plugin's hooks need few of them, and each
room that stays closed spares every command a few milliseconds. A new name stands in three places here; a test compares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lectr_core.assembly.accounting import Accountant
    from lectr_core.assembly.command_line import CommandLine
    from lectr_core.assembly.running import Running, run_up
    from lectr_core.assembly.shared import shared_group
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
    from lectr_core.dialects.lines import BATCH, LinesReader, Sums, nothing_billed
    from lectr_core.dialects.located import located
    from lectr_core.dialects.message_usage import message_usage
    from lectr_core.dialects.messages import MessagesEventReader, MessagesReader, message_used
    from lectr_core.dialects.provider import (
        DialectProvider,
        Upstream,
        category_of,
        fitting,
        headroom_of,
        parse_base_url,
        short_value,
        upstream_of,
    )
    from lectr_core.dialects.reading import ArrayReader, EventReader, WholeReader
    from lectr_core.dialects.realtime import RealtimeReader, realtime_usage
    from lectr_core.dialects.responses import ResponsesEventReader, ResponsesReader, response_usage
    from lectr_core.dialects.tunnelled import MessageReader, ResponsesTunnelReader
    from lectr_core.dialects.usage import apportion, branch, count, numbers, with_terms
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
    from lectr_core.journal.whole import make_directory, replace_file
    from lectr_core.model import units
    from lectr_core.model.accuracy import Accuracy
    from lectr_core.model.call import Answer, Call, Origin, Refusal
    from lectr_core.model.codec import decode_cursor, encode_cursor
    from lectr_core.model.cursor import Cursor
    from lectr_core.model.decision import PASS, Drain, Facts, Route, Verdict
    from lectr_core.model.money import Currency, ExchangeRate, MoneySettings, Provisioned
    from lectr_core.model.price import NANO, PriceQuestion, Quote, UsedPrice
    from lectr_core.model.reading import Reading, Share, Terms, Tree, Turn, Usage
    from lectr_core.model.record import CLOSED, Account, Attempt, Begun, Ended, ModelCost, Record
    from lectr_core.model.secret import Credential, Secret
    from lectr_core.model.settings import DrainSettings, GatewaySettings, ProviderSettings, Section, Settings, drain_of
    from lectr_core.ports import (
        Companion,
        Gaps,
        History,
        KeepsAccuracy,
        KeepsPrices,
        Policy,
        PriceBook,
        PriceCatalog,
        Provider,
        Reader,
        Remarks,
        ShowsInFlight,
        Sink,
        Snapshots,
        TellsFault,
        TellsHow,
        TunnelReader,
        Tunnels,
    )
    from lectr_core.wire.body import BAD_INPUT

__all__ = [
    "ABSENT",
    "BAD_INPUT",
    "BATCH",
    "CLOSED",
    "NANO",
    "PASS",
    "Account",
    "Accountant",
    "Accuracy",
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
    "Currency",
    "Cursor",
    "DialectProvider",
    "Drain",
    "DrainSettings",
    "Ended",
    "EventReader",
    "ExchangeRate",
    "Facts",
    "FetchedResponseEventReader",
    "FetchedResponseReader",
    "Findings",
    "Gaps",
    "GatewaySettings",
    "History",
    "ImagesEventReader",
    "ImagesReader",
    "KeepsAccuracy",
    "KeepsPrices",
    "LectrError",
    "LinesReader",
    "MessageReader",
    "MessagesEventReader",
    "MessagesReader",
    "ModelCost",
    "MoneySettings",
    "NotServed",
    "OpenReader",
    "OperatorError",
    "Origin",
    "PluginError",
    "Policy",
    "PriceBook",
    "PriceCatalog",
    "PriceQuestion",
    "Provider",
    "ProviderConfigMissing",
    "ProviderSettings",
    "Provisioned",
    "Quote",
    "Reader",
    "Reading",
    "RealtimeReader",
    "Record",
    "Refusal",
    "Remarks",
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
    "Snapshots",
    "SpeechEventReader",
    "Sums",
    "TellsFault",
    "TellsHow",
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
    "fitting",
    "headroom_of",
    "hookimpl",
    "image_usage",
    "located",
    "make_directory",
    "message_usage",
    "message_used",
    "nothing_billed",
    "numbers",
    "parse_base_url",
    "raw_chars",
    "raw_tree",
    "raw_word",
    "realtime_usage",
    "replace_file",
    "response_usage",
    "run_up",
    "shared_group",
    "short_value",
    "transcript_usage",
    "units",
    "upstream_of",
    "variant_of",
    "with_terms",
]

_ROOMS = {
    "lectr_core.assembly.accounting": "Accountant",
    "lectr_core.assembly.command_line": "CommandLine",
    "lectr_core.assembly.running": "Running run_up",
    "lectr_core.assembly.shared": "shared_group",
    "lectr_core.dialects.audio": "SpeechEventReader TranscriptEventReader TranscriptReader transcript_usage",
    "lectr_core.dialects.completions": "CompletionsEventReader CompletionsReader completion_usage",
    "lectr_core.dialects.fetched": (
        "BatchLinesReader FetchedResponseEventReader FetchedResponseReader OpenReader UnbilledReader"
    ),
    "lectr_core.dialects.findings": "ABSENT Findings adds_up raw_chars raw_tree raw_word variant_of",
    "lectr_core.dialects.images": "ImagesEventReader ImagesReader counted_images image_usage",
    "lectr_core.dialects.lines": "BATCH LinesReader Sums nothing_billed",
    "lectr_core.dialects.located": "located",
    "lectr_core.dialects.message_usage": "message_usage",
    "lectr_core.dialects.messages": "MessagesEventReader MessagesReader message_used",
    "lectr_core.dialects.provider": (
        "DialectProvider Upstream category_of fitting headroom_of parse_base_url short_value upstream_of"
    ),
    "lectr_core.dialects.reading": "ArrayReader EventReader WholeReader",
    "lectr_core.dialects.realtime": "RealtimeReader realtime_usage",
    "lectr_core.dialects.responses": "ResponsesEventReader ResponsesReader response_usage",
    "lectr_core.dialects.tunnelled": "MessageReader ResponsesTunnelReader",
    "lectr_core.dialects.usage": "apportion branch count numbers with_terms",
    "lectr_core.errors": "CallerError LectrError NotServed OperatorError PluginError ProviderConfigMissing UpstreamError",
    "lectr_core.hookspecs": "hookimpl",
    "lectr_core.journal.whole": "make_directory replace_file",
    "lectr_core.model": "units",
    "lectr_core.model.accuracy": "Accuracy",
    "lectr_core.model.call": "Answer Call Origin Refusal",
    "lectr_core.model.codec": "decode_cursor encode_cursor",
    "lectr_core.model.cursor": "Cursor",
    "lectr_core.model.decision": "PASS Drain Facts Route Verdict",
    "lectr_core.model.money": "Currency ExchangeRate MoneySettings Provisioned",
    "lectr_core.model.price": "NANO PriceQuestion Quote UsedPrice",
    "lectr_core.model.reading": "Reading Share Terms Tree Turn Usage",
    "lectr_core.model.record": "CLOSED Account Attempt Begun Ended ModelCost Record",
    "lectr_core.model.secret": "Credential Secret",
    "lectr_core.model.settings": "DrainSettings GatewaySettings ProviderSettings Section Settings drain_of",
    "lectr_core.ports": (
        "Companion Gaps History KeepsAccuracy KeepsPrices Policy PriceBook PriceCatalog Provider Reader Remarks "
        "ShowsInFlight Sink Snapshots TellsFault TellsHow TunnelReader Tunnels"
    ),
    "lectr_core.wire.body": "BAD_INPUT",
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names.split()}

if not TYPE_CHECKING:  # a type checker reads the imports above, and finds a name that is not there

    def __getattr__(name: str) -> object:
        """Import a promised name from its room, once."""
        try:
            room = _ROOM_OF[name]
        except KeyError:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
        found = globals()[name] = getattr(__import__(room, fromlist=(name,)), name)
        return found

    def __dir__() -> list[str]:
        """Every promised name, whether it is imported yet or not."""
        return sorted({*globals(), *__all__})
