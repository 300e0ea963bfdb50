# Reads records as Python's json does, one a line, and prints what it took each for. It ends at the first that is not plain.
import json
import sys


def plain(pairs):
    names = [name for name, _ in pairs]
    assert len(set(names)) == len(names), f"twice in {names}"
    return dict(pairs)


def no_constant(name):
    raise ValueError(name)


members = ["timestamp", "status_code", "value", "duration_ms", "service_name", "metric_name", "metric_type", "environment", "tags"]
for line in sys.stdin.buffer.read().split(b"\n")[:-1]:
    record = json.loads(line, object_pairs_hook=plain, parse_constant=no_constant)
    # Half a surrogate pair cannot be encoded.
    json.dumps(record, ensure_ascii=False).encode()
    for name in members:
        assert name not in record or record[name] is not None, f"{name} is null"
    for name in ["timestamp", "status_code"]:
        assert type(record.get(name, 0)) is int, f"{name} is no integer"
    for name in ["value", "duration_ms"]:
        if type(record.get(name)) is int:
            assert -(2**63) <= record[name] < 2**63, f"{name} is beyond 64 bits"
            record[name] = float(record[name])
    print(json.dumps({name: record[name] for name in members if name in record}))
