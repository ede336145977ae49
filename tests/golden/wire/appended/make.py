#!/usr/bin/env python3
"""Makes the golden frames of the appended messages, from docs/reference/protocol.md alone.

    tests/golden/wire/appended/make.py      writes the *.jsonl beside it, in the form of the published vectors

A codec of its own, in another language than the one that it tests. The frames are frozen: run it again only to add to
them.
"""

import json
import struct
import zlib
from pathlib import Path

OUT = Path(__file__).resolve().parent


def u(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def i(value):
    return u(~(value << 1) if value < 0 else value << 1)


def raw(value):
    return u(len(value)) + value


def text(value):
    return raw(value.encode())


def flag(value):
    return bytes([value])


def opt(kind, value):
    return b"\0" if value is None else b"\1" + kind(value)


def vec(kind, values):
    return u(len(values)) + b"".join(kind(value) for value in values)


def hexed(value):
    return raw(bytes.fromhex(value))


def real(bits):
    return struct.pack("<Q", int(bits, 16))


def stamp(value):
    return i(value["micros"]) + u(value["nanos"])


def interval(value):
    return i(value["months"]) + i(value["days"]) + i(value["micros"])


def members(*kinds):
    """An enum: its members in order, as name or (name, kind of content)."""
    names = [kind if isinstance(kind, str) else kind[0] for kind in kinds]
    contents = [None if isinstance(kind, str) else kind[1] for kind in kinds]

    def encode(value):
        name = value if isinstance(value, str) else next(iter(value))
        number = names.index(name)
        return u(number) + (b"" if contents[number] is None else contents[number](value[name]))

    return encode


def fields(**kinds):
    return lambda value: b"".join(kind(value[name]) for name, kind in kinds.items())


typed = members("Null", ("Boolean", flag), ("Integer", i), ("Real", real), ("Decimal", text), ("Text", text),
                ("Bytes", hexed), ("Date", i), ("Time", i), ("Timestamp", stamp), ("TimestampUtc", stamp),
                ("Interval", interval), ("Uuid", hexed), ("Json", text), ("Other", text))
row = lambda cells: vec(typed, cells)
column = fields(name=text, type_oid=u, modifier=i, type_name=text)
moment = members("Present", ("Position", u), ("Time", i))
page = fields(rows_max=u, bytes_max=u)
data_class = members("PHI", "Deidentified", "PII", "Sensitive", "PCI", "Financial", "Confidential", "Public")
error_code = members(
    "Unknown", "InternalError", "InvalidRequest", "AuthenticationFailed", "TenantNotFound", "StreamNotFound",
    "TableNotFound", "QueryParseError", "QueryExecutionError", "PositionAhead")
error_detail = fields(code=error_code, sqlstate=text, name=text, message=text, detail=lambda v: opt(text, v),
                      hint=lambda v: opt(text, v), position=lambda v: opt(u, v))
none = fields()

REQUESTS = {
    "Run": (64, fields(sql=text, parameters=lambda v: vec(typed, v), at=moment, page=page)),
    "Prepare": (65, fields(statement=u, sql=text, parameter_types=lambda v: vec(u, v))),
    "Execute": (66, fields(statement=u, parameters=lambda v: vec(typed, v), at=moment, page=page)),
    "CloseStatement": (67, fields(statement=u)),
    "Fetch": (68, fields(cursor=u, page=page)),
    "CloseCursor": (69, fields(cursor=u)),
    "Begin": (70, fields(isolation=members("Default", "Snapshot", "Serializable"),
                         access=members("Default", "ReadWrite", "ReadOnly"))),
    "Commit": (71, none),
    "Rollback": (72, none),
    "Position": (73, none),
    "Prove": (74, fields(proof=members("Checkpoint", ("Inclusion", u), ("Consistency", u)))),
    "SessionKey": (75, none),
    "Cancel": (76, fields(connection=u, secret=hexed)),
    "Append": (77, fields(stream_id=u, events=lambda v: vec(hexed, v), expected_offset=lambda v: opt(u, v))),
    "ListStreams": (78, none),
    "Options": (79, fields(names=lambda v: vec(text, v))),
    "State": (80, none),
    "Compile": (81, fields(statement=u, sql=text, parameter_types=lambda v: vec(u, v), at=moment)),
    "Authenticate": (82, fields(user=text, mechanism=text, message=hexed, tenant_name=lambda v: opt(text, v))),
    "AuthenticateNext": (83, fields(message=hexed)),
    "FindTenant": (84, fields(name=text)),
    "ListTenants": (85, none),
    "Verifier": (86, fields(tenant_id=u)),
    "DatabaseInfo": (87, none),
    "StateHash": (88, none),
    "Checkpoint": (89, none),
    "CopyData": (90, fields(bytes=hexed)),
    "CopyEnd": (91, fields(failure=lambda v: opt(text, v))),
    "OpenAppender": (92, fields(appender=u, table=text)),
    "AppendRows": (93, fields(appender=u, rows=lambda v: vec(row, v), defaults=lambda v: vec(u, v), flush=flag)),
    "CloseAppender": (94, fields(appender=u)),
}
RESPONSES = {
    "ErrorDetail": (64, error_detail),
    "Rows": (65, fields(columns=lambda v: vec(column, v), rows=lambda v: vec(row, v), cursor=lambda v: opt(u, v),
                        command=lambda v: opt(text, v), rows_affected=u, position=u)),
    "Prepared": (66, fields(statement=u, parameter_types=lambda v: vec(u, v), columns=lambda v: vec(column, v),
                            writes=flag)),
    "Closed": (67, none),
    "Transaction": (68, fields(state=members("None", "Open", "Failed"), position=u)),
    "Position": (69, fields(position=u, sequence=u, time_micros=i)),
    "Proof": (70, fields(text=text)),
    "SessionKey": (71, fields(connection=u, secret=hexed)),
    "Cancelled": (72, none),
    "Appended": (73, fields(first_offset=u, count=u, position=u)),
    "Streams": (74, fields(streams=lambda v: vec(fields(stream_id=u, name=text, data_class=data_class, length=u), v))),
    "Done": (75, none),
    "Compiled": (76, fields(statement=u, parameters=lambda v: vec(column, v), columns=lambda v: vec(column, v),
                            writes=flag, copy=members("None", "In", "Out"))),
    "Authenticating": (77, fields(message=hexed, done=flag, tenant_id=u)),
    "Tenants": (78, fields(tenants=lambda v: vec(fields(tenant_id=u, name=text, position=u, entries=u), v))),
    "Text": (79, fields(text=text)),
    "DatabaseInfo": (80, fields(uuid=text, encrypted=flag, key_on_same_filesystem=flag, clock_refused=flag, op=u,
                                log_bytes=u, store_bytes=u, cache_bytes=u, pinned_roots=u, pinned_oldest_op=u,
                                pinned_bytes=u, recovered_entries=u, cut_bytes=u, tenants=u)),
    "Appender": (81, fields(columns=lambda v: vec(fields(column=column, not_null=flag), v))),
    "ErrorFull": (82, fields(detail=error_detail, schema=lambda v: opt(text, v), table=lambda v: opt(text, v),
                             column=lambda v: opt(text, v), constraint=lambda v: opt(text, v), context=lambda v: opt(text, v))),
}

PUSHES = {"Notification": (64, fields(tenant_id=u, channel=text, payload=text, session=u)),
          "Setting": (65, fields(tenant_id=u, name=text, value=text)),
          "CopyOut": (66, fields(request_id=u, bytes=hexed)),
          "Notice": (67, fields(tenant_id=u, severity=text, sqlstate=text, message=text, detail=lambda v: opt(text, v),
                                hint=lambda v: opt(text, v)))}

U32, U64, I64 = (1 << 32) - 1, (1 << 64) - 1, (1 << 63) - 1
VALUES = [
    "Null", {"Boolean": True}, {"Boolean": False}, {"Integer": 0}, {"Integer": -I64 - 1}, {"Integer": I64},
    {"Real": "0x0000000000000000"}, {"Real": "0x3fb999999999999a"}, {"Real": "0x7ff8000000000000"},
    {"Decimal": "-12345678901234567890.50"}, {"Decimal": "NaN"}, {"Text": "été 🔒"}, {"Text": ""}, {"Bytes": "00ff"},
    {"Bytes": ""}, {"Date": -719528}, {"Time": 86400000000}, {"Timestamp": {"micros": -1, "nanos": 999}},
    {"TimestampUtc": {"micros": I64, "nanos": 0}}, {"Interval": {"months": -1, "days": 2, "micros": 3}},
    {"Uuid": "000102030405060708090a0b0c0d0e0f"}, {"Json": '{"a":1}'}, {"Other": "{1,2}"},
]
COLUMNS = [{"name": "id", "type_oid": 20, "modifier": -1, "type_name": "bigint"},
           {"name": "", "type_oid": U32, "modifier": 655366, "type_name": "numeric(10,2)"}]
NOW, BIG = {"rows_max": 0, "bytes_max": 0}, {"rows_max": U32, "bytes_max": U32}

REQUEST_CASES = [
    ("Run", [{"sql": "", "parameters": [], "at": "Present", "page": NOW},
             {"sql": "SELECT $1", "parameters": VALUES, "at": {"Position": U64}, "page": BIG},
             {"sql": "SELECT 1", "parameters": VALUES[:2], "at": {"Time": -1}, "page": NOW}]),
    ("Prepare", [{"statement": 0, "sql": "", "parameter_types": []},
                 {"statement": U32, "sql": "SELECT $1", "parameter_types": [0, 20, U32]}]),
    ("Execute", [{"statement": 7, "parameters": [value], "at": "Present", "page": NOW} for value in VALUES]),
    ("CloseStatement", [{"statement": 0}, {"statement": U32}]),
    ("Fetch", [{"cursor": 0, "page": NOW}, {"cursor": U64, "page": BIG}]),
    ("CloseCursor", [{"cursor": 300}]),
    ("Begin", [{"isolation": a, "access": b} for a in ("Default", "Snapshot", "Serializable")
               for b in ("Default", "ReadWrite", "ReadOnly")]),
    ("Commit", [{}]), ("Rollback", [{}]), ("Position", [{}]), ("SessionKey", [{}]), ("ListStreams", [{}]),
    ("Prove", [{"proof": "Checkpoint"}, {"proof": {"Inclusion": 1}}, {"proof": {"Consistency": U64}}]),
    ("Cancel", [{"connection": 1, "secret": "00" * 16}, {"connection": U64, "secret": ""}]),
    ("Append", [{"stream_id": 42 << 32 | 1, "events": [], "expected_offset": None},
                {"stream_id": U64, "events": ["", "00ff"], "expected_offset": U64}]),
    ("Options", [{"names": []}, {"names": ["errors", "settings"]}]), ("State", [{}]),
    ("Compile", [{"statement": 0, "sql": "", "parameter_types": [], "at": "Present"},
                 {"statement": U32, "sql": "COPY t FROM STDIN", "parameter_types": [0, 20, U32], "at": {"Time": -1}}]),
    ("Authenticate", [{"user": "", "mechanism": "", "message": "", "tenant_name": None},
                      {"user": "ada", "mechanism": "SCRAM-SHA-256", "message": "00ff", "tenant_name": "clinic"}]),
    ("AuthenticateNext", [{"message": ""}, {"message": "00ff"}]),
    ("FindTenant", [{"name": ""}, {"name": "été"}]), ("ListTenants", [{}]), ("Verifier", [{"tenant_id": U32}]),
    ("DatabaseInfo", [{}]), ("StateHash", [{}]), ("Checkpoint", [{}]),
    ("CopyData", [{"bytes": ""}, {"bytes": "31093209330a"}]), ("CopyEnd", [{"failure": None}, {"failure": "gone"}]),
    ("OpenAppender", [{"appender": U32, "table": "s.t"}]),
    ("AppendRows", [{"appender": 0, "rows": [], "defaults": [], "flush": True},
                    {"appender": U32, "rows": [VALUES, [], ["Null"]], "defaults": [0, U64], "flush": False}]),
    ("CloseAppender", [{"appender": 1}]),
]
RESPONSE_CASES = [
    ("ErrorDetail", [{"code": "Unknown", "sqlstate": "", "name": "", "message": "", "detail": None, "hint": None,
                      "position": None},
                     {"code": "QueryExecutionError", "sqlstate": "42703", "name": "UNDEFINED_COLUMN",
                      "message": 'column "x" does not exist', "detail": "d", "hint": "h", "position": U32}]),
    ("Rows", [{"columns": [], "rows": [], "cursor": None, "command": None, "rows_affected": 0, "position": 0},
              {"columns": COLUMNS, "rows": [VALUES, [], ["Null", "Null"]], "cursor": U64, "command": "SELECT 3",
               "rows_affected": U64, "position": U64}]),
    ("Prepared", [{"statement": 7, "parameter_types": [], "columns": [], "writes": False},
                  {"statement": U32, "parameter_types": [20, 0], "columns": COLUMNS, "writes": True}]),
    ("Closed", [{}]), ("Cancelled", [{}]),
    ("Transaction", [{"state": state, "position": 128} for state in ("None", "Open", "Failed")]),
    ("Position", [{"position": 0, "sequence": 0, "time_micros": 0},
                  {"position": U64, "sequence": U64, "time_micros": -I64 - 1}]),
    ("Proof", [{"text": "a\nb\n"}]),
    ("SessionKey", [{"connection": U64, "secret": "ff" * 16}]),
    ("Appended", [{"first_offset": 0, "count": 0, "position": 0}, {"first_offset": U64, "count": U32, "position": U64}]),
    ("Streams", [{"streams": []},
                 {"streams": [{"stream_id": 42 << 32 | 1, "name": "s", "data_class": "PHI", "length": U64},
                              {"stream_id": 0, "name": "", "data_class": "Public", "length": 0}]}]),
    ("Done", [{}]),
    ("Compiled", [{"statement": 0, "parameters": [], "columns": [], "writes": False, "copy": "None"},
                  {"statement": U32, "parameters": COLUMNS, "columns": COLUMNS, "writes": True, "copy": "In"},
                  {"statement": 1, "parameters": [], "columns": [], "writes": False, "copy": "Out"}]),
    ("Authenticating", [{"message": "", "done": False, "tenant_id": 0}, {"message": "00ff", "done": True, "tenant_id": U32}]),
    ("Tenants", [{"tenants": []}, {"tenants": [{"tenant_id": 1, "name": "", "position": 0, "entries": 0},
                                               {"tenant_id": U32, "name": "été", "position": U64, "entries": U64}]}]),
    ("Text", [{"text": ""}, {"text": "a\nb"}]),
    ("DatabaseInfo", [{"uuid": "00000000-0000-0000-0000-00000000002a", "encrypted": True, "key_on_same_filesystem": False,
                       "clock_refused": True, "op": 1, "log_bytes": 2, "store_bytes": 3, "cache_bytes": 4,
                       "pinned_roots": 5, "pinned_oldest_op": 6, "pinned_bytes": 7, "recovered_entries": 8,
                       "cut_bytes": U64, "tenants": U32}]),
    ("Appender", [{"columns": []}, {"columns": [{"column": COLUMNS[0], "not_null": True},
                                                {"column": COLUMNS[1], "not_null": False}]}]),
    ("ErrorFull", [{"detail": {"code": "Unknown", "sqlstate": "", "name": "", "message": "", "detail": None,
                               "hint": None, "position": None},
                    "schema": None, "table": None, "column": None, "constraint": None, "context": None},
                   {"detail": {"code": "QueryExecutionError", "sqlstate": "23514", "name": "CHECK_VIOLATION",
                               "message": "m", "detail": "d", "hint": "h", "position": 1},
                    "schema": "public", "table": "t", "column": "c", "constraint": "t_check", "context": "COPY t, line 1"}]),
]

PUSH_CASES = [
    ("Notification", [{"tenant_id": 0, "channel": "", "payload": "", "session": 0},
                      {"tenant_id": U32, "channel": "news", "payload": "été", "session": U64}]),
    ("Setting", [{"tenant_id": 0, "name": "", "value": ""},
                 {"tenant_id": U32, "name": "TimeZone", "value": "Europe/Berlin"}]),
    ("CopyOut", [{"request_id": 0, "bytes": ""}, {"request_id": U64, "bytes": "31093209330a"}]),
    ("Notice", [{"tenant_id": 0, "severity": "", "sqlstate": "", "message": "", "detail": None, "hint": None},
                {"tenant_id": U32, "severity": "WARNING", "sqlstate": "01000", "message": "été", "detail": "d", "hint": "h"}]),
]


def write(path, lines):
    path.write_text("".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines),
                    encoding="utf-8")


def frame(payload):
    return struct.pack(">IHII", 0x56444220, 5, len(payload), zlib.crc32(payload)) + payload


def good(direction, table, cases):
    lines = []
    for variant, instances in cases:
        number, encode = table[variant]
        for at, values in enumerate(instances):
            request_id = (1, 300, U64)[at % 3]
            line = {"name": f"{direction}.{variant.lower()}.{at}", "direction": direction, "request_id": request_id}
            head = u(request_id)
            if direction == "request":
                line["tenant_id"], line["audit"] = 42, None
                head += u(42) + b"\0"
            if direction == "push":
                del line["request_id"]
                head = b""
            payload = {"request": b"\0", "response": b"\1", "push": b"\2"}[direction] + head + u(number) + encode(values)
            line |= {"variant": variant, "variant_index": number, "fields": values, "payload_length": len(payload),
                     "crc32": f"{zlib.crc32(payload):08x}", "frame_hex": frame(payload).hex()}
            lines.append(line)
    write(OUT / ("pushes.jsonl" if direction == "push" else f"{direction}s.jsonl"), lines)


def bad():
    """Numbers between and behind the variants, and members that there are none of."""
    cases = {"request.43": b"\0\1\1\0\x2b", "request.63": b"\0\1\1\0\x3f", "request.300": b"\0\1\1\0\xac\2",
             "response.43": b"\1\1\x2b", "response.300": b"\1\1\xac\2", "push.300": b"\2\xac\2",
             "typed.15": b"\0\1\1\0\x42\7\1\x0f", "moment.3": b"\0\1\1\0\x42\7\0\3"}
    lines = [{"name": f"unknown.{name}", "input_hex": frame(payload).hex(), "stage": "message", "result": "error",
              "error": "unknown-index", "bytes_left_in_buffer": 0} for name, payload in cases.items()]
    lines.append({"name": "real.cut", "input_hex": frame(b"\0\1\1\0\x42\7\1\3\0\0\0\0").hex(), "stage": "message",
                  "result": "error", "error": "end-of-input", "bytes_left_in_buffer": 0})
    write(OUT / "bad-frames.jsonl", lines)


good("request", REQUESTS, REQUEST_CASES)
good("response", RESPONSES, RESPONSE_CASES)
good("push", PUSHES, PUSH_CASES)
bad()
