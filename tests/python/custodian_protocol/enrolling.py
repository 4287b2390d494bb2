"""Enrol, and the change to a new record: section 14."""

import secrets
import time
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Tuple

from . import envelope, header, shamir, stretching
from .choosing import Shown, View, held_records, next_generation, order_to_try, quorum_for_retiring
from .encoding import sha256, u8
from .failures import CustodyError, RecordExists
from .keys import RecordKeys, SigningKey, signed_message
from .messages import (ACTIVE, PENDING, SUPERSEDED, ActivateRequest, DeleteRequest, DepositRequest, FormerOwner,
                       KdfParameters, Participant, PrepareRequest, RecordHeader, RetireRequest, SecretPayload)
from .oprf import Blinding, oprf_input, xor
from .p256 import NotOnCurve
from .rpc import Faulty, Refusal

MOST_FORMER_OWNERS = 8


@dataclass
class Enrolled:
    """A record that every node asked for has stored, and what was reached after that."""

    record_id: bytes
    generation: int
    owner: SigningKey
    activated: List[str]
    retired: List[str] = field(default_factory=list)
    deleted: List[str] = field(default_factory=list)
    failed: Dict[str, Exception] = field(default_factory=dict)


class Enrolment:
    """One enrolment from Describe to Retire. `replacing` is a recovered record with its owner keys."""

    def __init__(self, client, replacing, allow_missing: bool, max_attempts: int):
        self.client, self.replacing = client, replacing
        self.allow_missing, self.max_attempts = allow_missing, max_attempts
        self.account, self.record_id = client.account, secrets.token_bytes(16)
        self.nodes: List[str] = client.custodians.participants
        self.threshold: int = client.custodians.threshold
        self.view: View = View()
        self.failed: Dict[str, Exception] = {}

    def run(self, secret: str, key: bytes, content_type: str, label: str) -> Enrolled:
        """Each step leaves the account recoverable: the former record until Activate, the new one after it."""
        if not key:
            raise CustodyError("there is no key to enrol: it is empty")
        self.view = self.client.describe()
        self._refuse_if_not_ours()
        generation = next_generation(self.view, self.threshold)
        payload = self._payload(key, content_type, label)
        envelope.seal(bytes(32), self.account, self.record_id, generation, payload)
        kdf = KdfParameters(salt=secrets.token_bytes(stretching.SALT_LENGTH), memory_kib=stretching.MEMORY_KIB,
                            iterations=stretching.ITERATIONS, parallelism=stretching.PARALLELISM)
        stretched = stretching.stretch(secret, kdf.salt, kdf.memory_kib, kdf.iterations, kdf.parallelism)
        prepared = self._each(self._usable(), lambda node: self._prepare(node, stretched))
        self._require(prepared, "prepared", stored=[])
        self._build(generation, kdf, payload)
        return self._store_and_activate(prepared)

    def _refuse_if_not_ours(self) -> None:
        ordered = order_to_try(held_records(self.view))
        established = [h for h in ordered
                       if any(s.status.state in (ACTIVE, SUPERSEDED) for s in h.shown.values())]
        if not established:
            return
        owned = self.replacing.owners() if self.replacing else {}
        if not any(h.header.record_id in owned for h in established):
            raise RecordExists("the account has a record already: replacing it needs its owner key")

    def _usable(self) -> List[str]:
        self.failed.update({n: e for n, e in self.view.failed.items() if n in self.nodes})
        return [node for node in self.nodes if node in self.view.shown]

    def _each(self, nodes, action) -> dict:
        results, failed = self.client.each(nodes, action)
        self.failed.update(failed)
        return results

    def _require(self, done: dict, step: str, stored: List[str]) -> None:
        """Ends the enrolment, and takes it back, unless enough nodes took the step."""
        wanted = min(self.threshold + 1, len(self.nodes)) if self.allow_missing else len(self.nodes)
        if len(done) < wanted:
            self.client.each(stored, self._delete_pending)
            raise CustodyError(f"{len(done)} of {len(self.nodes)} nodes {step} the record; nothing has changed",
                               self.failed)

    def _prepare(self, node: str, stretched: bytes) -> Tuple[bytes, bytes]:
        blinding = Blinding(oprf_input(self.account, self.record_id, node, stretched))
        response = self.client.call(node, "Prepare", PrepareRequest(record_id=self.record_id,
                                                                    blinded=blinding.blinded))
        try:
            return blinding.mask(response.evaluated), response.sealed_key
        except NotOnCurve as error:
            raise Faulty(f"its evaluation is refused: {error}") from error

    def _payload(self, key: bytes, content_type: str, label: str) -> bytes:
        former = self.replacing.owners() if self.replacing else {}
        shown = {s.record_id for statuses in self.view.shown.values() for s in statuses if s.header}
        everywhere = len(self.view.shown) == len(self.client.custodians.nodes)
        kept = [FormerOwner(record_id=record, owner_private_key=owner.private_bytes)
                for record, owner in former.items() if record in shown or not everywhere]
        return SecretPayload(secret=key, content_type=content_type, label=label,
                             former_owners=kept[:MOST_FORMER_OWNERS]).encode()

    def _build(self, generation: int, kdf: KdfParameters, payload: bytes) -> None:
        recovery_key = secrets.token_bytes(32)
        self.keys = RecordKeys(recovery_key, self.record_id)
        self.envelope = envelope.seal(self.keys.envelope_key, self.account, self.record_id, generation, payload)
        indexes = {node: index for index, node in enumerate(self.nodes, start=1)}
        shares = shamir.split(recovery_key, self.threshold, indexes.values())
        self.shares = {node: shares[index] for node, index in indexes.items()}
        self.generation = generation
        self.header = RecordHeader(
            version=1, set_id=self.client.custodians.set_id, account_id=self.account, record_id=self.record_id,
            generation=generation, created_unix_ms=time.time_ns() // 1_000_000, threshold=self.threshold,
            participants=[Participant(node_id=node, index=index) for node, index in indexes.items()], kdf=kdf,
            commitment=self.keys.commitment, owner_public_key=self.keys.owner.public_bytes,
            max_attempts=self.max_attempts, envelope_digest=sha256(self.envelope),
            confirm_public_key=self.keys.confirm.public_bytes).encode()
        header.parse(self.header)
        self.header_hash = sha256(self.header)

    def _store_and_activate(self, prepared: dict) -> Enrolled:
        stored = self._each(prepared, lambda node: self._deposit(node, *prepared[node]))
        self._require(stored, "stored", stored=list(prepared))
        activated = self._each(stored, self._activate)
        result = Enrolled(self.record_id, self.generation, self.keys.owner, list(activated), failed=self.failed)
        if len(activated) >= quorum_for_retiring(len(self.nodes), self.threshold):
            result.retired = list(self._each(self._superseded(activated), self._retire_superseded))
            result.deleted = list(self._each(self._left_behind(stored), self._delete_former))
        return result

    def _sign(self, key: SigningKey, purpose: str, node: str, body: bytes, record_id: Optional[bytes] = None) -> bytes:
        return key.sign(signed_message(purpose, node, self.account, record_id or self.record_id, body))

    def _deposit(self, node: str, mask: bytes, sealed_key: bytes) -> None:
        masked = xor(self.shares[node], mask)
        request = DepositRequest(sealed_key=sealed_key, header=self.header, masked_share=masked,
                                 envelope=self.envelope)
        request.deposit_signature = self._sign(self.keys.owner, "deposit", node, self.header_hash + sha256(masked))
        former = self._owned(node, ACTIVE, SUPERSEDED)
        if former:
            request.replaces_record_id, signer = former[0]
            request.replace_signature = self._sign(signer, "replace", node, self.header_hash)
        pending = self.view.in_state(node, PENDING)
        request.replaces_pending = pending[0].record_id if pending else b""
        state = self.client.call(node, "Deposit", request).state
        if state not in (PENDING, ACTIVE):
            raise Faulty(f"it answered the Deposit with state {state}")

    def _owned(self, node: str, *states: int) -> List[Tuple[bytes, SigningKey]]:
        """The node's records in these states whose owner key we have, with it, the newest first."""
        owners = self.replacing.owners() if self.replacing else {}
        return [(s.record_id, owners[s.record_id]) for s in self.view.in_state(node, *states)
                if s.record_id in owners]

    def _activate(self, node: str) -> None:
        signature = self._sign(self.keys.owner, "activate", node, self.header_hash)
        response = self.client.call(node, "Activate",
                                    ActivateRequest(record_id=self.record_id, signature=signature))
        if response.state != ACTIVE:
            raise Faulty(f"it answered the Activate with state {response.state}")

    def _delete_pending(self, node: str) -> None:
        signature = self._sign(self.keys.owner, "delete", node, u8(PENDING) + self.header_hash)
        self.client.call(node, "Delete",
                         DeleteRequest(record_id=self.record_id, signature=signature, state=PENDING))

    def _superseded(self, activated) -> List[str]:
        return [node for node in activated if self.view.in_state(node, ACTIVE, SUPERSEDED)]

    def _retire_superseded(self, node: str) -> None:
        retire_all(self.client, node, self.view.in_state(node, ACTIVE, SUPERSEDED), self.keys.owner)

    def _left_behind(self, stored) -> List[str]:
        """Nodes that did not store the new record, but hold an old one that we can delete."""
        return [node for node in self.view.shown
                if node not in stored and self._owned(node, PENDING, ACTIVE, SUPERSEDED)]

    def _delete_former(self, node: str) -> None:
        for record_id, owner in self._owned(node, PENDING, SUPERSEDED) + self._owned(node, ACTIVE):
            shown = self.view.find(node, record_id)
            state = shown.status.state
            signature = self._sign(owner, "delete", node, u8(state) + shown.header_hash, record_id)
            self.client.call(node, "Delete", DeleteRequest(record_id=record_id, signature=signature, state=state))


def retire_all(client, node: str, records: List[Shown], active_owner: SigningKey) -> None:
    """Retires records at a node where the owner's record is ACTIVE; one that is not SUPERSEDED stays."""
    for shown in records:
        message = signed_message("retire", node, client.account, shown.record_id, shown.header_hash)
        request = RetireRequest(record_id=shown.record_id, signature=active_owner.sign(message))
        try:
            client.call(node, "Retire", request)
        except Refusal as refusal:
            if refusal.reason != "WRONG_STATE":
                raise
