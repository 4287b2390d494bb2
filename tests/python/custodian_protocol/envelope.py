"""The sealed payload that every node stores, section 8."""

import secrets
from typing import Optional

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .encoding import u64
from .messages import SecretPayload
from .protobuf import Malformed

BLOCK, SMALLEST, LARGEST = 256, 285, 65536


class EnvelopeRejected(ValueError):
    """The envelope cannot be made, or does not open."""


def _aad(account: bytes, record_id: bytes, generation: int) -> bytes:
    return b"custodian/v1 envelope" + account + record_id + u64(generation)


def pad(payload: bytes) -> bytes:
    """0x80 and zero bytes up to the next multiple of 256, section 8."""
    return payload + b"\x80" + bytes(-(len(payload) + 1) % BLOCK)


def unpad(padded: bytes) -> bytes:
    """Undoes pad; refuses any other padding."""
    payload = padded.rstrip(b"\0")[:-1]
    if pad(payload) != padded:
        raise EnvelopeRejected("the envelope's padding is wrong")
    return payload


def seal(key: bytes, account: bytes, record_id: bytes, generation: int, payload: bytes,
         nonce: Optional[bytes] = None) -> bytes:
    """The envelope of a serialised SecretPayload, section 8."""
    nonce = nonce if nonce is not None else secrets.token_bytes(12)
    sealed = AESGCM(key).encrypt(nonce, pad(payload), _aad(account, record_id, generation))
    envelope = b"\x01" + nonce + sealed
    if len(envelope) > LARGEST:
        raise EnvelopeRejected("the key is too large: an envelope is at most 65536 bytes")
    return envelope


def open_envelope(key: bytes, account: bytes, record_id: bytes, generation: int, envelope: bytes) -> SecretPayload:
    """The payload of an envelope; raises EnvelopeRejected if it does not authenticate, section 8."""
    if not SMALLEST <= len(envelope) <= LARGEST or envelope[0] != 1:
        raise EnvelopeRejected("not an envelope of version 1")
    try:
        padded = AESGCM(key).decrypt(envelope[1:13], envelope[13:], _aad(account, record_id, generation))
        return SecretPayload.decode(unpad(padded))
    except (InvalidTag, Malformed) as error:
        raise EnvelopeRejected("the envelope does not open under the recovery key") from error
