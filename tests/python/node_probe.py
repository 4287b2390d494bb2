#!/usr/bin/python3
"""Checks one running node through an independent gRPC client: a value, a refusal, a deadline, bytes that do not parse.

Each subcommand makes one call and prints what came of it as one JSON object. Exit status: 0 when the
outcome is of the kind asked for, 1 when it is another, 2 for wrong usage.

    node_probe.py --address https://127.0.0.1:8443 --ca ca.pem --set-id S --token FILE value
    node_probe.py ... [--bad-token TEXT] refusal         # without --token and --bad-token: no token at all
    node_probe.py ... deadline [--method Evaluate] [--timeout 0.000001]
    node_probe.py ... invalid [--method Deposit] [--bytes HEX]
"""

import argparse
import json
import os
import secrets
import sys
from pathlib import Path
from typing import Optional, Tuple

os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from custodian_protocol.encoding import sha256
from custodian_protocol.messages import RESPONSES, DescribeRequest, EvaluateRequest
from custodian_protocol.p256 import hash_to_curve
from custodian_protocol.rpc import Refusal, open_channel, unary

GARBAGE = "0a7fff"  # a field of 127 bytes of which one is there


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="node_probe.py", description=__doc__.splitlines()[0])
    top.add_argument("--address", required=True, help="https://host:port")
    top.add_argument("--ca", required=True, type=Path, help="PEM roots of the node's certificate")
    top.add_argument("--server-name", help="the name to look for in the node's certificate")
    top.add_argument("--set-id", default="probe")
    top.add_argument("--token", type=Path, help="a file with the access token for this node")
    top.add_argument("--bad-token", help="the text of a token to send instead")
    commands = top.add_subparsers(dest="command", required=True)
    commands.add_parser("value", help="Describe, and the node_id in the answer")
    commands.add_parser("refusal", help="Describe, and the refusal with its details")
    deadline = commands.add_parser("deadline", help="a call that runs out of time")
    deadline.add_argument("--method", choices=["Describe", "Evaluate"], default="Describe")
    deadline.add_argument("--timeout", type=float, default=0.000001, help="seconds; default 0.000001")
    invalid = commands.add_parser("invalid", help="bytes that are no message")
    invalid.add_argument("--method", choices=sorted(RESPONSES), default="Describe")
    invalid.add_argument("--bytes", type=bytes.fromhex, default=bytes.fromhex(GARBAGE), help="hex")
    return top


def call(options, method: str, request: bytes, timeout_s: float = 10.0) -> bytes:
    """One call with the token of the command line, if there is one; raises Refusal."""
    token: Optional[str] = options.bad_token
    if token is None and options.token:
        token = options.token.read_text("ascii").strip()
    channel = open_channel(options.address, options.ca.read_bytes(), options.server_name)
    try:
        return unary(channel, method, request, token, timeout_s)
    finally:
        channel.close()


def request_for(method: str, set_id: str) -> bytes:
    """A request that is well formed, whatever the node then thinks of it."""
    if method == "Describe":
        return DescribeRequest(set_id=set_id).encode()
    point = hash_to_curve(secrets.token_bytes(16), b"custodian probe")
    return EvaluateRequest(record_id=sha256(b"probe")[:16], attempt_id=secrets.token_bytes(16),
                           blinded=point[0].to_bytes(32, "big"), set_id=set_id).encode()


def outcome(options, method: str, request: bytes, timeout_s: float = 10.0) -> dict:
    """What came of a call: status OK with the answer's fields, or the refusal's."""
    try:
        answer = RESPONSES[method].decode(call(options, method, request, timeout_s))
    except Refusal as refusal:
        return {"status": refusal.status, "reason": refusal.reason, "domain": refusal.domain,
                "metadata": refusal.metadata, "request_id": refusal.request_id,
                "retry_after_ms": refusal.retry_after_ms, "message": refusal.detail}
    fields = {"status": "OK"}
    if method == "Describe":
        fields.update(node_id=answer.node_id, set_id=answer.set_id, records=len(answer.records))
    return fields


def run(options) -> Tuple[dict, bool]:
    """The outcome, and whether it is of the kind asked for."""
    if options.command == "value":
        result = outcome(options, "Describe", request_for("Describe", options.set_id))
        return result, result["status"] == "OK"
    if options.command == "refusal":
        result = outcome(options, "Describe", request_for("Describe", options.set_id))
        return result, result["status"] != "OK" and bool(result["reason"])
    if options.command == "deadline":
        request = request_for(options.method, options.set_id)
        result = outcome(options, options.method, request, options.timeout)
        return result, result["status"] == "DEADLINE_EXCEEDED"
    result = outcome(options, options.method, options.bytes)
    return result, (result["status"], result.get("reason")) == ("INVALID_ARGUMENT", "INVALID_REQUEST")


def main() -> int:
    options = parser().parse_args()
    try:
        result, expected = run(options)
    except (OSError, ValueError) as error:
        print(f"node_probe: {error}", file=sys.stderr)
        return 2
    print(json.dumps(result))
    return 0 if expected else 1


if __name__ == "__main__":
    sys.exit(main())
