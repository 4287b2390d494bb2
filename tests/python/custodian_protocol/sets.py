"""The set of custodians as a file, and the views of an account that its nodes show: section 14."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional

from .encoding import is_name
from .rpc import target


class SetRejected(ValueError):
    """The set file does not describe a set."""


@dataclass(frozen=True)
class SetNode:
    """One custodian of a set."""

    node_id: str
    address: str
    region: str
    operator: str
    retired: bool
    spki_sha256: List[str]
    root_certificates: Optional[bytes]


@dataclass(frozen=True)
class CustodianSet:
    """The custodians of an account, and the thresholds for new and for old records."""

    set_id: str
    threshold: int
    min_threshold: int
    nodes: Dict[str, SetNode]

    @property
    def participants(self) -> List[str]:
        """The nodes of a new record, in the order of the file."""
        return [node.node_id for node in self.nodes.values() if not node.retired]


def load_set(path: Path, ca_file: Optional[Path]) -> CustodianSet:
    """Reads a set file; `ca_file` serves for every node without a `ca_file` or pins of its own."""
    try:
        fields = json.loads(path.read_text("utf-8"))
        shared = ca_file.read_bytes() if ca_file else None
        nodes = [_node(entry, path.parent, shared) for entry in fields["nodes"]]
        loaded = CustodianSet(fields["set_id"], fields["threshold"],
                              fields.get("min_threshold", fields["threshold"]),
                              {node.node_id: node for node in nodes})
    except (OSError, ValueError) as error:
        raise SetRejected(f"cannot read the set: {error}") from error
    except (KeyError, TypeError) as error:
        raise SetRejected(f"the set file has a missing or misplaced field: {error}") from error
    _check(loaded, len(nodes))
    return loaded


def _node(entry: dict, folder: Path, shared: Optional[bytes]) -> SetNode:
    pins, own = entry.get("spki_sha256") or [], entry.get("ca_file")
    roots = (folder / own).read_bytes() if own else (None if pins else shared)
    target(entry["address"])
    return SetNode(entry["node_id"], entry["address"], entry["region"], entry["operator"],
                   bool(entry.get("retired")), pins, roots)


def _check(loaded: CustodianSet, entries: int) -> None:
    if len(loaded.nodes) != entries:
        raise SetRejected("two nodes have one node_id")
    if not is_name(loaded.set_id) or not all(is_name(n) for n in loaded.nodes):
        raise SetRejected("set_id or a node_id is not a name")
    count = len(loaded.participants)
    if not (1 <= loaded.threshold <= count < 2 * loaded.threshold and count <= 16):
        raise SetRejected("threshold is not t with t <= n and 2t > n, with n at most 16 nodes not retired")
    if not 1 <= loaded.min_threshold <= loaded.threshold:
        raise SetRejected("min_threshold is not in 1..threshold")
