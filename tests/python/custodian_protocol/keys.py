"""The recovery key and what follows from it (section 7), and signatures (section 10)."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from . import p256
from .encoding import expand, extract, lp


class SigningKey:
    """An owner or confirm key."""

    def __init__(self, private_key: bytes):
        self.private_bytes = private_key
        self._key = ec.derive_private_key(int.from_bytes(private_key, "big"), p256.CURVE)
        self.public_bytes = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)

    def sign(self, message: bytes) -> bytes:
        """64 bytes r || s, section 10."""
        r, s = decode_dss_signature(self._key.sign(message, ec.ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class RecordKeys:
    """Everything that a recovery key gives, section 7."""

    def __init__(self, recovery_key: bytes, record_id: bytes):
        prk = extract(record_id, recovery_key)
        self.envelope_key = expand(prk, b"custodian/v1 envelope", 32)
        self.commitment = expand(prk, b"custodian/v1 commitment", 32)
        self.owner = SigningKey(_scalar(prk, b"custodian/v1 owner"))
        self.confirm = SigningKey(_scalar(prk, b"custodian/v1 confirm"))


def _scalar(prk: bytes, info: bytes) -> bytes:
    wide = int.from_bytes(expand(prk, info, 48), "big")
    return (wide % (p256.Q - 1) + 1).to_bytes(32, "big")


def signed_message(purpose: str, node_id: str, account: bytes, record_id: bytes, body: bytes) -> bytes:
    """What a signature is over, section 10."""
    fields = (purpose.encode(), node_id.encode(), account, record_id, body)
    return b"custodian/v1 signature" + b"".join(lp(field) for field in fields)


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a 64-byte signature is the key's over the message, section 10."""
    if len(signature) != 64 or not p256.is_compressed_point(public_key):
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if not (0 < r < p256.Q and 0 < s < p256.Q):
        return False
    key = ec.EllipticCurvePublicKey.from_encoded_point(p256.CURVE, public_key)
    try:
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True
