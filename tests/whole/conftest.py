"""What every whole test shares: one stand-in, one gateway that passes keys through, one that holds them.

They are started once, because starting is slow; tests that kill, reload or revoke start their own.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.whole.gateway import Gateway, gateway
from tests.whole.live_upstream import LiveUpstream, live_upstream
from tests.whole.nginx import command, nginx
from tests.whole.upstream import Upstream, standin
from tests.whole.ways import ALL, Way


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is whole, and slow."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.whole)
            item.add_marker(pytest.mark.slow)
            # The SDKs warn of models that age; which ones is not for these tests to follow.
            item.add_marker(pytest.mark.filterwarnings("ignore:The model:DeprecationWarning"))
            # google-genai uses aiohttp where that is installed, in a way that aiohttp advises against.
            item.add_marker(pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning"))


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    """The stand-in for every provider."""
    with standin() as running:
        yield running


@pytest.fixture(scope="session")
def passing(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    """A gateway that passes the clients' own provider keys through."""
    with gateway(tmp_path_factory.mktemp("passing"), upstream.url, held=False) as running:
        yield running


@pytest.fixture(scope="session")
def holding(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    """A gateway that holds the providers' keys; clients send only their Lectr key."""
    with gateway(tmp_path_factory.mktemp("holding"), upstream.url, held=True) as running:
        yield running


@pytest.fixture(scope="session")
def live() -> Iterator[LiveUpstream]:
    """The stand-in for providers that are spoken to over a WebSocket."""
    with live_upstream() as running:
        yield running


@pytest.fixture(scope="session")
def live_passing(tmp_path_factory: pytest.TempPathFactory, live: LiveUpstream) -> Iterator[Gateway]:
    """As `passing`, before `live`."""
    with gateway(tmp_path_factory.mktemp("live-passing"), live.url, held=False) as running:
        yield running


@pytest.fixture(scope="session")
def live_holding(tmp_path_factory: pytest.TempPathFactory, live: LiveUpstream) -> Iterator[Gateway]:
    """As `holding`, before `live`."""
    with gateway(tmp_path_factory.mktemp("live-holding"), live.url, held=True) as running:
        yield running


@pytest.fixture(scope="session")
def second(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[str]:
    """nginx before the same stand-in."""
    if command() is None:
        pytest.skip("nginx is not installed: no second opinion")
    with nginx(tmp_path_factory.mktemp("nginx"), upstream.url) as url:
        yield url


@pytest.fixture
def name() -> str:
    """A name nobody else uses: of a script, and of the feature under which a test finds its records."""
    return f"t-{uuid.uuid4().hex[:12]}"


@pytest.fixture(params=ALL)
def way(request: pytest.FixtureRequest, upstream: Upstream) -> Way:
    """Each way from a client to a provider."""
    gateway = None if request.param == "direct" else request.getfixturevalue(request.param)
    return Way(id=request.param, upstream=upstream, gateway=gateway)
