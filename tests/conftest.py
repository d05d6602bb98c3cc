"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# No deadline: how long an example takes says more of the machine than of the code.
settings.register_profile("cambist", deadline=None)
settings.load_profile("cambist")

# What starts many processes or runs the tests of faulty copies. It takes most of the time, and what it is
# about does not depend on the release of Python: `-m "not slow"` leaves it out.
SLOW = {
    "adapters/aiohttp/test_schemathesis.py",
    "adapters/cli/serve/test_counting.py",
    "adapters/cli/serve/test_reload.py",
    "adapters/cli/serve/test_signals.py",
    "adapters/cli/serve/test_workers.py",
    "adapters/cli/test_check.py",
    "adapters/cli/test_inbox_serve.py",
    "adapters/cli/test_new_provider.py",
    "adapters/cli/test_plugin_commands.py",
    "adapters/cli/test_try_a_receiver.py",
    "adapters/inbox/test_checkpoint.py",
    "adapters/inbox/test_processes.py",
    "adapters/queue/test_asyncapi.py",
    "adapters/queue/test_commands.py",
    "adapters/queue/test_contract.py",
    "adapters/queue/test_faults.py",
    "adapters/queue/test_flow.py",
    "adapters/queue/test_kafka.py",
    "adapters/queue/test_kafka_connecting.py",
    "adapters/queue/test_kafka_records.py",
    "adapters/queue/test_nats.py",
    "adapters/queue/test_poison.py",
    "adapters/queue/test_worker_command.py",
    "adapters/queue/test_rabbit.py",
    "adapters/queue/test_redis.py",
    "adapters/queue/test_redis_server.py",
    "adapters/queue/test_workers.py",
    "core/testing/test_as_an_author.py",
    "core/testing/test_declarations.py",
    "core/testing/test_mutants.py",
    "docs/recipes/test_pages.py",
    "docs/recipes/test_requests.py",
    "docs/test_authors_tutorial.py",
    "docs/test_deploy.py",
    "docs/test_snippets.py",
    "plugins/anyspend/client/test_commands.py",
    "plugins/coinspaid/test_mutants.py",
    "system/inbox/test_kill.py",
    "system/test_hostile_crowd.py",
    "system/test_nothing_leaks.py",
}
_TESTS = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow."""
    for item in items:
        if item.path.is_relative_to(_TESTS) and item.path.relative_to(_TESTS).as_posix() in SLOW:
            item.add_marker(pytest.mark.slow)
