"""Calls to nodes over gRPC with raw bytes, and refusals decoded: sections 12 and 13."""

import base64
import hashlib
import itertools
import random
import socket
import ssl
import time
from typing import Callable, Optional
from urllib.parse import urlsplit

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .messages import RESPONSES, ErrorInfo, RequestInfo, RetryInfo, Status
from .protobuf import Malformed, Message

SERVICE = "/custodian.v1.Custody/"
_RESENDS = {"UNAVAILABLE": 2, "RESOURCE_EXHAUSTED": 2, "DEADLINE_EXCEEDED": 1}
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 5.0


class Faulty(Exception):
    """The node's answer fails a check of section 6, 9, 10 or 12: it is reported and left out."""


class Refusal(Exception):
    """A call that ended in a gRPC status other than OK, with what section 13 says about it."""

    def __init__(self, error: grpc.RpcError):
        self.status: str = error.code().name
        self.reason = self.domain = ""
        self.metadata: dict = {}
        self.retry_after_ms: Optional[int] = None
        self.request_id: Optional[str] = None
        self.detail: str = error.details() or ""
        for key, value in error.trailing_metadata() or ():
            self._read_trailer(key, value)
        super().__init__(f"{self.status} {self.reason}".strip() + (f": {self.detail}" if self.detail else ""))

    def _read_trailer(self, key: str, value) -> None:
        if key == "grpc-status-details-bin":
            try:
                for detail in Status.decode(value).details:
                    self._read_detail(detail.type_url.rpartition("/")[2], detail.value)
            except Malformed:
                self.detail += " (its details do not parse)"
        elif "request-id" in key:
            self.request_id = value

    def _read_detail(self, name: str, value: bytes) -> None:
        if name == "google.rpc.ErrorInfo":
            info = ErrorInfo.decode(value)
            self.reason, self.domain = info.reason, info.domain
            self.metadata = {entry.key: entry.value for entry in info.metadata}
            self.request_id = self.metadata.get("request_id", self.request_id)
        elif name == "google.rpc.RetryInfo":
            delay = RetryInfo.decode(value).retry_delay
            self.retry_after_ms = delay.seconds * 1000 + delay.nanos // 1_000_000 if delay else 0
        elif name == "google.rpc.RequestInfo":
            self.request_id = RequestInfo.decode(value).request_id


def unary(channel: grpc.Channel, method: str, request: bytes, token: Optional[str], timeout_s: float) -> bytes:
    """One call with bytes in and out; raises Refusal."""
    metadata = [("authorization", f"Bearer {token}")] if token is not None else []
    try:
        return channel.unary_unary(SERVICE + method)(request, timeout=timeout_s, metadata=metadata)
    except grpc.RpcError as error:
        raise Refusal(error) from None


def open_channel(address: str, root_certificates: Optional[bytes], server_name: Optional[str] = None) -> grpc.Channel:
    """A TLS channel to "https://host:port"."""
    options = [("grpc.enable_http_proxy", 0), ("grpc.initial_reconnect_backoff_ms", 200)]
    if server_name:
        options.append(("grpc.ssl_target_name_override", server_name))
    credentials = grpc.ssl_channel_credentials(root_certificates=root_certificates)
    return grpc.secure_channel(target(address), credentials, options=options)


def target(address: str) -> str:
    """The host:port of an address; raises ValueError."""
    parts = urlsplit(address)
    if parts.scheme != "https" or not parts.hostname or not parts.port:
        raise ValueError(f"an address is https://host:port, not {address!r}")
    return parts.netloc


def pinned_certificate(address: str, pins, timeout_s: float) -> bytes:
    """The certificate of a node whose public key's SHA-256 is among the pins (base64), as PEM.

    It then serves as the only root of the channel, so that the channel trusts this key alone.
    """
    parts = urlsplit(address)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((parts.hostname, parts.port), timeout_s) as plain:
        with context.wrap_socket(plain, server_hostname=parts.hostname) as connection:
            der = connection.getpeercert(binary_form=True)
    public_key = x509.load_der_x509_certificate(der).public_key()
    spki = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if hashlib.sha256(spki).digest() not in [base64.b64decode(pin) for pin in pins]:
        raise Faulty("the node's certificate has a key that the set does not pin")
    return ssl.DER_cert_to_PEM_cert(der).encode()


class Connection:
    """The calls to one node: a token with each, and the same bytes again after a lost reply."""

    def __init__(self, channel: Callable[[], grpc.Channel], token: Callable[[], str], timeout_s: float):
        self._open, self._token, self._timeout_s = channel, token, timeout_s
        self._channel: Optional[grpc.Channel] = None

    def call(self, method: str, request: Message):
        """The parsed response; resends what timed out (section 14); raises Refusal, Faulty or OSError."""
        self._channel = self._channel or self._open()
        data = request.encode()
        for resend in itertools.count():
            try:
                answer = unary(self._channel, method, data, self._token(), self._timeout_s)
                return RESPONSES[method].decode(answer)
            except Malformed as error:
                raise Faulty(f"its {method} response does not parse: {error}") from error
            except Refusal as refusal:
                if resend >= _RESENDS.get(refusal.status, 0):
                    raise
                time.sleep(_wait_s(refusal, resend))

    def close(self) -> None:
        if self._channel:
            self._channel.close()


def _wait_s(refusal: Refusal, resend: int) -> float:
    asked = (refusal.retry_after_ms or 0) / 1000
    return min(max(asked, _FIRST_WAIT_S * 2**resend * random.uniform(0.5, 1)), _LONGEST_WAIT_S)
