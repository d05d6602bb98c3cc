"""Ways to prove a delivery genuine: declare one, or combine several.

Every scheme works on the raw bytes, compares in constant time, takes several secrets with labels and
validity windows, and fails closed: what it cannot prove, it refuses with a `VerificationError`.
"""

from cambist.verification._base import Replay, Scheme
from cambist.verification._combined import AllOf, AnyOf
from cambist.verification._credential import ApiKey, BasicAuth, PathSecret
from cambist.verification._ed25519 import Ed25519Signature
from cambist.verification._hmac import HmacSignature
from cambist.verification._jwt import JwtHs256
from cambist.verification._network import IpAllowList
from cambist.verification._none import Unverified
from cambist.verification._proxies import TrustedProxies
from cambist.verification._signed import SignedMessage, Timestamp

__all__ = [
    "AllOf",
    "AnyOf",
    "ApiKey",
    "BasicAuth",
    "Ed25519Signature",
    "HmacSignature",
    "IpAllowList",
    "JwtHs256",
    "PathSecret",
    "Replay",
    "Scheme",
    "SignedMessage",
    "Timestamp",
    "TrustedProxies",
    "Unverified",
]
