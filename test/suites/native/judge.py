"""Judges what the scan in C is sure of, by Python's json and the JSON schema: judge.py SCHEMA NAMES

SCHEMA is a file with the schema of a batch, NAMES one with the members that the scan has rules for, in its order:
{"envelope": [...], "metric": [...]}. Each message on standard input is, in the machine's byte order: the length of the body,
how many metrics were found, how many rules the envelope has, whether there are line breaks (4 bytes each); the earliest and the
latest instant (8); start, end and met rules of each metric; start and end of each member of the envelope (4 each); the body; the
body once more with its nulls blanked. The answer is a line: "right", or what is wrong."""

import json
import struct
import sys

with open(sys.argv[1]) as file:
    SCHEMA = json.load(file)
with open(sys.argv[2]) as file:
    NAMES = json.load(file)

ANNOTATIONS = {"description", "default", "examples", "title"}
TYPES = {
    "object": lambda value: isinstance(value, Members),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: type(value) is int,
    "number": lambda value: type(value) in (int, float) and abs(float(value)) < float("inf"),
    "null": lambda value: value is None,
}


class Members(dict):
    """An object that knows which names it has more than once."""

    def __init__(self, pairs):
        super().__init__(pairs)
        names = [name for name, _ in pairs]
        self.twice = {name for name in names if names.count(name) > 1}


class Wrong(Exception):
    pass


def require(condition, what):
    if not condition:
        raise Wrong(what)


def no_constant(name):
    raise Wrong(f"{name} is no JSON")


def parse(text):
    try:
        return json.loads(text, object_pairs_hook=Members, parse_constant=no_constant)
    except json.JSONDecodeError as error:
        raise Wrong(f"no JSON: {error}") from error


def check(schema, value, where):
    types = schema.get("type")
    if types is not None:
        types = [types] if isinstance(types, str) else types
        require(any(TYPES[name](value) for name in types), f"{where} is of another type")
    for keyword, limit in schema.items():
        if keyword == "enum":
            require(value in limit, f"{where} is none of the choices")
        elif keyword == "minimum" and value is not None:
            require(value >= limit, f"{where} is too small")
        elif keyword == "maximum" and value is not None:
            require(value <= limit, f"{where} is too large")
        elif keyword in ("minLength", "minItems") and value is not None:
            require(len(value) >= limit, f"{where} is too short")
        elif keyword in ("maxLength", "maxItems") and value is not None:
            require(len(value) <= limit, f"{where} is too long")
        elif keyword == "required":
            require(all(name in value for name in limit), f"{where} lacks a member")
        elif keyword == "properties":
            for name, member in limit.items():
                require(name not in value.twice, f"{where} has {name} twice")
                if name in value:
                    check(member, value[name], f"{where}.{name}")
        elif keyword == "items":
            for index, item in enumerate(value):
                check(limit, item, f"{where}[{index}]")
        elif keyword == "additionalProperties" and value is not None:
            known = schema.get("properties", {})
            for name, member in value.items():
                if name not in known:
                    check(limit, member, f"{where}.{name}")
        else:
            require(keyword in ANNOTATIONS or keyword == "type" or value is None, f"unknown keyword {keyword}")


def check_readable(value):
    """What consumers need of a metric beyond its schema."""
    if isinstance(value, Members):
        require(not value.twice, f"{value.twice} are there twice")
        for name, member in value.items():
            check_readable(name)
            check_readable(member)
    elif isinstance(value, list):
        for element in value:
            check_readable(element)
    elif isinstance(value, str):
        require(not any(0xD800 <= ord(character) < 0xE000 for character in value), "half a character")
    elif type(value) in (int, float):
        require(abs(float(value)) < float("inf"), "a number that no double holds")


def judge(body, blanked, places, values, earliest, latest, line_breaks):
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return  # The scan is given none such.
    batch = parse(text)
    check(SCHEMA, batch, "batch")
    metrics = batch["metrics"]
    require(len(places) == len(metrics), "another number of metrics")
    for metric, (start, end, met) in zip(metrics, places):
        slice = body[start:end]
        check_readable(metric)
        alike = [name for name in metric if name not in NAMES["metric"] and name.casefold() in NAMES["metric"]]
        require(not alike, f"{alike} are only written otherwise than known names")
        require(slice[:1] == b"{" and slice[-1:] == b"}", "a metric begins or ends elsewhere")
        require(parse(slice.decode()) == metric, "a metric is elsewhere")
        record = parse(blanked[start:end].decode())
        known = {name: value for name, value in metric.items() if value is None and name in NAMES["metric"]}
        require(record == {name: value for name, value in metric.items() if name not in known}, "not just nulls are blanked")
        require(line_breaks or (b"\n" not in slice and b"\r" not in slice), "a line break was not noticed")
        for bit, name in enumerate(NAMES["metric"]):
            require((met >> bit & 1) == (name in metric and metric[name] is not None), f"{name} was met, or not")
    require(min(metric["timestamp"] for metric in metrics) == earliest, "an earlier instant")
    require(max(metric["timestamp"] for metric in metrics) == latest, "a later instant")
    for name, (start, end) in zip(NAMES["envelope"], values):
        if end == 0:
            require(batch.get(name) is None, f"{name} is there")
        else:
            require(parse(body[start:end].decode()) == batch[name], f"{name} is elsewhere")


def numbers(source, format, count):
    size = struct.calcsize(format)
    return [struct.unpack(format, source.read(size)) for _ in range(count)]


def main():
    source, answers = sys.stdin.buffer, sys.stdout
    while head := source.read(16):
        length, metric_count, member_count, line_breaks = struct.unpack("=4I", head)
        earliest, latest = struct.unpack("=2Q", source.read(16))
        places = numbers(source, "=3I", metric_count)
        values = numbers(source, "=2I", member_count)
        body, blanked = source.read(length), source.read(length)
        try:
            judge(body, blanked, places, values, earliest, latest, bool(line_breaks))
            answers.write("right\n")
        except Wrong as wrong:
            answers.write(f"{wrong}\n")
        answers.flush()


main()
