"""Help for testing providers: cases as files, and the tests that every provider has to pass.

`Case` and `load_cases` need nothing beside the core. All else needs the extra: ``cambist[testing]``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cambist.testing._cases import Case, load_cases

if TYPE_CHECKING:
    from cambist.testing._conformance import ProviderConformance
    from cambist.testing._run import Check, run_conformance

__all__ = ["Case", "Check", "ProviderConformance", "load_cases", "run_conformance"]

_HOMES = {"Check": "_run", "ProviderConformance": "_conformance", "run_conformance": "_run"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'cambist.testing' has no attribute {name!r}")
    try:
        value = getattr(import_module(f"cambist.testing.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        missing = error.name
    else:
        globals()[name] = value
        return value
    raise ImportError(f"{name} needs {missing}, which is not installed: pip install 'cambist[testing]'")


def __dir__() -> list[str]:
    return __all__
