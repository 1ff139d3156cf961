"""A second opinion: nginx as a plain proxy in front of the same stand-in. Its verdicts stand beside Lectr's in the tests of
conformance, so that a table of ours that is wrong about HTTP would be found out.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.whole.gateway import free_port, until

# Upgrade and CONNECT are not configured: then nginx treats them as any other request.
CONFIGURATION = """
daemon off; worker_processes 1; pid {place}/nginx.pid; error_log {place}/error.log crit;
events {{ worker_connections 256; }}
http {{
    access_log off; large_client_header_buffers 8 64k; client_max_body_size 0;
    proxy_http_version 1.1; proxy_buffering off; proxy_request_buffering off; proxy_next_upstream off;
    proxy_buffer_size 64k; proxy_buffers 8 64k;
    client_body_temp_path {place}/b; proxy_temp_path {place}/p; fastcgi_temp_path {place}/f;
    uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;
    server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {upstream}; }} }}
}}
"""


def command() -> str | None:
    """Where nginx is, if it is installed."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


@contextlib.contextmanager
def nginx(place: Path, upstream: str) -> Iterator[str]:
    """Run one before *upstream*; gives its address. Errors: LookupError where nginx is not installed."""
    program = command()
    if program is None:
        raise LookupError("nginx is not installed")
    port = free_port()
    configuration = place / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(place=place, port=port, upstream=upstream))
    with subprocess.Popen([program, "-c", str(configuration), "-e", str(place / "start.log")]) as process:
        try:
            until(lambda: _answers(port), what="nginx listens")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
