"""What every test has: a token that must never be seen, and property tests that do not fail for a busy machine."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir

from tests.canary import pytest_runtest_makereport, pytest_sessionfinish, pytest_terminal_summary, remember  # noqa: F401

# pytest collects from the root here (its own list of directories to skip is replaced), and must find no .hypothesis
set_hypothesis_home_dir(Path(__file__).parent.parent / ".pytest_cache" / "hypothesis")
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("ours")


@pytest.fixture
def canary() -> str:
    """A token shaped like a real one, to be searched for wherever it must not be."""
    token = "eyJjYW5hcnkiOjF9.eyJDQU5BUlkiOiJ0d2VldCJ9.c2VjcmV0LWNhbmFyeQ"
    remember(token, "the canary")
    return token
