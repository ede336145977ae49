"""The native protocol by hand, from docs/reference/protocol.md: frames, the messages that tests send, what comes back."""
import socket
import struct
import zlib

HEADER = 14
REQUEST, RESPONSE, PUSH = 0, 1, 2


def u(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def text(value):
    value = value if isinstance(value, bytes) else value.encode()
    return u(len(value)) + value


def frame(payload):
    return struct.pack(">IHII", 0x56444220, 5, len(payload), zlib.crc32(payload)) + payload


def parameter(value):
    if value is None:
        return b"\0"
    return b"\1" + u(value << 1 if value >= 0 else ~(value << 1)) if isinstance(value, int) else b"\2" + text(value)


class Reader:
    def __init__(self, payload):
        self.payload, self.at = payload, 0

    def u(self):
        value = shift = 0
        while True:
            byte = self.payload[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def i(self):
        value = self.u()
        return (value >> 1) ^ -(value & 1)

    def bytes(self):
        length = self.u()
        self.at += length
        return self.payload[self.at - length:self.at]

    def value(self):
        tag = self.u()
        return (None if tag == 0 else self.i() if tag in (1, 4) else self.bytes().decode() if tag == 2
                else bool(self.u()))


class Message:
    """A response or a push: direction, request (its id), variant, and a reader that stands before its fields."""

    def __init__(self, payload):
        self.reader = Reader(payload)
        self.direction = self.reader.u()
        self.request = self.reader.u() if self.direction == RESPONSE else None
        self.variant = self.reader.u()

    def error(self):
        """(code, text) of an Error."""
        return self.reader.u(), self.reader.bytes().decode()

    def rows(self):
        columns = [self.reader.bytes().decode() for _ in range(self.reader.u())]
        return columns, [[self.reader.value() for _ in range(self.reader.u())] for _ in range(self.reader.u())]


class Client:
    """One connection, of one tenant."""

    def __init__(self, port, tenant=1, seconds=20):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self.tenant, self.last, self.received, self.key = tenant, 0, b"", None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def request(self, variant, fields=b""):
        """The frame of a request; its id is self.last, its idempotency key self.key."""
        self.last += 1
        audit = b"\0" if self.key is None else b"\1\0\0\0\1" + text(self.key)
        return frame(u(REQUEST) + u(self.last) + u(self.tenant) + audit + u(variant) + fields)

    def send(self, bytes_):
        self.socket.sendall(bytes_)

    def next(self):
        """The next message; None: the server has closed."""
        while True:
            if len(self.received) >= HEADER:
                magic, version, length, checksum = struct.unpack_from(">IHII", self.received)
                assert (magic, version) == (0x56444220, 5)
                if len(self.received) >= HEADER + length:
                    payload = self.received[HEADER:HEADER + length]
                    self.received = self.received[HEADER + length:]
                    assert zlib.crc32(payload) == checksum
                    return Message(payload)
            more = self.socket.recv(1 << 20)
            if not more:
                assert not self.received, "the server closed within a frame"
                return None
            self.received += more

    def ask(self, variant, fields=b""):
        self.send(self.request(variant, fields))
        message = self.next()
        while message is not None and message.direction == PUSH:
            message = self.next()
        assert message is not None and message.request == self.last
        return message

    # --- requests ---

    def query_frame(self, sql, *parameters):
        return self.request(3, text(sql) + u(len(parameters)) + b"".join(parameter(one) for one in parameters) + b"\0")

    def query(self, sql, *parameters):
        self.send(self.query_frame(sql, *parameters))
        message = self.next()
        assert message.variant == 4, message.error()
        return message.rows()[1]

    def create_stream(self, name):
        message = self.ask(1, text(name) + u(7) + u(1))
        assert message.variant == 2, message.error()
        return message.reader.u()

    def append_frame(self, stream, events, expected):
        return self.request(2, u(stream) + u(len(events)) + b"".join(text(one) for one in events) + u(expected))

    def read(self, stream, offset=0, size=1 << 24):
        message = self.ask(5, u(stream) + u(offset) + u(size))
        assert message.variant == 6, message.error()
        return [message.reader.bytes() for _ in range(message.reader.u())]

    def length(self, stream):
        message = self.ask(6, u(stream))
        assert message.variant == 7, message.error()
        return message.reader.u()

    def subscribe(self, stream, offset, credits):
        message = self.ask(7, u(stream) + u(offset) + u(credits) + b"\0")
        assert message.variant == 8, message.error()
        return message.reader.u()
