"""From what the user types to S: section 5."""

import unicodedata

from argon2.low_level import ARGON2_VERSION, Type, hash_secret_raw

MEMORY_KIB, ITERATIONS, PARALLELISM, SALT_LENGTH = 65536, 3, 4, 16


class SecretRefused(ValueError):
    """The secret is empty, or has code points that do not normalise the same everywhere."""


def normalise(secret: str) -> bytes:
    """NFKC as UTF-8; refuses an empty secret, surrogates and unassigned code points, section 5."""
    if not secret:
        raise SecretRefused("the secret is empty")
    if any(unicodedata.category(c) in ("Cs", "Cn") for c in secret):
        raise SecretRefused("the secret has unpaired surrogates or unassigned code points")
    return unicodedata.normalize("NFKC", secret).encode("utf-8")


def parameters_fault(salt: bytes, memory_kib: int, iterations: int, parallelism: int) -> str:
    """What is wrong with stretching parameters, or an empty text, section 5."""
    if not 16 <= len(salt) <= 64:
        return "kdf.salt is not 16 to 64 bytes"
    if not 19456 <= memory_kib <= 1048576:
        return "kdf.memory_kib is not in 19456..1048576"
    if not 1 <= iterations <= 16:
        return "kdf.iterations is not in 1..16"
    return "" if 1 <= parallelism <= 16 else "kdf.parallelism is not in 1..16"


def stretch(secret: str, salt: bytes, memory_kib: int, iterations: int, parallelism: int) -> bytes:
    """S, 32 bytes of Argon2id version 0x13, section 5."""
    fault = parameters_fault(salt, memory_kib, iterations, parallelism)
    if fault:
        raise ValueError(fault)
    assert ARGON2_VERSION == 0x13
    return hash_secret_raw(normalise(secret), salt, iterations, memory_kib, parallelism, 32, Type.ID, 0x13)
