"""As much of the protobuf encoding as the messages of section 12 need.

Encoding is canonical: fields in the order of their numbers, default values left out, varints as
short as they go. Decoding takes what any protobuf decoder takes, and remembers which unknown
fields it saw.
"""

import re
from typing import Dict, List, NamedTuple, Optional, Set, Tuple, Type

_DECLARATION = re.compile(r"(repeated )?(\w+) (\w+) = (\d+);")
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5


class Malformed(ValueError):
    """The bytes are not a protobuf message of this type."""


class Field(NamedTuple):
    """One field of a message, as declared in section 12."""

    number: int
    name: str
    kind: str
    repeated: bool
    message: Optional[Type["Message"]]

    @property
    def wire_type(self) -> int:
        return _LENGTH if self.message or self.kind in ("bytes", "string") else _VARINT

    def default(self):
        if self.repeated:
            return []
        return None if self.message else {"bytes": b"", "string": ""}.get(self.kind, 0)


class Message:
    """Base of the messages; `declare` makes one from the text of section 12."""

    FIELDS: Tuple[Field, ...] = ()

    def __init__(self, **values):
        for field in self.FIELDS:
            setattr(self, field.name, values.pop(field.name, field.default()))
        if values:
            raise TypeError(f"{type(self).__name__} has no field {sorted(values)}")
        self.unknown: Set[int] = set()

    def encode(self) -> bytes:
        """The canonical bytes, without unknown fields."""
        output = b""
        for field in self.FIELDS:
            value = getattr(self, field.name)
            for item in value if field.repeated else [value]:
                if field.repeated or item != field.default():
                    output += _encode_varint(field.number << 3 | field.wire_type) + _encode_value(field, item)
        return output

    @classmethod
    def decode(cls, data: bytes):
        """Parses a message; raises Malformed."""
        message = cls()
        message._merge(data)
        return message

    def _merge(self, data: bytes) -> None:
        known: Dict[int, Field] = {field.number: field for field in self.FIELDS}
        position = 0
        while position < len(data):
            tag, position = _decode_varint(data, position)
            number, wire_type = tag >> 3, tag & 7
            if not 0 < number < 1 << 29:
                raise Malformed(f"field number {number}")
            value, position = _decode_value(data, position, wire_type)
            field = known.get(number)
            if field is None or field.wire_type != wire_type:
                self.unknown.add(number)
            else:
                self._store(field, value)

    def _store(self, field: Field, raw) -> None:
        if field.repeated:
            getattr(self, field.name).append(_interpret(field, raw))
        elif field.message and getattr(self, field.name) is not None:
            getattr(self, field.name)._merge(raw)
        else:
            setattr(self, field.name, _interpret(field, raw))


def declare(name: str, declarations: str, **messages: Type[Message]) -> Type[Message]:
    """A message class from its lines in section 12; `messages` are the types that it names."""
    fields: List[Field] = []
    for repeated, kind, field_name, number in _DECLARATION.findall(declarations):
        fields.append(Field(int(number), field_name, kind, bool(repeated), messages.get(kind)))
    return type(name, (Message,), {"FIELDS": tuple(sorted(fields))})


def _encode_varint(value: int) -> bytes:
    output = bytearray()
    while value >= 0x80:
        output.append(value & 0x7F | 0x80)
        value >>= 7
    output.append(value)
    return bytes(output)


def _encode_value(field: Field, value) -> bytes:
    if field.wire_type == _VARINT:
        return _encode_varint(value % (1 << 64))
    if field.message:
        value = value.encode()
    elif field.kind == "string":
        value = value.encode("utf-8")
    return _encode_varint(len(value)) + value


def _decode_varint(data: bytes, position: int) -> Tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise Malformed("the message ends inside a number")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value % (1 << 64), position
    raise Malformed("a number of more than ten bytes")


def _decode_value(data: bytes, position: int, wire_type: int):
    if wire_type == _VARINT:
        return _decode_varint(data, position)
    if wire_type == _LENGTH:
        length, position = _decode_varint(data, position)
    else:
        length = {_FIXED64: 8, _FIXED32: 4}.get(wire_type, -1)
    if length < 0:
        raise Malformed(f"wire type {wire_type}")
    if length > len(data) - position:
        raise Malformed("the message ends inside a field")
    return data[position : position + length], position + length


def _interpret(field: Field, raw):
    if field.message:
        return field.message.decode(raw)
    if field.kind == "string":
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed(f"{field.name} is not UTF-8") from error
    if field.kind == "uint32":
        return raw % (1 << 32)
    if field.kind in ("int32", "int64"):
        return raw - (1 << 64) if raw >= 1 << 63 else raw
    return raw
