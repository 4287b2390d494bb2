#!/usr/bin/python3
"""Commands over the independent client: enroll, recover, describe.

JSON about what happened goes to standard output, messages to standard error, never the secret or
the key. Exit status: 0 done, 2 wrong usage, 3 wrong secret, 4 anything else.
"""

import argparse
import base64
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Callable, Dict, Optional, Tuple

os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from custodian_client import CustodianClient, CustodianSet, CustodyError, Enrolled, Recovered, load_set
from custodian_protocol.choosing import Shown, held_records, order_to_try
from custodian_protocol.envelope import EnvelopeRejected
from custodian_protocol.failures import Locked, WrongSecret
from custodian_protocol.messages import STATE_NAMES
from custodian_protocol.sets import SetRejected
from custodian_protocol.stretching import SecretRefused

DONE, USAGE, WRONG_SECRET, FAILED = 0, 2, 3, 4


class Usage(Exception):
    """The command line, or a file that it names, is not right."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="custodian_cli.py", description=__doc__.splitlines()[0])
    top.add_argument("--set", required=True, type=Path, help="the set of custodians, JSON")
    top.add_argument("--tokens", required=True,
                     help="a folder with a {node_id}.jwt for each node, or a file pattern with {node_id} in it")
    top.add_argument("--ca", type=Path, help="PEM roots for nodes without a ca_file or pins")
    top.add_argument("--issuer", help="default: iss of the first token")
    top.add_argument("--subject", help="default: sub of the first token")
    top.add_argument("--server-name", help="the name to look for in the nodes' certificates")
    top.add_argument("--timeout", type=float, default=10.0, help="seconds for one call; default 10")
    commands = top.add_subparsers(dest="command", required=True)
    enroll = commands.add_parser("enroll", help="store a key under a secret")
    enroll.add_argument("--secret-stdin", action="store_true", required=True)
    enroll.add_argument("--key-file", type=Path, required=True)
    enroll.add_argument("--label", default="")
    enroll.add_argument("--content-type", default="application/octet-stream")
    enroll.add_argument("--max-attempts", type=int, default=10)
    enroll.add_argument("--allow-missing", action="store_true", help="go on when at least t+1 nodes have stored it")
    enroll.add_argument("--old-secret-file", type=Path, help="recover with this first, and replace that record")
    recover = commands.add_parser("recover", help="get the key back")
    recover.add_argument("--secret-stdin", action="store_true", required=True)
    recover.add_argument("--out", type=Path, required=True)
    recover.add_argument("--force", action="store_true", help="overwrite --out")
    commands.add_parser("describe", help="what the nodes hold")
    return top


def token_source(tokens: str) -> Callable[[str], str]:
    """Reads a node's token from the folder or pattern, anew for every call."""
    pattern = tokens if "{node_id}" in tokens else str(Path(tokens) / "{node_id}.jwt")
    return lambda node_id: Path(pattern.replace("{node_id}", node_id)).read_text("ascii").strip()


def account_of(options, custodians: CustodianSet, token: Callable[[str], str]) -> Tuple[str, str]:
    """Issuer and subject: as given, or as the first readable token says; the nodes verify it, we need not."""
    if options.issuer and options.subject:
        return options.issuer, options.subject
    for node_id in custodians.nodes:
        try:
            payload = token(node_id).split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            return options.issuer or claims["iss"], options.subject or claims["sub"]
        except (OSError, ValueError, IndexError, KeyError):
            continue
    raise Usage("no token names an issuer and subject: give --issuer and --subject")


def read_secret(data: bytes) -> str:
    """A secret without the line end that a shell adds."""
    try:
        return data.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise Usage("the secret is not UTF-8") from None


def read_named(path: Path) -> bytes:
    """A file of the command line."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Usage(f"cannot read {path}: {error.strerror}") from None


def write_new(path: Path, data: bytes, force: bool) -> None:
    """Writes a file of mode 0600 whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        if force:
            os.replace(temporary, path)
        else:
            os.link(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def reasons(errors: Dict[str, Exception]) -> Dict[str, str]:
    return {node: str(error) or type(error).__name__ for node, error in errors.items()}


def enroll(client: CustodianClient, options) -> dict:
    """Stores the key; with an old secret, in place of the record that it recovers."""
    key, secret = read_named(options.key_file), read_secret(sys.stdin.buffer.read())
    former: Optional[Recovered] = None
    if options.old_secret_file:
        former = client.recover(read_secret(read_named(options.old_secret_file)))
        former.aftermath.result()
    enrolled: Enrolled = client.enrol(secret, key, options.content_type, options.label, former,
                                      options.allow_missing, options.max_attempts)
    return {"record_id": enrolled.record_id.hex(), "generation": enrolled.generation,
            "activated": enrolled.activated, "retired": enrolled.retired, "deleted": enrolled.deleted,
            "failed": reasons(enrolled.failed)}


def recover(client: CustodianClient, options) -> dict:
    """Writes the key as soon as it is there, then waits for the Confirms."""
    if options.out.exists() and not options.force:
        raise Usage(f"{options.out} exists: --force overwrites it")
    recovered = client.recover(read_secret(sys.stdin.buffer.read()))
    write_new(options.out, recovered.payload.secret, options.force)
    after = recovered.aftermath.result()
    header = recovered.held.header
    return {"record_id": header.record_id.hex(), "generation": header.generation,
            "content_type": recovered.payload.content_type, "label": recovered.payload.label,
            "confirmed": after.confirmed, "retired": after.retired, "failed": reasons(after.failed),
            "foreign_attempts": after.foreign_attempts}


def describe(client: CustodianClient, _options) -> dict:
    """What every node shows, and the record that a recovery would use."""
    view = client.describe()
    order = order_to_try(held_records(view))
    return {"set_id": client.custodians.set_id, "account_id": client.account.hex(),
            "record_id": order[0].header.record_id.hex() if order else None,
            "held": [held.header.record_id.hex() for held in order],
            "nodes": {node: [_status(s) for s in shown] for node, shown in view.shown.items()},
            "failed": reasons(view.failed)}


def _status(shown: Shown) -> dict:
    status = shown.status
    fields = {"record_id": shown.record_id.hex(), "generation": shown.generation,
              "state": STATE_NAMES[status.state]}
    if shown.header:
        fields.update(threshold=shown.header.threshold, participants=len(shown.header.participants),
                      attempts_used=status.attempts_used, attempts_remaining=status.attempts_remaining,
                      retry_after_ms=status.retry_after_ms)
    return fields


def run(options) -> dict:
    """Makes the client and runs the command; the result goes to standard output."""
    custodians, token = load_set(options.set, options.ca), token_source(options.tokens)
    issuer, subject = account_of(options, custodians, token)
    client = CustodianClient(custodians, issuer, subject, token, options.server_name, options.timeout)
    try:
        return {"enroll": enroll, "recover": recover, "describe": describe}[options.command](client, options)
    finally:
        client.close()


def fail(status: int, error: Exception, **details) -> int:
    """Reports an error on both streams."""
    print(f"custodian_cli: {error}", file=sys.stderr)
    nodes = getattr(error, "nodes", {})
    for node, reason in nodes.items():
        print(f"custodian_cli: {node}: {reason}", file=sys.stderr)
    print(json.dumps({"error": type(error).__name__, "message": str(error), "failed": nodes, **details}))
    return status


def main() -> int:
    options = parser().parse_args()
    try:
        print(json.dumps(run(options)))
        return DONE
    except WrongSecret as error:
        return fail(WRONG_SECRET, error, attempts_left=error.attempts_left, certain=error.certain)
    except Locked as error:
        return fail(FAILED, error, retry_after_ms=error.retry_after_ms)
    except (Usage, SetRejected, SecretRefused) as error:
        return fail(USAGE, error)
    except (CustodyError, EnvelopeRejected, OSError) as error:
        return fail(FAILED, error)


if __name__ == "__main__":
    sys.exit(main())
