// How does the collector do beside what one would take instead: same metrics, same broker, all acknowledged, one run?

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Config } from '../lib/config/config.js'
import { acknowledgedMetrics } from '../lib/load/ledger.js'
import { defaultLoad, type LoadOptions } from '../lib/load/options.js'
import { freePort } from '../tools/free-port.js'
import { countArrivals } from '../tools/kafka-admin.js'
import { waitFor } from '../tools/wait-for.js'
import { median } from './statistics.js'
import { type Bench, type Findings, measureServer, Samples, type ServerMeasurement } from './subject.js'

/** Where bench/peers/install.sh puts them. */
const installed = resolve('.cache/peers')
const configs = resolve('bench/peers')
const startTimeoutMs = 30_000
/** Of all alike. */
const warmUpSeconds = 2

type Peer = {
  name: string
  /** The file without which it cannot be started. */
  needs: string
  command: (port: number) => string[]
  cwd?: string
  env?: Record<string, string>
  load?: Partial<LoadOptions>
  /** What it makes a Kafka record of, as VANTAGE_KAFKA_RECORD_FORMAT names it: like is compared with like. */
  format: RecordFormat
}

type RecordFormat = Config['kafkaRecordFormat']

const fastify = (client: string, folder: string): Peer => ({
  name: `Fastify + ${client}`,
  needs: `node/node_modules/${folder}`,
  command: () => [process.execPath, join(configs, 'fastify.js')],
  cwd: join(installed, 'node'),
  env: { CLIENT: client },
  format: 'metric',
})

/** @param each what awaits the acknowledgement of a record, see fastapi_aiokafka.py */
const fastApi = (each: 'task' | 'future'): Peer => ({
  name: `FastAPI + aiokafka, a ${each} a metric`,
  needs: 'python/bin/uvicorn',
  command: (port) => [
    join(installed, 'python/bin/uvicorn'),
    'fastapi_aiokafka:app',
    ...['--app-dir', configs, '--workers', '2', '--port', String(port), '--log-level', 'warning', '--no-access-log'],
  ],
  env: { EACH: each },
  format: 'metric',
})

const openTelemetry = (dialect: 'otlp-json' | 'otlp-protobuf'): Peer => ({
  name: `OpenTelemetry Collector, ${dialect}`,
  needs: 'otelcol/otelcol-kafka',
  command: () => [join(installed, 'otelcol/otelcol-kafka'), '--config', join(configs, 'otel.yaml')],
  load: { dialect },
  format: 'ndjson',
})

const peerList: Peer[] = [
  fastApi('task'),
  fastApi('future'),
  fastify('kafkajs', 'kafkajs'),
  fastify('@platformatic/kafka', '@platformatic/kafka'),
  openTelemetry('otlp-protobuf'),
  openTelemetry('otlp-json'),
  {
    name: 'Telegraf, JSON',
    needs: 'telegraf',
    command: () => [join(installed, 'telegraf'), '--config', join(configs, 'telegraf.toml')],
    format: 'metric',
  },
]

export async function peers(bench: Bench): Promise<Findings> {
  const { quick, runs, report } = bench.options
  const samples = new Samples()
  const notes = new Set<string>()
  const sizes = quick ? [100] : [100, 1000]
  const cases = sizes.flatMap((batchSize) =>
    (quick ? [16] : [16, 64]).map((connections) => ({
      load: { batchSize, connections },
      circumstances: `batches of ${batchSize}, gzip, ${connections} connections`,
    })),
  )
  const note = (
    name: string,
    circumstances: string,
    { result, cpuMicrosecondsPerMetric, residentMiB }: ServerMeasurement,
  ) => {
    samples.add(`${name}: ${circumstances}`, 'metrics/s', result.metricsPerSecond)
    samples.add(`CPU a metric, ${name}: ${circumstances}`, 'µs', cpuMicrosecondsPerMetric)
    samples.add(`resident memory, ${name}: ${circumstances}`, 'MiB', residentMiB)
    samples.addLatency(`${name}: ${circumstances}`, result, ['p50', 'p99'])
  }
  for (let run = 1; run <= runs; run++) {
    for (const { load, circumstances } of cases) {
      for (const format of ['metric', 'ndjson'] as const) {
        const env = { VANTAGE_KAFKA_RECORD_FORMAT: format }
        note(ownName(format), circumstances, await bench.measure({ env }, { warmUpSeconds, ...load }))
      }
      for (const peer of peerList) {
        if (!existsSync(join(installed, peer.needs))) {
          notes.add(`${peer.name}: not run, since it is not installed (bench/peers/install.sh).`)
          continue
        }
        try {
          const { measured, lost } = await measurePeer(bench, peer, load)
          const rate = Math.round(measured.result.metricsPerSecond)
          report(`${peer.name}, ${circumstances}, run ${run} of ${runs}: ${rate} metrics/s`)
          note(peer.name, circumstances, measured)
          if (lost > 0) notes.add(`${peer.name}: ${lost} records that were answered 2xx are not in the topic.`)
        } catch (error) {
          notes.add(`${peer.name}: not run, since ${error instanceof Error ? error.message : error}.`)
        }
      }
    }
  }
  const rateOf = (name: string) => median(samples.figures.find((figure) => figure.name === name)?.samples ?? [])
  for (const { name, format } of peerList)
    for (const { circumstances } of cases) {
      const times = rateOf(`${ownName(format)}: ${circumstances}`) / rateOf(`${name}: ${circumstances}`)
      if (!Number.isNaN(times))
        notes.add(`${circumstances}: ${ownName(format)}, does ${times.toFixed(1)} times what ${name} does.`)
    }
  return { figures: samples.figures, plots: [], notes: [...notes] }
}

function ownName(format: RecordFormat): string {
  return `Vantage Collector, ${format === 'metric' ? 'a record a metric' : 'a record a batch'}`
}

async function measurePeer(
  bench: Bench,
  peer: Peer,
  load: Partial<LoadOptions>,
): Promise<{ measured: ServerMeasurement; lost: number }> {
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
    const url = `http://127.0.0.1:${port}/v1/metrics`
    const options = { ...defaultLoad, warmUpSeconds, seconds: bench.options.seconds, ...peer.load, ...load, url }
    const measured = await measureServer(child.pid ?? 0, options)
    const { result, ledgers } = measured
    if (result.metricsPerSecond === 0) throw new Error(`it answered ${JSON.stringify(result.outcomes)}`)
    const batches = ledgers.reduce((sum, { sent, unacknowledged }) => sum + sent - unacknowledged.length, 0)
    const expected = peer.format === 'metric' ? acknowledgedMetrics(ledgers) : batches
    const found = await countArrivals(bench.kafka.bootstrap, topic)
    return { measured, lost: Math.max(0, expected - found) }
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
