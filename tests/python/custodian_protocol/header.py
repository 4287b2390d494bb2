"""The checks on a record header, section 9."""

from typing import Iterable

from . import p256
from .encoding import is_name
from .messages import RecordHeader
from .protobuf import Malformed
from .stretching import parameters_fault

HIGHEST_GENERATION = 1 << 62


class HeaderRejected(ValueError):
    """The header fails a check of section 9."""


def parse(data: bytes) -> RecordHeader:
    """A header whose bytes are canonical and whose fields are well formed; raises HeaderRejected."""
    try:
        header = RecordHeader.decode(data)
    except Malformed as error:
        raise HeaderRejected(f"the header does not parse: {error}") from error
    if header.unknown or header.encode() != data:
        raise HeaderRejected("the header is not the canonical serialisation of its fields")
    fault = _field_fault(header) or _quorum_fault(header)
    if fault:
        raise HeaderRejected(fault)
    return header


def _field_fault(header: RecordHeader) -> str:
    if header.version != 1:
        return "version is not 1"
    lengths = {"account_id": 32, "record_id": 16, "commitment": 32, "envelope_digest": 32}
    for name, length in lengths.items():
        if len(getattr(header, name)) != length:
            return f"{name} is not {length} bytes"
    for name in ("owner_public_key", "confirm_public_key"):
        if not p256.is_compressed_point(getattr(header, name)):
            return f"{name} is not a point in 33 bytes"
    if not 1 <= header.generation <= HIGHEST_GENERATION:
        return "generation is not in 1..2^62"
    if not 1 <= header.max_attempts <= 100:
        return "max_attempts is not in 1..100"
    kdf = header.kdf
    return "kdf is missing" if kdf is None else parameters_fault(
        kdf.salt, kdf.memory_kib, kdf.iterations, kdf.parallelism)


def _quorum_fault(header: RecordHeader) -> str:
    names = [p.node_id for p in header.participants]
    indexes = [p.index for p in header.participants]
    if not 1 <= len(names) <= 16:
        return "there are not 1..16 participants"
    if not is_name(header.set_id) or not all(is_name(n) for n in names):
        return "set_id or a node_id is not a name"
    if len(set(names)) != len(names) or len(set(indexes)) != len(indexes):
        return "node_ids or indexes are not distinct"
    if not all(1 <= i <= 255 for i in indexes):
        return "an index is not in 1..255"
    if not (header.threshold <= len(names) < 2 * header.threshold):
        return "threshold is not t with t <= n and 2t > n"
    return ""


def check_for_client(header: RecordHeader, set_id: str, account: bytes, shown_by: str,
                     min_threshold: int, set_nodes: Iterable[str]) -> None:
    """The checks that need to know who asks and which node showed the header; raises HeaderRejected."""
    names = [p.node_id for p in header.participants]
    if header.set_id != set_id or header.account_id != account:
        raise HeaderRejected("the header is of another set or account")
    if shown_by not in names:
        raise HeaderRejected("the header does not name the node that shows it")
    if header.threshold < min_threshold:
        raise HeaderRejected("threshold is below the set's min_threshold")
    if not set(names) <= set(set_nodes):
        raise HeaderRejected("a participant is not in the set")
