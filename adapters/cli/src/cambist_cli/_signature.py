"""Headers as the provider itself would make them, for tests and demonstrations."""

from __future__ import annotations

from cambist import Delivery, Route
from cambist.errors import ConfigurationError, VerificationError


def signed(route: Route, delivery: Delivery) -> tuple[tuple[str, str], ...]:
    """Return the headers that make a delivery pass.

    Raises:
        ConfigurationError: The provider's scheme cannot sign, or has nothing to sign.
    """
    names = {"source": route.source.name, "provider": route.provider.name}
    try:
        headers = route.provider.signature(route.settings, delivery)
    except ConfigurationError as error:
        reason = error.reason
    except VerificationError as error:  # what is signed is not there: the path, a header
        reason = error.reason
    except Exception as error:  # noqa: BLE001  # the message of a plugin's error may hold a secret
        reason = f"it cannot be signed ({route.plugin_version} failed with {type(error).__name__})"
    else:
        if headers:
            return headers
        reason = "no header makes a delivery genuine: its settings ask for none"
    raise ConfigurationError(reason, **names)
