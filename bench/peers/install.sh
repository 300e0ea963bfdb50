#!/usr/bin/env bash
# Fetches the peers that bench/peers.ts runs beside the collector into .cache/peers. What cannot be had is left out, and
# the bench reports it as not run. The OpenTelemetry Collector, Redpanda Connect and Telegraf are built from their Go modules,
# which takes 5 to 10 minutes each: only with --go.
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

# The folder of a module's source.
source_of() { go mod download -json "$1" | sed -nE 's/^\s*"Dir": "(.*)",$/\1/p'; }

echo '== Telegraf'
(cd "$(source_of github.com/influxdata/telegraf@v1.36.4)" && go build -tags 'custom,inputs.http_listener_v2,outputs.kafka,parsers.json_v2,serializers.json' \
  -o "$peers/telegraf" ./cmd/telegraf)

# Only the components that its configuration names; in the module's own tree, so that its replace lines hold.
echo '== Redpanda Connect'
connect=$peers/redpanda-connect-source
rm -rf "$connect"
cp -r --no-preserve=mode "$(source_of github.com/redpanda-data/connect/v4@v4.50.0)" "$connect"
mkdir "$connect/cmd/peer"
cat >"$connect/cmd/peer/main.go" <<'GO'
package main

import (
	"context"

	"github.com/redpanda-data/benthos/v4/public/service"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	_ "github.com/redpanda-data/connect/v4/public/components/kafka"
)

func main() {
	service.RunCLI(context.Background())
}
GO
(cd "$connect" && go build -o "$peers/redpanda-connect" ./cmd/peer)
rm -rf "$connect"
