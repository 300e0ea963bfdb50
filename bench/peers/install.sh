#!/usr/bin/env bash
# Fetches the peers that bench/peers.ts runs beside the collector into .cache/peers. What cannot be had is left out, and
# the bench reports it as not run. The OpenTelemetry Collector and Telegraf are built from their Go modules, which takes
# 5 to 10 minutes each: only with --go.
set -uo pipefail
cd "$(dirname "$0")/../.."
peers=$PWD/.cache/peers
configs=$PWD/bench/peers
mkdir -p "$peers"

echo '== Fastify, kafkajs, @platformatic/kafka'
mkdir -p "$peers/node"
npm install --prefix "$peers/node" --no-audit --no-fund --loglevel=error \
  fastify@5.12.8 kafkajs@2.2.4 @platformatic/kafka@2.12.1

echo '== FastAPI, aiokafka'
python3 -m venv "$peers/python" &&
  "$peers/python/bin/pip" install --quiet fastapi==0.121.0 'uvicorn[standard]==0.38.0' aiokafka==0.12.0

[ "${1-}" = --go ] || exit 0

echo '== OpenTelemetry Collector'
(cd "$peers" && go run go.opentelemetry.io/collector/cmd/builder@v0.139.0 --config "$configs/otel-builder.yaml")

echo '== Telegraf'
telegraf=$(go mod download -json github.com/influxdata/telegraf@v1.36.4 | sed -nE 's/^\s*"Dir": "(.*)",$/\1/p')
(cd "$telegraf" && go build -tags 'custom,inputs.http_listener_v2,outputs.kafka,parsers.json_v2,serializers.json' \
  -o "$peers/telegraf" ./cmd/telegraf)
