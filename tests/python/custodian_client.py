"""An independent client of Custodian nodes, used to check that protocol.md suffices to write one.

    custodians = load_set(Path("custodians.json"), Path("ca.pem"))
    client = CustodianClient(custodians, "https://issuer.example", "user-1", tokens)
    client.enrol("482913", key_bytes)
    recovered = client.recover("482913")
    recovered.aftermath.result()        # confirms, and names faulty nodes

`tokens` gives the access token of a node id. Calls block; nodes are called in parallel threads.
The steps are in custodian_protocol/enrolling.py and custodian_protocol/recovering.py.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Callable, Dict, Iterable, Optional, Tuple

import grpc

from custodian_protocol.choosing import View, read_description
from custodian_protocol.encoding import account_id
from custodian_protocol.enrolling import Enrolled, Enrolment
from custodian_protocol.failures import CustodyError
from custodian_protocol.messages import DescribeRequest
from custodian_protocol.protobuf import Message
from custodian_protocol.recovering import Recovered, recover
from custodian_protocol.rpc import Connection, Faulty, Refusal, open_channel, pinned_certificate
from custodian_protocol.sets import CustodianSet, SetNode, load_set

__all__ = ["CustodianClient", "CustodianSet", "CustodyError", "Enrolled", "Recovered", "load_set"]


class CustodianClient:
    """One account at the nodes of a set: section 14."""

    def __init__(self, custodians: CustodianSet, issuer: str, subject: str, tokens: Callable[[str], str],
                 server_name: Optional[str] = None, timeout_s: float = 10.0):
        self.custodians = custodians
        self.account = account_id(custodians.set_id, issuer, subject)
        self.own_attempts: Dict[Tuple[bytes, str], int] = {}
        self._connections = {
            node.node_id: Connection(partial(_open, node, server_name, timeout_s),
                                     partial(tokens, node.node_id), timeout_s)
            for node in custodians.nodes.values()}

    def describe(self) -> View:
        """What every node of the set shows of the account, retired nodes included."""
        results, failed = self.each(self.custodians.nodes, self._describe)
        return View(results, failed)

    def enrol(self, secret: str, key: bytes, content_type: str = "application/octet-stream", label: str = "",
              replacing: Optional[Recovered] = None, allow_missing: bool = False, max_attempts: int = 10) -> Enrolled:
        """Stores a key under a secret; `replacing` is the recovered record that gives way, if there is one."""
        return Enrolment(self, replacing, allow_missing, max_attempts).run(secret, key, content_type, label)

    def recover(self, secret: str) -> Recovered:
        """The key, as soon as t answers combine; raises WrongSecret, Locked, TooFewNodes or NoRecord."""
        return recover(self, secret)

    def call(self, node_id: str, method: str, request: Message):
        """One call to one node, with the set_id filled in; raises Refusal, Faulty or OSError."""
        request.set_id = self.custodians.set_id
        return self._connections[node_id].call(method, request)

    def each(self, nodes: Iterable[str], action: Callable[[str], object]) -> Tuple[dict, Dict[str, Exception]]:
        """Runs an action for every node at once; the results, and what went wrong, by node."""
        nodes, results, failed = list(nodes), {}, {}
        with ThreadPoolExecutor(max(1, len(nodes))) as pool:
            for node, future in {node: pool.submit(action, node) for node in nodes}.items():
                try:
                    results[node] = future.result()
                except (Refusal, Faulty, OSError) as error:
                    failed[node] = error
        return results, failed

    def close(self) -> None:
        """Closes every channel."""
        for connection in self._connections.values():
            connection.close()

    def _describe(self, node_id: str):
        response = self.call(node_id, "Describe", DescribeRequest())
        return read_description(response, node_id, self.custodians, self.account)


def _open(node: SetNode, server_name: Optional[str], timeout_s: float) -> grpc.Channel:
    roots = node.root_certificates
    if node.spki_sha256:
        roots = pinned_certificate(node.address, node.spki_sha256, timeout_s)
    return open_channel(node.address, roots, server_name)
