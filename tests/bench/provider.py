"""The cheapest provider there is: one fixed answer to whatever has a length. Only for measuring; `__main__.py` starts it."""

from __future__ import annotations

import select
import socket
from typing import Final

ANSWER_BODY: Final = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o-mini","choices":[{"index":0,"message":'
    b'{"role":"assistant","content":"' + b"Hello there. " * 20 + b'"},"finish_reason":"stop"}],"usage":{"prompt_tokens":31,'
    b'"completion_tokens":12,"total_tokens":43,"prompt_tokens_details":{"cached_tokens":8}}}'
)
ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: req_1\r\nx-ratelimit-remaining-requests: 99\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(ANSWER_BODY), ANSWER_BODY)
)


def requests_in(held: bytes) -> tuple[int, bytes]:
    """How many whole requests *held* begins with, and what is left."""
    count = 0
    while (end := held.find(b"\r\n\r\n")) >= 0:
        head = held[:end].lower()
        at = head.find(b"content-length:")
        size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(held) < end + 4 + size:
            break
        held = held[end + 4 + size :]
        count += 1
    return count, held


def main() -> None:
    """Serve until killed; the first line printed is the port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(listener.getsockname()[1], flush=True)
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    clients: dict[int, tuple[socket.socket, bytes]] = {}
    while True:
        for number, _ in poll.poll():
            if number == listener.fileno():
                client, _ = listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                clients[client.fileno()] = (client, b"")
                poll.register(client, select.EPOLLIN)
                continue
            client, held = clients[number]
            try:
                data = client.recv(1 << 16)
                count, held = requests_in(held + data)
                client.sendall(ANSWER * count)
            except OSError:
                data = b""
            if data:
                clients[number] = (client, held)
            else:
                poll.unregister(number)
                del clients[number]
                client.close()


if __name__ == "__main__":
    main()
