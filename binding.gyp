# Compiles lib/delivery/native against the librdkafka that node-rdkafka has compiled, so that both load the same library.
{
  "variables": {
    "librdkafka": "<!(node -p \"require('node:path').join(require('node:path').dirname(require.resolve('node-rdkafka/package.json')), 'build/deps')\")"
  },
  "targets": [
    {
      "target_name": "vantage_producer",
      "sources": ["lib/delivery/native/addon.c", "lib/delivery/native/producer.c"],
      "cflags": ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-isystem", "<(librdkafka)/include"],
      "xcode_settings": {"OTHER_CFLAGS": ["-std=gnu11", "-Wall", "-Wextra", "-isystem", "<(librdkafka)/include"]},
      "libraries": ["-L<(librdkafka)", "-lrdkafka", "-Wl,-rpath,<(librdkafka)"]
    }
  ]
}
