// How does the collector do beside what one would take instead: same metrics, same broker, all acknowledged, one run?

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { freePort } from '../test/support/free-port.js'
import { countArrivals } from '../test/support/kafka-admin.js'
import { waitFor } from '../test/support/wait-for.js'
import { acknowledgedMetrics } from './load/ledger.js'
import { runLoad } from './load/load.js'
import { defaultLoad, type LoadOptions } from './load/options.js'
import { median } from './statistics.js'
import { type Bench, type Findings, Samples } from './subject.js'

/** Where bench/peers/install.sh puts them. */
const installed = resolve('.cache/peers')
const configs = resolve('bench/peers')
const startTimeoutMs = 30_000

type Peer = {
  name: string
  /** The file without which it cannot be started. */
  needs: string
  command: (port: number) => string[]
  cwd?: string
  env?: Record<string, string>
  load?: Partial<LoadOptions>
  /** Kafka records that `batches` of `metrics` in all make. */
  records: (metrics: number, batches: number) => number
}

const recordAMetric = (metrics: number) => metrics

const fastify = (client: string, folder: string): Peer => ({
  name: `Fastify + ${client}`,
  needs: `node/node_modules/${folder}`,
  command: () => [process.execPath, join(configs, 'fastify.js')],
  cwd: join(installed, 'node'),
  env: { CLIENT: client },
  records: recordAMetric,
})

const openTelemetry = (dialect: 'otlp-json' | 'otlp-protobuf'): Peer => ({
  name: `OpenTelemetry Collector, ${dialect}, a record a request`,
  needs: 'otelcol/otelcol-kafka',
  command: () => [join(installed, 'otelcol/otelcol-kafka'), '--config', join(configs, 'otel.yaml')],
  load: { dialect },
  records: (_metrics, batches) => batches,
})

const peerList: Peer[] = [
  {
    name: 'FastAPI + aiokafka',
    needs: 'python/bin/uvicorn',
    command: (port) => [
      join(installed, 'python/bin/uvicorn'),
      'fastapi_aiokafka:app',
      ...['--app-dir', configs, '--workers', '2', '--port', String(port), '--log-level', 'warning', '--no-access-log'],
    ],
    records: recordAMetric,
  },
  fastify('kafkajs', 'kafkajs'),
  fastify('@platformatic/kafka', '@platformatic/kafka'),
  openTelemetry('otlp-protobuf'),
  openTelemetry('otlp-json'),
  {
    name: 'Telegraf, JSON',
    needs: 'telegraf',
    command: () => [join(installed, 'telegraf'), '--config', join(configs, 'telegraf.toml')],
    records: recordAMetric,
  },
]

export async function peers(bench: Bench): Promise<Findings> {
  const { quick, runs, report } = bench.options
  const samples = new Samples()
  const notes = new Set<string>()
  const loads = [100, 1000].flatMap((batchSize) =>
    (quick ? [16] : [16, 64]).map((connections): Partial<LoadOptions> => ({ batchSize, connections })),
  )
  for (let run = 1; run <= runs; run++) {
    for (const load of quick ? loads.slice(0, 1) : loads) {
      const circumstances = `batches of ${load.batchSize}, gzip, ${load.connections} connections`
      for (const format of ['metric', 'ndjson']) {
        const { result } = await bench.measure({ env: { VANTAGE_KAFKA_RECORD_FORMAT: format } }, load)
        samples.add(`Vantage Collector, ${format}: ${circumstances}`, 'metrics/s', result.metricsPerSecond)
      }
      for (const peer of peerList) {
        if (!existsSync(join(installed, peer.needs))) {
          notes.add(`${peer.name}: not run, since it is not installed (bench/peers/install.sh).`)
          continue
        }
        try {
          const { rate, lost } = await measurePeer(bench, peer, load)
          report(`${peer.name}, ${circumstances}, run ${run} of ${runs}: ${Math.round(rate)} metrics/s`)
          samples.add(`${peer.name}: ${circumstances}`, 'metrics/s', rate)
          if (lost > 0) notes.add(`${peer.name}: ${lost} records that were answered 2xx are not in the topic.`)
        } catch (error) {
          notes.add(`${peer.name}: not run, since ${error instanceof Error ? error.message : error}.`)
        }
      }
    }
  }
  for (const { name, samples: rates } of samples.figures) {
    const [system, circumstances] = name.split(': ')
    const own = samples.figures.find((figure) => figure.name === `Vantage Collector, metric: ${circumstances}`)
    if (system?.startsWith('Vantage') || own === undefined) continue
    const times = median(own.samples) / median(rates)
    notes.add(
      `${circumstances}: Vantage Collector, a record a metric, does ${times.toFixed(1)} times what ${system} does.`,
    )
  }
  return { figures: samples.figures, plots: [], notes: [...notes] }
}

async function measurePeer(
  bench: Bench,
  peer: Peer,
  load: Partial<LoadOptions>,
): Promise<{ rate: number; lost: number }> {
  const [topic, port] = [await bench.createTopic(), await freePort()]
  const [command = '', ...args] = peer.command(port)
  const child = spawn(command, args, {
    cwd: peer.cwd,
    env: { ...process.env, ...peer.env, BOOTSTRAP: bench.kafka.bootstrap, TOPIC: topic, PORT: String(port) },
    stdio: 'ignore',
  })
  try {
    const failed = once(child, 'exit').then(([code]) => `it ended with ${code}`, String)
    await Promise.race([answers(port), failed.then((reason) => Promise.reject(new Error(reason)))])
    const options = { ...defaultLoad, warmUpSeconds: 2, seconds: bench.options.seconds, ...peer.load, ...load }
    const { result, ledgers } = await runLoad({ ...options, url: `http://127.0.0.1:${port}/v1/metrics` })
    if (result.metricsPerSecond === 0) throw new Error(`it answered ${JSON.stringify(result.outcomes)}`)
    const batches = ledgers.reduce((sum, { sent, unacknowledged }) => sum + sent - unacknowledged.length, 0)
    const expected = peer.records(acknowledgedMetrics(ledgers), batches)
    const found = await countArrivals(bench.kafka.bootstrap, topic)
    return { rate: result.metricsPerSecond, lost: Math.max(0, expected - found) }
  } finally {
    await end(child)
  }
}

async function answers(port: number): Promise<void> {
  const asked = async () => (await fetch(`http://127.0.0.1:${port}/ready`).catch(() => undefined)) !== undefined
  await waitFor(asked, 'an answer', startTimeoutMs)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000)
  await exited
  clearTimeout(timer)
}
