#!/usr/bin/python3
"""Runs every vector of protocol-v1.json against the independent implementation in custodian_protocol.

Usage: check_vectors.py [vectors.json]. Prints one line per mismatch and a count; exits 1 on any
mismatch, and 2 if the vectors cannot be read.
"""

import itertools
import json
import sys
from pathlib import Path

from custodian_protocol import envelope, header, keys, messages, oprf, p256, shamir, stretching
from custodian_protocol.encoding import account_id, sha256, u8, u64

DEFAULT = Path(__file__).resolve().parent.parent / "Custodian.Client.Tests" / "vectors" / "protocol-v1.json"


class Report:
    """Counts comparisons and names those that fail."""

    def __init__(self):
        self.checks = self.failures = 0

    def equal(self, name: str, actual, expected) -> None:
        """Compares bytes (expected as hex) or plain values."""
        actual = actual.hex() if isinstance(actual, bytes) else actual
        self.true(name, actual == expected, f": {actual!r:.100} is not {expected!r:.100}")

    def true(self, name: str, condition: bool, detail: str = "") -> None:
        self.checks += 1
        if not condition:
            self.failures += 1
            print(f"MISMATCH {name}{detail}")

    def raises(self, name: str, error, function, *arguments) -> None:
        try:
            function(*arguments)
        except error:
            self.true(name, True)
        else:
            self.true(name, False, " was accepted")


def check_curve(report: Report, vectors: dict) -> None:
    """RFC 9380's own vectors, and the x-coordinates that lift_x refuses."""
    for vector in vectors["hash_to_curve"]:
        x, y = p256.hash_to_curve(vector["msg"].encode(), vector["dst"].encode())
        report.equal(f"hash_to_curve {vector['msg']!r} x", f"{x:064x}", vector["x"])
        report.equal(f"hash_to_curve {vector['msg']!r} y", f"{y:064x}", vector["y"])
    for invalid in vectors["lift_x_invalid"]:
        report.raises(f"lift_x {invalid}", p256.NotOnCurve, p256.lift_x, bytes.fromhex(invalid))


class Case:
    """One record of the vectors, its hex fields as bytes on demand."""

    def __init__(self, report: Report, fields: dict):
        self.report, self.fields, self.name = report, fields, fields["name"]
        self.account, self.record_id = self.bytes("account_id"), self.bytes("record_id")

    def bytes(self, name: str) -> bytes:
        return bytes.fromhex(self.fields[name])

    def equal(self, name: str, actual) -> None:
        """Compares with the field of that name."""
        self.report.equal(f"{self.name} {name}", actual, self.fields[name])

    def check(self) -> None:
        fields, kdf = self.fields, self.fields["kdf"]
        self.equal("account_id", account_id(fields["set_id"], fields["issuer"], fields["subject"]))
        stretched = stretching.stretch(fields["user_secret"], bytes.fromhex(kdf["salt"]), kdf["memory_kib"],
                                       kdf["iterations"], kdf["parallelism"])
        self.equal("stretched", stretched)
        record_keys = self.check_keys()
        self.check_envelope(record_keys)
        self.check_header(record_keys)
        shares = self.check_shares()
        for participant in fields["participants"]:
            ParticipantCase(self, participant).check(stretched, shares[participant["index"]], record_keys)

    def check_keys(self) -> keys.RecordKeys:
        record_keys = keys.RecordKeys(self.bytes("recovery_key"), self.record_id)
        self.equal("envelope_key", record_keys.envelope_key)
        self.equal("commitment", record_keys.commitment)
        self.equal("owner_private_key", record_keys.owner.private_bytes)
        self.equal("owner_public_key", record_keys.owner.public_bytes)
        self.equal("confirm_private_key", record_keys.confirm.private_bytes)
        self.equal("confirm_public_key", record_keys.confirm.public_bytes)
        return record_keys

    def check_envelope(self, record_keys: keys.RecordKeys) -> None:
        fields = self.fields
        payload = messages.SecretPayload(secret=self.bytes("private_key"), content_type=fields["content_type"],
                                         label=fields["label"]).encode()
        self.equal("payload", payload)
        place = (record_keys.envelope_key, self.account, self.record_id, fields["generation"])
        self.equal("envelope", envelope.seal(*place, payload, self.bytes("nonce")))
        sealed = self.bytes("envelope")
        opened = envelope.open_envelope(*place, sealed)
        self.report.equal(f"{self.name} opened envelope", opened.encode(), fields["payload"])
        for position in (0, 1, 13, len(sealed) - 1):
            altered = sealed[:position] + bytes([sealed[position] ^ 1]) + sealed[position + 1 :]
            self.report.raises(f"{self.name} envelope altered at {position}", envelope.EnvelopeRejected,
                               envelope.open_envelope, *place, altered)

    def check_header(self, record_keys: keys.RecordKeys) -> None:
        fields, kdf = self.fields, self.fields["kdf"]
        built = messages.RecordHeader(
            version=1, set_id=fields["set_id"], account_id=self.account, record_id=self.record_id,
            generation=fields["generation"], created_unix_ms=fields["created_unix_ms"],
            threshold=fields["threshold"], max_attempts=fields["max_attempts"],
            participants=[messages.Participant(node_id=p["node_id"], index=p["index"])
                          for p in fields["participants"]],
            kdf=messages.KdfParameters(**{**kdf, "salt": bytes.fromhex(kdf["salt"])}),
            commitment=record_keys.commitment, owner_public_key=record_keys.owner.public_bytes,
            confirm_public_key=record_keys.confirm.public_bytes, envelope_digest=sha256(self.bytes("envelope")))
        data = built.encode()
        self.equal("header", data)
        self.equal("header_hash", sha256(data))
        self.report.equal(f"{self.name} parsed header", header.parse(data).encode(), fields["header"])
        for name, altered in malleated(data):
            self.report.raises(f"{self.name} header {name}", header.HeaderRejected, header.parse, altered)
        for position in range(len(data)):
            altered = data[:position] + u8(data[position] ^ 1 << position % 8) + data[position + 1 :]
            self.report.true(f"{self.name} header bit flipped in byte {position}", refused_or_same(altered))

    def check_shares(self) -> dict:
        fields, secret = self.fields, self.bytes("recovery_key")
        indexes = [p["index"] for p in fields["participants"]]
        shares = shamir.split(secret, fields["threshold"], indexes, self.bytes("shamir_coefficients"))
        for subset in itertools.combinations(indexes, fields["threshold"]):
            combined = shamir.interpolate({index: shares[index] for index in subset})
            self.report.equal(f"{self.name} combined {subset}", combined, fields["recovery_key"])
        fewer = {index: shares[index] for index in indexes[: fields["threshold"] - 1]}
        self.report.true(f"{self.name} t-1 shares do not combine", shamir.interpolate(fewer) != secret)
        fresh = shamir.split(secret, fields["threshold"], indexes)
        combined = shamir.interpolate({i: fresh[i] for i in indexes[-fields["threshold"] :]})
        self.report.equal(f"{self.name} combined fresh", combined, fields["recovery_key"])
        return shares


def refused_or_same(data: bytes) -> bool:
    """Whether a header is refused, or means exactly the bytes that it came as."""
    try:
        return header.parse(data).encode() == data
    except header.HeaderRejected:
        return True


def malleated(data: bytes):
    """Other bytes that a lax decoder reads as the same header."""
    yield "with an unknown field", data + b"\x78\x01"
    yield "with a field twice", data + data[:2]
    yield "with a long varint", b"\x08\x81\x00" + data[2:]
    yield "with a default value written out", data[:2] + b"\x30\x00" + data[2:]
    yield "cut short", data[:-1]


class ParticipantCase:
    """One node's part of a record."""

    def __init__(self, case: Case, fields: dict):
        self.case, self.fields, self.name = case, fields, f"{case.name} {fields['node_id']}"

    def bytes(self, name: str) -> bytes:
        return bytes.fromhex(self.fields[name])

    def equal(self, name: str, actual) -> None:
        self.case.report.equal(f"{self.name} {name}", actual, self.fields[name])

    def check(self, stretched: bytes, share: bytes, record_keys: keys.RecordKeys) -> None:
        mask = self.check_oprf(stretched)
        self.equal("share", share)
        self.equal("masked_share", oprf.xor(share, mask))
        deposit = self.case.bytes("header_hash") + sha256(self.bytes("masked_share"))
        self.check_signature("deposit", record_keys.owner, deposit)
        confirm = self.bytes("attempt_id") + u64(self.fields["sequence"])
        self.check_signature("confirm", record_keys.confirm, confirm)

    def check_oprf(self, stretched: bytes) -> bytes:
        case = self.case
        input_bytes = oprf.oprf_input(case.account, case.record_id, self.fields["node_id"], stretched)
        self.equal("oprf_input", input_bytes)
        blinding = oprf.Blinding(input_bytes, int(self.fields["blind"], 16))
        self.equal("hashed_point_x", blinding.point[0].to_bytes(32, "big"))
        self.equal("blinded", blinding.blinded)
        evaluated = p256.multiply_x(int(self.fields["node_key"], 16), p256.lift_x(blinding.blinded))
        self.equal("evaluated", evaluated)
        self.equal("unblinded", blinding.unblind(evaluated))
        mask = blinding.mask(evaluated)
        self.equal("mask", mask)
        again = oprf.Blinding(input_bytes)
        evaluated = p256.multiply_x(int(self.fields["node_key"], 16), p256.lift_x(again.blinded))
        self.equal("mask", again.mask(evaluated))
        return mask

    def check_signature(self, purpose: str, key: keys.SigningKey, body: bytes) -> None:
        """The given signature verifies, ours does, and either fails for another node, purpose or bit."""
        case, node_id = self.case, self.fields["node_id"]
        message = keys.signed_message(purpose, node_id, case.account, case.record_id, body)
        self.equal(f"{purpose}_message", message)
        given, public = self.bytes(f"{purpose}_signature"), key.public_bytes
        check = case.report.true
        check(f"{self.name} {purpose}_signature", keys.verify(public, message, given))
        check(f"{self.name} own {purpose} signature", keys.verify(public, message, key.sign(message)))
        other = keys.signed_message("delete", node_id, case.account, case.record_id, body)
        check(f"{self.name} {purpose} for another purpose", not keys.verify(public, other, given))
        check(f"{self.name} {purpose} altered", not keys.verify(public, message, given[:-1] + u8(given[-1] ^ 1)))


def main(arguments) -> int:
    path = Path(arguments[0]) if arguments else DEFAULT
    try:
        vectors = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        print(f"check_vectors: cannot read {path}: {error}", file=sys.stderr)
        return 2
    report = Report()
    check_curve(report, vectors)
    for fields in vectors["cases"]:
        Case(report, fields).check()
    print(f"{report.checks} checks over {len(vectors['cases'])} records, {report.failures} mismatches")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
