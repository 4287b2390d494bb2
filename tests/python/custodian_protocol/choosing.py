"""What the nodes show of an account, and which record that makes the one to use: section 14."""

from dataclasses import dataclass, field
from typing import Dict, List, Optional

from .encoding import sha256
from .header import HIGHEST_GENERATION, HeaderRejected, check_for_client, parse
from .keys import signed_message, verify
from .messages import ACTIVE, DESTROYED, PENDING, SUPERSEDED, DescribeResponse, RecordHeader, RecordStatus
from .rpc import Faulty
from .sets import CustodianSet

FAR_AHEAD = 1 << 32


@dataclass
class Shown:
    """A record as one node shows it; a tombstone has no header."""

    status: RecordStatus
    header: Optional[RecordHeader] = None

    @property
    def record_id(self) -> bytes:
        return self.header.record_id if self.header else self.status.record_id

    @property
    def generation(self) -> int:
        """The highest generation that the node claims with it."""
        return max(self.status.generation, self.header.generation if self.header else 0)

    @property
    def header_hash(self) -> bytes:
        return sha256(self.status.header)


@dataclass
class View:
    """What Describe brought: records by node, and why the other nodes are left out."""

    shown: Dict[str, List[Shown]] = field(default_factory=dict)
    failed: Dict[str, Exception] = field(default_factory=dict)

    def find(self, node_id: str, record_id: bytes) -> Optional[Shown]:
        """The live record of that id at a node."""
        live = [s for s in self.shown.get(node_id, []) if s.header and s.record_id == record_id]
        return live[0] if live else None

    def in_state(self, node_id: str, *states: int) -> List[Shown]:
        """The node's records in these states, the newest first."""
        found = [s for s in self.shown.get(node_id, []) if s.status.state in states]
        return sorted(found, key=lambda s: -s.generation)


@dataclass
class Held:
    """A record that at least threshold of its own participants show."""

    header: RecordHeader
    header_hash: bytes
    shown: Dict[str, Shown]

    @property
    def shown_active(self) -> bool:
        return any(s.status.state == ACTIVE for s in self.shown.values())

    def replaces(self, older: "Held") -> bool:
        """Whether a replace_signature shown beside it is by the older record's owner key."""
        header = self.header
        return any(
            verify(older.header.owner_public_key,
                   signed_message("replace", node, header.account_id, header.record_id, self.header_hash),
                   s.status.replace_signature)
            for node, s in self.shown.items())


def read_description(response: DescribeResponse, node_id: str, custodians: CustodianSet,
                     account: bytes) -> List[Shown]:
    """The records of a DescribeResponse; raises Faulty if it is another node's or fails section 9."""
    if response.node_id != node_id or response.set_id != custodians.set_id:
        raise Faulty(f"it says that it is {response.node_id!r} of {response.set_id!r}")
    return [_read_status(status, node_id, custodians, account) for status in response.records]


def _read_status(status: RecordStatus, node_id: str, custodians: CustodianSet, account: bytes) -> Shown:
    if status.state == DESTROYED:
        return Shown(status)
    if status.state not in (PENDING, ACTIVE, SUPERSEDED):
        raise Faulty(f"it shows a record in a state {status.state} that is none")
    try:
        header = parse(status.header)
        check_for_client(header, custodians.set_id, account, node_id, custodians.min_threshold, custodians.nodes)
    except HeaderRejected as error:
        raise Faulty(f"it shows a header that is refused: {error}") from error
    return Shown(status, header)


def held_records(view: View) -> List[Held]:
    """Every record that enough of its participants show with the same header."""
    records: Dict[bytes, Held] = {}
    for node_id, statuses in view.shown.items():
        for shown in statuses:
            if shown.header:
                held = records.setdefault(shown.header_hash, Held(shown.header, shown.header_hash, {}))
                held.shown[node_id] = shown
    return [held for held in records.values() if len(held.shown) >= held.header.threshold]


def order_to_try(held: List[Held]) -> List[Held]:
    """The record to use first, then the others, newest first; empty if none is held."""
    newest_first = sorted(held, key=lambda h: (h.header.generation, h.shown_active), reverse=True)
    chosen: Optional[Held] = None
    generation = 0
    for candidate in sorted(held, key=lambda h: (h.header.generation, not h.shown_active)):
        newer = candidate.header.generation > generation
        if chosen is None or (newer and candidate.replaces(chosen)):
            chosen, generation = candidate, candidate.header.generation
    return [chosen] + [h for h in newest_first if h is not chosen] if chosen else []


def next_generation(view: View, threshold: int) -> int:
    """The generation of a new record; nodes that claim far too much are left out, section 3."""
    claims = {node: max((s.generation for s in shown), default=0) for node, shown in view.shown.items()}
    ordered = sorted(claims.values(), reverse=True)
    limit = (ordered[threshold - 1] if len(ordered) >= threshold else 0) + FAR_AHEAD
    for node, claim in claims.items():
        if claim > limit:
            view.failed[node] = Faulty(f"it claims generation {claim}, far above the others")
            del view.shown[node]
    generation = max((claim for claim in claims.values() if claim <= limit), default=0) + 1
    if generation > HIGHEST_GENERATION:
        raise OverflowError("the account has used up its generations")
    return generation


def quorum_for_retiring(participants: int, threshold: int) -> int:
    """How many nodes must have activated before anything is retired: ceil((n+t)/2)."""
    return -(-(participants + threshold) // 2)
