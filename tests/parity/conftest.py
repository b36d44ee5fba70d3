"""``python -m pytest -m parity`` ends with a table of every golden figure against ours."""

from __future__ import annotations

import pytest

from tests.parity.ledger import Ledger

_LEDGER = Ledger()


@pytest.fixture(scope="session")
def ledger() -> Ledger:
    """Where comparisons are entered."""
    return _LEDGER


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table where the parity tests were asked for by their marker."""
    if _LEDGER.rows and "parity" in (config.getoption("markexpr") or ""):
        terminalreporter.section("released model's figures against ours")
        for line in _LEDGER.table():
            terminalreporter.write_line(line)
