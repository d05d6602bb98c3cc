"""What protects and shows a server, as its configuration says."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cambist.errors import ConfigurationError
from cambist.verification import TrustedProxies
from cambist_aiohttp import Limits, Metrics, Rate, Together, Tracing
from cambist_cli._config import Config, load_config
from cambist_cli._edge import observed
from cambist_cli._json_log import DeliveryLog

SOURCES = '[[sources]]\nname = "shop"\nprovider = "mint"\nsecrets = ["s3cret"]\n'
Configured = Callable[[str], Config]


@pytest.fixture
def configured(tmp_path: Path) -> Configured:
    def configured(tables: str) -> Config:
        (tmp_path / "cambist.toml").write_text(f"{tables}\n{SOURCES}")
        return load_config(tmp_path / "cambist.toml")

    return configured


def test_limits_hold_from_the_start(configured: Configured) -> None:
    seen = observed(configured(""))
    assert seen.edge.limits == Limits()
    assert (seen.edge.proxies, seen.telemetry, seen.metrics) == (None, None, None)


def test_everything_can_be_said(configured: Configured) -> None:
    seen = observed(
        configured("""
[server]
max_body = 1000
admin = "[::1]:9090"
trusted_proxies = ["10.0.0.0/8"]
forwarded_header = "Forwarded"
traces = true
trust_traceparent = true
[limits]
head_timeout_s = 0.5
idle_timeout_s = 1
body_timeout_s = 2
max_header = 2048
max_connections = 3
max_concurrent = 4
rate = 5
burst = 6
[log]
format = "json"
""")
    )
    assert seen.edge.limits == Limits(
        head_timeout_s=0.5,
        idle_timeout_s=1,
        body_timeout_s=2,
        max_header=2048,
        max_connections=3,
        max_concurrent=4,
        max_buffered=64_000,
        rate=Rate(5, 6),
    )
    assert seen.edge.proxies == TrustedProxies(["10.0.0.0/8"], "Forwarded")
    assert isinstance(seen.telemetry, Together)
    assert [type(each) for each in seen.telemetry.each] == [DeliveryLog, Metrics, Tracing]
    assert seen.metrics is not None
    assert seen.edge.on_refusal == seen.metrics.refused


@pytest.mark.parametrize(
    ("admin", "address"),
    [
        ("127.0.0.1:9090", ("127.0.0.1", 9090)),
        ("[::1]:0", ("::1", 0)),
        ("admin.internal:65535", ("admin.internal", 65535)),
    ],
)
def test_where_probes_are_answered(configured: Configured, admin: str, address: tuple[str, int]) -> None:
    assert configured(f'[server]\nadmin = "{admin}"').server.admin_address == address


WRONG = [
    '[server] admin = "9090"',
    '[server] admin = ":9090"',
    '[server] admin = "127.0.0.1:65536"',
    '[server] admin = "::1:9090"',
    '[server] admin = "http://127.0.0.1:9090"',
    "[server] admin = 9090",
    '[server] trusted_proxies = "10.0.0.1"',
    '[server] trusted_proxies = ["10.0.0.1/8"]',
    '[server] trusted_proxies = ["*"]',
    "[server] trusted_proxies = [10]",
    '[server] trusted_proxies = ["10.0.0.0/8", "0.0.0.0/0"]',
    '[server] forwarded_header = "X-Real-IP"',
    "[server] traces = 1",
    '[server] trust_traceparent = "yes"',
    "[limits] head_timeout_s = 0",
    "[limits] head_timeout_s = true",
    "[limits] body_timeout_s = inf",
    "[limits] idle_timeout_s = nan",
    '[limits] body_timeout_s = "10"',
    "[limits] max_header = 100",
    "[limits] max_connections = 0",
    "[limits] max_concurrent = 1.5",
    "[limits] rate = 0",
    "[limits] rate = 0.5",
    "[limits] burst = 5",
    '[log] format = "xml"',
    '[log] level = "debug"',
]


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_named(configured: Configured, wrong: str) -> None:
    table, _, line = wrong.partition(" ")
    with pytest.raises(ConfigurationError) as caught:
        configured(f"{table}\n{line}")
    assert f"cambist.toml: {table} {line.partition(' ')[0]}: " in str(caught.value)


def test_without_their_extras_there_are_no_numbers_and_no_traces(
    configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("prometheus_client", "opentelemetry"):
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("_metrics", "_tracing"):
        monkeypatch.delitem(sys.modules, f"cambist_aiohttp.{name}", raising=False)
    assert observed(configured('[server]\nadmin = "127.0.0.1:0"')).metrics is None
    with pytest.raises(
        ConfigurationError, match=r"\[server\] traces: needs the extra, cambist-cli\[tracing\]"
    ):
        observed(configured("[server]\ntraces = true"))
