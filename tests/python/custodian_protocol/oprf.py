"""The client's half of the oblivious pseudorandom function, section 6."""

import secrets
from typing import Optional

from . import p256
from .encoding import hkdf, lp

DST = b"custodian/v1 P256_XMD:SHA-256_SSWU_RO_"


def oprf_input(account: bytes, record_id: bytes, node_id: str, stretched: bytes) -> bytes:
    """input_i, section 6."""
    return b"custodian/v1 oprf" + lp(account) + lp(record_id) + lp(node_id.encode()) + lp(stretched)


class Blinding:
    """One blinded request to one node: its `blinded` bytes, and the way back from `evaluated`."""

    def __init__(self, input_bytes: bytes, blind: Optional[int] = None):
        self._input = input_bytes
        self._blind = blind if blind is not None else secrets.randbelow(p256.Q - 1) + 1
        self.point = p256.hash_to_curve(input_bytes, DST)
        self.blinded = p256.multiply_x(self._blind, self.point)

    def unblind(self, evaluated: bytes) -> bytes:
        """u; raises p256.NotOnCurve, which means that the node is faulty."""
        return p256.multiply_x(pow(self._blind, -1, p256.Q), p256.lift_x(evaluated))

    def mask(self, evaluated: bytes) -> bytes:
        """mask_i, 32 bytes."""
        return hkdf(b"custodian/v1 mask", self.unblind(evaluated) + lp(self._input), b"", 32)


def xor(a: bytes, b: bytes) -> bytes:
    """Masks a share, and takes the mask off again, section 7."""
    if len(a) != len(b):
        raise ValueError("a mask and a share are of one length")
    return bytes(x ^ y for x, y in zip(a, b))
