"""What other people's parsers make of the same bytes: h11, and llhttp with its callbacks. Called by the tests here."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import h11
import httptools


@attrs.define
class Heard:
    """One message as a parser understood it."""

    first: tuple[bytes, ...] = ()
    """Method and target, or the status."""
    fields: list[tuple[bytes, bytes]] = attrs.field(factory=list)
    """Names in lower case, values without the blanks around them."""
    content: bytes = b""
    done: bool = False
    """The message came to its end."""
    behind: bytes = b""
    """What was left over behind the end."""


def of_h11(sent: bytes, *, is_request: bool, method: bytes = b"GET") -> Heard:
    """Errors: h11.RemoteProtocolError where h11 refuses it."""
    line = h11.Connection(h11.SERVER if is_request else h11.CLIENT, max_incomplete_event_size=1 << 20)
    if not is_request:
        line.send(h11.Request(method=method, target=b"/", headers=[(b"Host", b"a")]))
        line.send(h11.EndOfMessage())
    line.receive_data(sent)
    heard = Heard()
    while True:
        event = line.next_event()
        if isinstance(event, h11.Data):
            heard.content += bytes(event.data)
        elif isinstance(event, h11.Request):
            heard.first, heard.fields = (event.method, event.target), list(event.headers)
        elif isinstance(event, h11.Response | h11.InformationalResponse):
            heard.first, heard.fields = (b"%d" % event.status_code,), list(event.headers)
            if isinstance(event, h11.InformationalResponse):
                heard.done = True
        elif isinstance(event, h11.EndOfMessage):
            heard.done = True
        if event in (h11.NEED_DATA, h11.PAUSED) or heard.done:
            heard.behind = line.trailing_data[0] if heard.done else b""
            return heard


@attrs.define
class _Listener:
    heard: Heard = attrs.field(factory=Heard)
    target: bytes = b""
    in_head: bool = True

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.in_head:  # trailers come here too
            self.heard.fields.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self.in_head = False

    def on_body(self, data: bytes) -> None:
        self.heard.content += data

    def on_message_complete(self) -> None:
        self.heard.done = True


def of_llhttp(sent: bytes, *, is_request: bool) -> Heard:
    """Errors: httptools.HttpParserError where llhttp refuses it."""
    listener = _Listener()
    make: Callable[[_Listener], httptools.HttpRequestParser | httptools.HttpResponseParser]
    make = httptools.HttpRequestParser if is_request else httptools.HttpResponseParser
    parser = make(listener)
    try:
        parser.feed_data(sent)
    except httptools.HttpParserUpgrade:
        pass  # the head was understood; what follows is another protocol's
    heard = listener.heard
    if isinstance(parser, httptools.HttpRequestParser):
        heard.first = (parser.get_method(), listener.target)
    else:
        heard.first = (b"%d" % parser.get_status_code(),)
    return heard
