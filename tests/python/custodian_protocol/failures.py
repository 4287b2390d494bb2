"""How an enrolment or a recovery fails."""

from typing import Dict


class CustodyError(Exception):
    """An operation that did not succeed; `nodes` says what each node did about it."""

    def __init__(self, message: str, nodes: Dict[str, Exception] = {}):
        super().__init__(message)
        self.nodes = {node: str(error) or type(error).__name__ for node, error in nodes.items()}


class NoRecord(CustodyError):
    """The account has no record at the nodes."""


class RecordExists(CustodyError):
    """The account has a record, and its owner key is needed to replace it."""


class TooFewNodes(CustodyError):
    """Fewer nodes answered well than the threshold."""


class Locked(CustodyError):
    """Fewer than t nodes would take an attempt now; nothing was sent."""

    def __init__(self, message: str, retry_after_ms: int):
        super().__init__(message)
        self.retry_after_ms = retry_after_ms


class WrongSecret(CustodyError):
    """No t answers combined. `certain` is False when a faulty node could be the reason as well."""

    def __init__(self, attempts_left: int, certain: bool, nodes: Dict[str, Exception]):
        doubt = "" if certain else ", or a node is faulty"
        super().__init__(f"the secret is wrong{doubt}; {attempts_left} attempts left", nodes)
        self.attempts_left, self.certain = attempts_left, certain
