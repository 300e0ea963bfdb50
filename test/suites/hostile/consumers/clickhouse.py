# Reads records as the table of docs/consuming.md does, and as a column of type JSON, and prints what it took each for.
import sys
import tempfile

from chdb import session

columns = """timestamp Int64, service_name String, metric_name String, metric_type String, value Float64,
  tags Map(String, String), status_code Nullable(UInt16), duration_ms Nullable(Float64), environment String"""
with tempfile.NamedTemporaryFile(suffix=".json") as file:
    file.write(sys.stdin.buffer.read())
    file.flush()
    clickhouse = session.Session()
    read = f"SELECT * FROM file('{file.name}', 'JSONEachRow', '{columns}')"
    settings = "input_format_skip_unknown_fields = 1, output_format_json_quote_64bit_integers = 0, input_format_parallel_parsing = 0"
    print(clickhouse.query(f"{read} SETTINGS {settings}, max_threads = 1", "JSONEachRow"), end="")
    whole = f"SELECT count(), uniq(j.value) FROM file('{file.name}', 'JSONAsObject', 'j JSON')"
    clickhouse.query(whole)
