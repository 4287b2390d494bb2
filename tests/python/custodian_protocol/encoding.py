"""Notation, names and key derivation functions: sections 2 and 3."""

import hashlib
import hmac
import re
from typing import Optional

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")


def sha256(data: bytes) -> bytes:
    """H, section 2."""
    return hashlib.sha256(data).digest()


def u8(value: int) -> bytes:
    """One byte, section 2."""
    return value.to_bytes(1, "big")


def u32(value: int) -> bytes:
    """Four bytes big-endian, section 2."""
    return value.to_bytes(4, "big")


def u64(value: int) -> bytes:
    """Eight bytes big-endian, section 2."""
    return value.to_bytes(8, "big")


def lp(data: bytes) -> bytes:
    """The length in four bytes, then the bytes, section 2."""
    return u32(len(data)) + data


def extract(salt: bytes, ikm: bytes) -> bytes:
    """HKDF-Extract with SHA-256, RFC 5869 section 2.2."""
    return hmac.new(salt, ikm, hashlib.sha256).digest()


def expand(prk: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand with SHA-256, RFC 5869 section 2.3."""
    output, block = b"", b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.new(prk, block + info + u8(counter), hashlib.sha256).digest()
        output += block
    return output[:length]


def hkdf(salt: bytes, ikm: bytes, info: bytes, length: int) -> bytes:
    """HKDF with SHA-256, RFC 5869."""
    return expand(extract(salt, ikm), info, length)


def is_name(text: Optional[str]) -> bool:
    """Whether the text has the form of a set_id or node_id, section 3."""
    return text is not None and _NAME.fullmatch(text) is not None


def account_id(set_id: str, issuer: str, subject: str) -> bytes:
    """The 32 bytes that stand for (set, issuer, subject), section 3."""
    return sha256(b"custodian/v1 account" + b"".join(lp(s.encode()) for s in (set_id, issuer, subject)))
