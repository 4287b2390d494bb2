"""Shamir sharing over GF(2^8), section 4."""

import secrets
from typing import Dict, Optional

LENGTH = 32


def _multiply(a: int, b: int) -> int:
    """a * b modulo x^8+x^4+x^3+x+1, without a table and without a branch on the values."""
    product = 0
    for _ in range(8):
        product ^= -(b & 1) & a
        a = (a << 1) ^ (-(a >> 7) & 0x11B)
        b >>= 1
    return product


def _invert(a: int) -> int:
    """a^254; only ever of share indexes, which are public."""
    result = 1
    for _ in range(254):
        result = _multiply(result, a)
    return result


def share(secret: bytes, threshold: int, index: int, coefficients: bytes) -> bytes:
    """The share of an index: each byte's polynomial at it, by Horner's rule.

    `coefficients` holds, for each byte in order, the t-1 coefficients of x^1 to x^(t-1).
    """
    degree = threshold - 1
    values = bytearray()
    for position, constant in enumerate(secret):
        value = 0
        for coefficient in reversed(coefficients[position * degree : (position + 1) * degree]):
            value = _multiply(value ^ coefficient, index)
        values.append(value ^ constant)
    return bytes(values)


def split(secret: bytes, threshold: int, indexes, coefficients: Optional[bytes] = None) -> Dict[int, bytes]:
    """Shares of a 32-byte secret by index, with fresh random coefficients unless given."""
    if len(secret) != LENGTH:
        raise ValueError("the recovery key is 32 bytes")
    if coefficients is None:
        coefficients = secrets.token_bytes(LENGTH * (threshold - 1))
    return {index: share(secret, threshold, index, coefficients) for index in indexes}


def _weight(at: int, index: int, others) -> int:
    numerator, denominator = 1, 1
    for other in others:
        if other != index:
            numerator = _multiply(numerator, other ^ at)
            denominator = _multiply(denominator, other ^ index)
    return _multiply(numerator, _invert(denominator))


def interpolate(shares: Dict[int, bytes], at: int = 0) -> bytes:
    """The polynomial through the shares, evaluated at a point: at 0 the secret, at an index its share."""
    result = bytearray(LENGTH)
    for index, values in shares.items():
        weight = _weight(at, index, shares)
        for position, value in enumerate(values):
            result[position] ^= _multiply(value, weight)
    return bytes(result)
