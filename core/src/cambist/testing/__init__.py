"""Help for testing providers: deliveries and the events expected of them, as files."""

from cambist.testing._cases import Case, load_cases

__all__ = ["Case", "load_cases"]
