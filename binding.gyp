# Four addons: one that counts Kafka's reports, against the librdkafka that node-rdkafka has compiled, so that both load the
# same library; one that reads bodies; one that finds idle connections; and one that writes the log.
{
  "variables": {
    "librdkafka": "<!(node -p \"require('node:path').join(require('node:path').dirname(require.resolve('node-rdkafka/package.json')), 'build/deps')\")"
  },
  "target_defaults": {
    "cflags_c": ["-std=gnu11"],
    "cflags_cc": ["-std=gnu++17"],
    "cflags": ["-O2", "-Wall", "-Wextra", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2", "-fstack-protector-strong"],
    "ldflags": ["-Wl,-z,relro", "-Wl,-z,now"]
  },
  "targets": [
    {
      "target_name": "vantage_producer",
      "sources": ["lib/delivery/native/addon.c", "lib/delivery/native/telling.c", "lib/delivery/native/producer.c"],
      "cflags": ["-isystem", "<(librdkafka)/include"],
      "libraries": ["-L<(librdkafka)", "-lrdkafka", "-Wl,-rpath,<(librdkafka)"]
    },
    {
      "target_name": "vantage_scan",
      "sources": [
        "lib/ingest/native/addon.c", "lib/ingest/native/scan.c", "lib/ingest/native/survey.c",
        "lib/ingest/native/writer.c", "lib/ingest/native/number.cc", "lib/ingest/native/hash.c",
        "lib/ingest/native/reading.c", "lib/ingest/native/reader-calls.c", "lib/ingest/native/protobuf.c",
        "lib/ingest/native/tags.c", "lib/ingest/native/attributes.c", "lib/ingest/native/otlp.c",
        "lib/ingest/native/otlp-points.c", "lib/ingest/native/otlp-records.c", "lib/ingest/native/otlp-histograms.c",
        "lib/ingest/native/bounds.c", "lib/ingest/native/snappy.c", "lib/ingest/native/remote-write.c",
        "lib/ingest/native/remote-write-series.c", "lib/ingest/native/remote-write-records.c",
        "lib/ingest/native/remote-write-histograms.c", "lib/ingest/native/influx.c", "lib/ingest/native/influx-line.c"
      ]
    },
    {
      "target_name": "vantage_output",
      "sources": ["lib/shared/native/output.c"]
    },
    {
      "target_name": "vantage_sockets",
      "sources": ["lib/worker/native/addon.c"]
    }
  ]
}
