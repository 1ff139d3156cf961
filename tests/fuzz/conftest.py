"""Says at the end how many inputs were fed to what: a fuzzer that ran on nothing proves nothing."""

from __future__ import annotations

import pytest

from tests.fuzz import mutate


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the counts."""
    if mutate.fed:
        told = ", ".join(f"{what} {count}" for what, count in sorted(mutate.fed.items()))
        terminalreporter.write_line(f"fuzz: {sum(mutate.fed.values())} inputs, seed {mutate.SEED}: {told}")
