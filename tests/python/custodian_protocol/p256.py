"""P-256 for the oblivious function: lift_x (section 2), hash_to_curve and x-only multiplication (section 6).

hash_to_curve and lift_x are written with Python integers from RFC 9380; the multiplications by a
secret scalar go through OpenSSL's ECDH, just as a node sends them through its HSM.
"""

from hashlib import sha256
from typing import Optional, Tuple

from cryptography.hazmat.primitives.asymmetric import ec

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
Q = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
A = P - 3
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
Z = P - 10
CURVE = ec.SECP256R1()

Point = Tuple[int, int]


class NotOnCurve(ValueError):
    """The bytes are not the x-coordinate of a point of the curve."""


def _curve_equation(x: int) -> int:
    return (x * x * x + A * x + B) % P


def _square_root(value: int) -> Optional[int]:
    root = pow(value, (P + 1) // 4, P)
    return root if root * root % P == value else None


def lift_x(data: bytes) -> Point:
    """The point with this 32-byte x and even y; raises NotOnCurve for anything else, section 2."""
    x = int.from_bytes(data, "big")
    if len(data) != 32 or x >= P:
        raise NotOnCurve("an x-coordinate is 32 bytes and below p")
    y = _square_root(_curve_equation(x))
    if y is None:
        raise NotOnCurve("no point of the curve has this x-coordinate")
    return (x, y if y % 2 == 0 else P - y)


def _add(a: Optional[Point], b: Optional[Point]) -> Optional[Point]:
    """Affine addition; None is the point at infinity."""
    if a is None or b is None:
        return a if b is None else b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = (3 * a[0] * a[0] + A) * pow(2 * a[1], -1, P) % P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P) % P
    x = (slope * slope - a[0] - b[0]) % P
    return (x, (slope * (a[0] - x) - a[1]) % P)


def _expand_message_xmd(message: bytes, dst: bytes, length: int) -> bytes:
    """RFC 9380 section 5.3.1 with SHA-256."""
    dst_prime = dst + len(dst).to_bytes(1, "big")
    first = sha256(bytes(64) + message + length.to_bytes(2, "big") + b"\0" + dst_prime).digest()
    block, output = bytes(32), b""
    for counter in range(1, -(-length // 32) + 1):
        mixed = bytes(x ^ y for x, y in zip(first, block)) + counter.to_bytes(1, "big")
        block = sha256(mixed + dst_prime).digest()
        output += block
    return output[:length]


def _map_to_curve(u: int) -> Point:
    """The simplified SWU map, RFC 9380 section 6.6.2."""
    tv = (Z * Z * pow(u, 4, P) + Z * u * u) % P
    if tv == 0:
        x = B * pow(Z * A, -1, P) % P
    else:
        x = -B * pow(A, -1, P) * (1 + pow(tv, -1, P)) % P
    y = _square_root(_curve_equation(x))
    if y is None:
        x = Z * u * u * x % P
        y = _square_root(_curve_equation(x))
    assert y is not None, "one of the two candidates is a square, RFC 9380 section 6.6.2"
    return (x, y if u % 2 == y % 2 else P - y)


def hash_to_curve(message: bytes, dst: bytes) -> Point:
    """P256_XMD:SHA-256_SSWU_RO_, RFC 9380 section 8.2."""
    uniform = _expand_message_xmd(message, dst, 96)
    first, second = (int.from_bytes(uniform[i : i + 48], "big") % P for i in (0, 48))
    point = _add(_map_to_curve(first), _map_to_curve(second))
    assert point is not None, "an input that hashes to infinity is not known to exist"
    return point


def multiply_x(scalar: int, point: Point) -> bytes:
    """x(scalar * point), 32 bytes, by ECDH, section 6."""
    public = ec.EllipticCurvePublicNumbers(point[0], point[1], CURVE).public_key()
    return ec.derive_private_key(scalar, CURVE).exchange(ec.ECDH(), public)


def is_compressed_point(data: bytes) -> bool:
    """Whether the data is a point in SEC1 compressed form, 33 bytes."""
    if len(data) != 33 or data[0] not in (2, 3):
        return False
    try:
        lift_x(data[1:])
    except NotOnCurve:
        return False
    return True
