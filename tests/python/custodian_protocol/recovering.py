"""Recover: section 14."""

import hmac
import itertools
import secrets
import threading
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Dict, List, Optional

from . import envelope, shamir
from .choosing import Held, View, held_records, order_to_try, quorum_for_retiring
from .encoding import sha256, u64
from .enrolling import retire_all
from .failures import Locked, NoRecord, TooFewNodes, WrongSecret
from .keys import RecordKeys, SigningKey, signed_message, verify
from .messages import ACTIVE, REFRESH_FIELDS, SUPERSEDED, ConfirmRequest, EvaluateRequest, EvaluateResponse, \
    SecretPayload
from .oprf import Blinding, oprf_input, xor
from .p256 import NotOnCurve
from .rpc import Faulty, Refusal
from .stretching import normalise, stretch


@dataclass
class Aftermath:
    """What went on after the key was there: see Recovered.aftermath."""

    confirmed: List[str] = field(default_factory=list)
    retired: List[str] = field(default_factory=list)
    failed: Dict[str, Exception] = field(default_factory=dict)
    foreign_attempts: Dict[str, int] = field(default_factory=dict)


@dataclass
class Recovered:
    """A recovered record. `aftermath` is a future for the late answers, the Confirms and the Retires."""

    held: Held
    keys: RecordKeys
    payload: SecretPayload
    aftermath: Future

    def owners(self) -> Dict[bytes, SigningKey]:
        """The owner keys of this record and of earlier ones, by record id, the newest first."""
        former = {f.record_id: SigningKey(f.owner_private_key) for f in self.payload.former_owners}
        return {self.held.header.record_id: self.keys.owner, **former}


@dataclass
class Answer:
    """A node's answer to Evaluate: charged, and perhaps good."""

    node: str
    attempt_id: bytes
    response: EvaluateResponse
    share: Optional[bytes] = None
    fault: Optional[Faulty] = None


def recover(client, secret: str) -> Recovered:
    """Tries the chosen record, then any other that is held; raises one of failures.py."""
    normalise(secret)
    view = client.describe()
    order = order_to_try(held_records(view))
    if not order:
        raise _nothing_held(client, view)
    attempts = [Attempt(client, view, held) for held in order]
    attempts[0].require_free()
    tried = [attempt for attempt in attempts if attempt is attempts[0] or attempt.is_free]
    for attempt in tried:
        recovered = attempt.run(secret)
        if recovered:
            return recovered
    raise _failure(tried)


def _nothing_held(client, view: View) -> Exception:
    without = [node for node, shown in view.shown.items() if not any(s.header for s in shown)]
    if len(without) > len(client.custodians.nodes) - client.custodians.min_threshold:
        return NoRecord("there is no record of this account", view.failed)
    return TooFewNodes("too few nodes show one record of this account", view.failed)


def _failure(tried: List["Attempt"]) -> Exception:
    first = tried[0]
    if not any(attempt.has_quorum for attempt in tried):
        return TooFewNodes(f"{len(first.good)} good answers, and {first.threshold} are needed", first.failed)
    certain = all(len(attempt.good) >= 2 * attempt.threshold - 1 for attempt in tried)
    return WrongSecret(first.attempts_left(), certain, first.failed)


class Attempt:
    """One secret against one record."""

    def __init__(self, client, view: View, held: Held):
        self.client, self.view, self.held = client, view, held
        self.header, self.threshold = held.header, held.header.threshold
        self.indexes = {p.node_id: p.index for p in held.header.participants}
        self.good: Dict[str, Answer] = {}
        self.charged: Dict[str, Answer] = {}
        self.failed: Dict[str, Exception] = {n: e for n, e in view.failed.items() if n in self.indexes}

    @property
    def has_quorum(self) -> bool:
        """Whether at least t answers were good."""
        return len(self.good) >= self.threshold

    def _waits(self) -> List[int]:
        """For each node with an attempt left, how long until it takes one, in milliseconds; ascending."""
        return sorted(max(0, s.status.retry_after_ms) for s in self.held.shown.values()
                      if s.status.attempts_remaining > 0)

    @property
    def is_free(self) -> bool:
        """Whether t participants would take an attempt now."""
        return sum(wait == 0 for wait in self._waits()) >= self.threshold

    def require_free(self) -> None:
        """Raises Locked, with the time after which t participants would take an attempt."""
        if self.is_free:
            return
        waits = self._waits()
        if len(waits) < self.threshold:
            raise Locked("the attempts at the record are used up", -1)
        wait = waits[self.threshold - 1]
        raise Locked(f"the next attempt is possible in {wait} ms", wait)

    def run(self, secret: str) -> Optional[Recovered]:
        """Asks every participant at once; the record if t answers combine, as soon as they do."""
        kdf = self.header.kdf
        stretched = stretch(secret, kdf.salt, kdf.memory_kib, kdf.iterations, kdf.parallelism)
        nodes = [node for node in self.indexes if not isinstance(self.view.failed.get(node), Faulty)]
        pool = ThreadPoolExecutor(len(nodes))
        calls = {pool.submit(self._evaluate, node, stretched): node for node in nodes}
        pool.shutdown(wait=False)
        arriving = as_completed(calls)
        for call in arriving:
            node = self._take(call, calls[call])
            keys = self._search(node) if node else None
            if keys:
                return self._finish(keys, calls, arriving)
        return None

    def _evaluate(self, node: str, stretched: bytes) -> Answer:
        blinding = Blinding(oprf_input(self.client.account, self.header.record_id, node, stretched))
        request = EvaluateRequest(record_id=self.header.record_id, attempt_id=secrets.token_bytes(16),
                                  blinded=blinding.blinded)
        answer = Answer(node, request.attempt_id, self.client.call(node, "Evaluate", request))
        try:
            self._check(answer, node)
            answer.share = xor(answer.response.masked_share, blinding.mask(answer.response.evaluated))
        except Faulty as fault:
            answer.fault = fault
        except NotOnCurve as error:
            answer.fault = Faulty(f"its evaluation is refused: {error}")
        return answer

    def _check(self, answer: Answer, node: str) -> None:
        response, header = answer.response, self.header
        if response.unknown & REFRESH_FIELDS:
            raise Faulty("its answer carries refresh fields, which version 1 does not know")
        if len(response.masked_share) != 32:
            raise Faulty("its masked share is not 32 bytes")
        body = self.held.header_hash + sha256(response.masked_share)
        message = signed_message("deposit", node, self.client.account, header.record_id, body)
        if not verify(header.owner_public_key, message, response.deposit_signature):
            raise Faulty("its masked share is not the one that was deposited")
        if sha256(response.envelope) != header.envelope_digest:
            raise Faulty("its envelope is not the header's")

    def _take(self, call: Future, node: str) -> Optional[str]:
        """Files an answer; the node if it is good."""
        try:
            answer = call.result()
        except (Refusal, Faulty, OSError) as error:
            self.failed[node] = error
            return None
        self.charged[node] = answer
        made = self.client.own_attempts
        made[self.header.record_id, node] = made.get((self.header.record_id, node), 0) + 1
        if answer.fault:
            self.failed[node] = answer.fault
            return None
        self.good[node] = answer
        return node

    def _search(self, newest: str) -> Optional[RecordKeys]:
        """Tries every t-subset of the good answers that contains the newest."""
        others = [node for node in self.good if node != newest]
        for subset in itertools.combinations(others, self.threshold - 1):
            shares = {self.indexes[node]: self.good[node].share for node in (newest, *subset)}
            keys = self._match(shamir.interpolate(shares))
            if keys:
                self.polynomial = shares
                return keys
        return None

    def _match(self, recovery_key: bytes) -> Optional[RecordKeys]:
        keys = RecordKeys(recovery_key, self.header.record_id)
        if not hmac.compare_digest(keys.commitment, self.header.commitment):
            return None
        same = (keys.owner.public_bytes == self.header.owner_public_key
                and keys.confirm.public_bytes == self.header.confirm_public_key)
        return keys if same else None

    def _finish(self, keys: RecordKeys, calls: dict, arriving) -> Recovered:
        aftermath: Future = Future()
        settling = threading.Thread(target=_settle, args=(self, keys, calls, arriving, aftermath), daemon=True)
        settling.start()
        sealed = self.good[next(iter(self.good))].response.envelope
        header = self.header
        payload = envelope.open_envelope(keys.envelope_key, self.client.account, header.record_id,
                                         header.generation, sealed)
        return Recovered(self.held, keys, payload, aftermath)

    def attempts_left(self) -> int:
        """The t-th highest over the nodes."""
        left = {node: shown.status.attempts_remaining for node, shown in self.held.shown.items()}
        left.update({node: answer.response.attempts_remaining for node, answer in self.charged.items()})
        ordered = sorted(left.values(), reverse=True)
        return ordered[self.threshold - 1] if len(ordered) >= self.threshold else 0


def _settle(attempt: Attempt, keys: RecordKeys, calls: dict, arriving, aftermath: Future) -> None:
    try:
        aftermath.set_result(Settlement(attempt, keys).run(calls, arriving))
    except BaseException as error:
        aftermath.set_exception(error)


class Settlement:
    """After a match: takes the late answers, names the faulty, confirms every charge, retires what is superseded."""

    def __init__(self, attempt: Attempt, keys: RecordKeys):
        self.attempt, self.keys, self.client = attempt, keys, attempt.client
        self.result = Aftermath()

    def run(self, calls: dict, arriving) -> Aftermath:
        attempt, confirms = self.attempt, {}
        with ThreadPoolExecutor(len(attempt.indexes)) as pool:
            for node in list(attempt.charged):
                confirms[node] = pool.submit(self._confirm, attempt.charged[node])
            for call in arriving:
                attempt._take(call, calls[call])
                if calls[call] in attempt.charged:
                    confirms[calls[call]] = pool.submit(self._confirm, attempt.charged[calls[call]])
        states = self._collect(confirms)
        self._name_faulty()
        self._retire([node for node, state in states.items() if state == ACTIVE])
        self.result.failed = {**attempt.failed, **self.result.failed}
        return self.result

    def _confirm(self, answer: Answer) -> int:
        attempt, header, node = self.attempt, self.attempt.header, answer.node
        own = self.client.own_attempts.get((header.record_id, node), 0)
        foreign = header.max_attempts - answer.response.attempts_remaining - own
        if foreign > 0:
            self.result.foreign_attempts[node] = foreign
        body = answer.attempt_id + u64(answer.response.sequence)
        message = signed_message("confirm", node, self.client.account, header.record_id, body)
        response = self.client.call(node, "Confirm", ConfirmRequest(
            record_id=header.record_id, attempt_id=answer.attempt_id, sequence=answer.response.sequence,
            signature=self.keys.confirm.sign(message)))
        self.client.own_attempts.pop((header.record_id, node), None)
        return response.state

    def _collect(self, confirms: Dict[str, Future]) -> Dict[str, int]:
        states = {}
        for node, future in confirms.items():
            try:
                states[node] = future.result()
            except (Refusal, Faulty, OSError) as error:
                self.result.failed[node] = error
        self.result.confirmed = list(states)
        return states

    def _name_faulty(self) -> None:
        for node, answer in self.attempt.good.items():
            expected = shamir.interpolate(self.attempt.polynomial, self.attempt.indexes[node])
            if not hmac.compare_digest(answer.share, expected):
                self.result.failed[node] = Faulty("its share is not on the polynomial")

    def _retire(self, active: List[str]) -> None:
        header, view = self.attempt.header, self.attempt.view
        if len(active) < quorum_for_retiring(len(header.participants), header.threshold):
            return
        others = {node: [s for s in view.in_state(node, ACTIVE, SUPERSEDED) if s.record_id != header.record_id]
                  for node in active}
        done, failed = self.client.each([node for node in active if others[node]],
                                        lambda node: retire_all(self.client, node, others[node], self.keys.owner))
        self.result.retired = list(done)
        self.result.failed.update(failed)
