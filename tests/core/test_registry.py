"""Plugins are loaded from real distributions, and each failure names the distribution at fault."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

import pytest

from cambist import Registry, hookimpl
from cambist.errors import ConfigurationError, PluginError

MADE = '[provider("NAME")]'
PROVIDER = """
from attrs import frozen
from cambist import Provider, hookimpl
from cambist.verification import Unverified

@frozen
class Settings:
    pass

def provider(name):
    return Provider(name=name, title=name, documentation="https://x.example", settings=Settings,
                    verification=lambda settings: Unverified(), statuses={}, parse=lambda p, c: ())

@hookimpl
def cambist_register_providers():
    return [provider("NAME")]
"""
SINK = """
from cambist import hookimpl

@hookimpl
def cambist_register_sinks():
    return {"SCHEME": lambda url, options: None}
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a distribution on the path, as an installer lays it out."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def make(name: str, code: str, *, entry: str | None = None, version: str = "1.0") -> None:
        stem = name.replace("-", "_")
        module = f"{stem}_module"
        (tmp_path / f"{module}.py").write_text(dedent(code))
        info = tmp_path / f"{stem}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[cambist]\n{entry or name} = {module}\n")
        importlib.invalidate_caches()

    yield make
    for module in set(sys.modules) - before:
        del sys.modules[module]


def test_what_is_installed_is_found_with_its_release(install: Install) -> None:
    install("acme-toy", PROVIDER.replace("NAME", "toy"), version="2.5.1")
    install("acme-sink", SINK.replace("SCHEME", "carrier-pigeon"))
    registry = Registry.load(only=["acme-toy", "acme-sink"])
    toy = registry.providers["toy"]
    assert (toy.provider.name, toy.distribution, toy.version) == ("toy", "acme-toy", "2.5.1")
    assert list(registry.sinks) == ["carrier-pigeon"]


def test_an_allow_list_loads_what_it_names_and_imports_nothing_else(install: Install) -> None:
    install("acme-toy", PROVIDER.replace("NAME", "toy"), entry="toy")
    install("acme-bomb", "raise SystemExit('never import me')")
    registry = Registry.load(only=["toy"])
    assert list(registry.providers) == ["toy"]
    assert "acme_bomb_module" not in sys.modules
    assert dict(Registry.load(only=[]).providers) == {}


def test_a_name_on_the_allow_list_that_is_not_installed_stops_the_start(install: Install) -> None:
    install("acme-toy", PROVIDER.replace("NAME", "toy"), entry="toy")
    with pytest.raises(ConfigurationError, match="plugins not installed: missing, other"):
        Registry.load(only=["toy", "other", "missing"])


def test_two_distributions_that_claim_one_provider_are_both_named(install: Install) -> None:
    install("b-second", PROVIDER.replace("NAME", "toy"))
    install("a-first", PROVIDER.replace("NAME", "toy"))
    with pytest.raises(PluginError, match="provider 'toy' is already taken by a-first") as caught:
        Registry.load(only=["a-first", "b-second"])
    assert caught.value.distribution == "b-second"
    assert "distribution 'b-second'" in str(caught.value)
    assert list(Registry.load(only=["b-second"]).providers) == ["toy"]


def test_two_distributions_that_claim_one_sink_are_both_named(install: Install) -> None:
    install("b-second", SINK.replace("SCHEME", "pigeon"))
    install("a-first", SINK.replace("SCHEME", "pigeon"))
    with pytest.raises(PluginError, match="sink scheme 'pigeon' is already taken by a-first") as caught:
        Registry.load(only=["a-first", "b-second"])
    assert caught.value.distribution == "b-second"


FAULTY = {
    "raises at import": ("raise RuntimeError('no licence')", ["'acme-toy' cannot be loaded", "no licence"]),
    "exits at import": ("raise SystemExit(3)", ["cannot be loaded", "SystemExit"]),
    "is no Python": ("def", ["cannot be loaded", "SyntaxError"]),
    "imports what is not there": ("import no_such_module", ["cannot be loaded", "no_such_module"]),
    "misspells a hook": (
        PROVIDER.replace("register_providers", "register_provider"),
        ["hook 'cambist_register_provider' does not exist", "did you mean 'cambist_register_providers'?"],
    ),
    "names a hook that is none": (
        "from cambist import hookimpl\n@hookimpl(specname='cambist_evnt')\ndef on(event): pass",
        ["hook 'cambist_evnt' does not exist"],
    ),
    "forgets the mark": (PROVIDER.replace("@hookimpl", ""), ["'cambist_register_providers' is not marked"]),
    "takes an argument too many": (
        "from cambist import hookimpl\n@hookimpl\ndef cambist_event(event, registry): pass",
        ["another form than its spec", "registry"],
    ),
    "gives no provider": (PROVIDER.replace(MADE, '["toy"]'), ["gave a str, not a Provider"]),
    "gives a bare provider": (PROVIDER.replace(MADE, 'provider("NAME")'), ["failed: TypeError"]),
    "gives nothing": (PROVIDER.replace(MADE, "None"), ["hook 'cambist_register_providers' failed"]),
    "raises in a hook": (PROVIDER.replace(MADE, "1 / 0"), ["failed: ZeroDivisionError"]),
    "gives one name twice": (PROVIDER.replace(MADE, f"{MADE} * 2"), ["already taken by acme-toy"]),
    "gives a list of sinks": (
        "from cambist import hookimpl\n@hookimpl\ndef cambist_register_sinks(): return ['pigeon']",
        ["hook 'cambist_register_sinks' failed"],
    ),
}


@pytest.mark.parametrize(("code", "parts"), FAULTY.values(), ids=FAULTY)
def test_a_faulty_plugin_stops_the_start_and_is_named(code: str, parts: list[str], install: Install) -> None:
    install("acme-toy", code)
    with pytest.raises(PluginError) as caught:
        Registry.load(only=["acme-toy"])
    assert caught.value.distribution == "acme-toy"
    assert all(part in str(caught.value) for part in ["distribution 'acme-toy'", *parts])


def test_two_entry_points_of_one_module_are_refused(install: Install, tmp_path: Path) -> None:
    install("acme-toy", PROVIDER)
    entries = tmp_path / "acme_toy-1.0.dist-info" / "entry_points.txt"
    entries.write_text("[cambist]\none = acme_toy_module\ntwo = acme_toy_module\n")
    with pytest.raises(PluginError) as caught:
        Registry.load(only=["one", "two"])
    assert caught.value.distribution == "acme-toy"


def test_providers_and_sinks_are_in_order_of_their_names(install: Install) -> None:
    for name in ("b", "c", "a"):
        install(f"z-{name}", PROVIDER.replace("NAME", f"p{name}") + SINK.replace("SCHEME", name))
    registry = Registry.load(only=["z-a", "z-b", "z-c"])
    assert list(registry.providers) == ["pa", "pb", "pc"]
    assert list(registry.sinks) == ["a", "b", "c"]


def unmarked(event: object) -> None: ...


@pytest.mark.parametrize(
    "hooks", [{"cambist_event": unmarked}, {"cambist_evnt": hookimpl(lambda event: None)}]
)
def test_a_plugin_that_is_registered_by_hand_has_the_same_checks(hooks: dict[str, object]) -> None:
    with pytest.raises(PluginError, match="distribution 'unreleased': hook 'cambist_ev"):
        Registry().register(SimpleNamespace(**hooks))


def test_the_function_of_a_hook_may_have_another_name(install: Install) -> None:
    code = PROVIDER.replace("NAME", "toy").replace("def cambist_register_providers", "def providers")
    install("acme-toy", code.replace("@hookimpl", '@hookimpl(specname="cambist_register_providers")'))
    assert list(Registry.load(only=["acme-toy"]).providers) == ["toy"]


def test_observers_are_called_by_keyword_with_what_they_take() -> None:
    seen = []
    registry = Registry()
    registry.register(SimpleNamespace(cambist_event=hookimpl(lambda event: seen.append(event))))
    registry.register(SimpleNamespace(cambist_event=hookimpl(lambda: seen.append("nothing"))))
    for _, observer in registry.observers("cambist_event"):
        observer(event="an event")
    assert sorted(seen) == ["an event", "nothing"]
    assert registry.observers("cambist_rejection") == ()
