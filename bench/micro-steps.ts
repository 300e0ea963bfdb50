// A process that measures each step of the hot path alone; micro.ts forks one for each sample and says for how long.

import { parseConfig } from '../lib/config/config.js'
import { Producer } from '../lib/delivery/producer.js'
import { producerProperties } from '../lib/delivery/producer-properties.js'
import { ByteBudget } from '../lib/ingest/byte-budget.js'
import { createParse } from '../lib/ingest/formats/vantage/parse.js'
import { createRecords } from '../lib/ingest/formats/vantage/records.js'
import { createScan } from '../lib/ingest/formats/vantage/scan.js'
import { compileRules } from '../lib/ingest/formats/vantage/scan-rules.js'
import { createSurvey } from '../lib/ingest/formats/vantage/survey.js'
import { encodingOf } from '../lib/ingest/formats/vantage/text-encoding.js'
import { createValidate } from '../lib/ingest/formats/vantage/validate.js'
import { Reader } from '../lib/ingest/native/reader.js'
import { renderMessages } from '../lib/load/fleet.js'
import { defaultLoad, type LoadOptions } from '../lib/load/options.js'
import { BufferPool } from '../lib/shared/buffer-pool.js'
import { median } from './statistics.js'
import { besideYardstick, cpuMicroseconds, yardstickWork } from './yardstick.js'

export type MicroWork = { bootstrap: string; batchSize: number; warmUpBlocks: number; blocks: number }

/** CPU time of one batch, and of fixed work beside it. */
export type StepCost = { name: string; microseconds: number; yardstick: number }

const blockMs = 30
const yardstickMs = 15

type Step = { name: string; run: () => unknown; after?: () => Promise<void> }

// What fails here ends this process, which micro.ts takes for the failure that it is. It stays until micro.ts disconnects.
process.on('message', async (work: MicroWork) => {
  process.send?.(await measure(work))
})

/**
 * Steps take turns, block after block, so that a slow minute of the machine meets all of them, and CPU time is counted
 * in place of time, so that waiting for a CPU is not. A yardstick before and after each block tells how fast the machine
 * was just then.
 */
async function measure({ bootstrap, batchSize, warmUpBlocks, blocks }: MicroWork): Promise<StepCost[]> {
  const { steps, stop } = await createSteps(bootstrap, batchSize)
  const inTurn = (times: number) => Array.from({ length: times }, () => steps).flat()
  cpuMicroseconds(yardstickWork, blockMs)
  for (const step of inTurn(warmUpBlocks)) await runBlock(step)
  const costs: StepCost[] = []
  for (const step of inTurn(blocks)) costs.push(await measureBlock(step))
  await stop()
  return steps.map(({ name }) => typical(name, costs))
}

async function measureBlock(step: Step): Promise<StepCost> {
  const { found, yardstick } = await besideYardstick(yardstickMs, () => runBlock(step))
  return { name: step.name, microseconds: found, yardstick }
}

async function runBlock({ run, after }: Step): Promise<number> {
  const microseconds = cpuMicroseconds(run, blockMs)
  await after?.()
  return microseconds
}

function typical(name: string, costs: readonly StepCost[]): StepCost {
  const own = costs.filter((cost) => cost.name === name)
  return {
    name,
    microseconds: median(own.map(({ microseconds }) => microseconds)),
    yardstick: median(own.map(({ yardstick }) => yardstick)),
  }
}

async function createSteps(
  bootstrap: string,
  batchSize: number,
): Promise<{ steps: Step[]; stop: () => Promise<void> }> {
  const { config } = parseConfig({ VANTAGE_KAFKA_BOOTSTRAP_SERVERS: bootstrap, VANTAGE_KAFKA_COMPRESSION_TYPE: 'none' })
  const bytes = bodyOf('vantage', batchSize)
  const otlp = bodyOf('otlp-protobuf', batchSize)
  const reader = new Reader({
    environment: 'development',
    agentVersion: 'unknown',
    noService: 'unknown_service',
    buckets: false,
    ndjson: false,
    maxMetrics: batchSize,
    maxBytes: 100_000_000,
    maxRecordBytes: 1_000_000,
  })
  const readOtlp = () => reader.readOtlp(otlp, { now: Date.now(), oldest: -Infinity, newest: Infinity, suffix: '' })
  const beyondAscii = Buffer.from(bytes.toString().replaceAll('us-east-1', 'münchen-1'))
  const pool = new BufferPool()
  const validate = createValidate(config)
  const options = { kafkaPartitionKey: 'service', maxRecordBytes: 1_000_000 } as const
  const asMetrics = createRecords({ ...options, kafkaRecordFormat: 'metric' }, pool)
  const asLines = createRecords({ ...options, kafkaRecordFormat: 'ndjson' }, pool)
  const rules = compileRules(config.maxBatchSize)
  const scan = createScan(rules, config)
  const survey = createSurvey(rules, config.maxBatchSize)
  const parse = createParse(survey, config)
  const hold = new ByteBudget(Number.POSITIVE_INFINITY, { requestHeldBytes: 0 }).open('bench')
  const parsed: unknown = JSON.parse(bytes.toString())
  const { batch } = parse(bytes, 'latin1', hold)
  const records = asMetrics(batch, {})
  const producer = new Producer(producerProperties(config), 'bench-micro', {
    onConnectionError: () => undefined,
    onFatal: () => undefined,
  })
  const sent: Promise<unknown>[] = []
  const steps: Step[] = [
    { name: 'parse: JSON.parse alone', run: () => JSON.parse(bytes.toString('latin1')) },
    { name: 'scan, ASCII', run: () => scan(bytes, encodingOf(bytes) ?? 'utf8') },
    { name: 'scan, beyond ASCII', run: () => scan(beyondAscii, encodingOf(beyondAscii) ?? 'utf8') },
    { name: 'parse: survey', run: () => survey(bytes) },
    { name: 'parse: survey, parse, inspect, validate, slice; ASCII', run: () => parse(bytes, 'latin1', hold) },
    { name: 'parse: the same; beyond ASCII', run: () => parse(beyondAscii, 'utf8', hold) },
    { name: 'OTLP in protobuf: read', run: readOtlp },
    {
      name: 'OTLP in protobuf: read, take records',
      run: () => {
        const reading = readOtlp()
        if (reading.fault !== undefined) throw new Error(reading.fault)
        const taken = pool.take(reading.bytes)
        reader.take(reading.records, taken)
        pool.give(taken)
      },
    },
    { name: 'validate', run: () => validate(parsed) },
    { name: 'slice: records', run: () => pool.give(asMetrics(batch, {}).bytes) },
    { name: 'slice: records, ndjson', run: () => pool.give(asLines(batch, {}).bytes) },
    {
      name: 'produce: into the queue of librdkafka, with what its threads do meanwhile',
      run: () => {
        sent.push(producer.send(records))
      },
      after: async () => {
        await Promise.all(sent.splice(0))
      },
    },
  ]
  return { steps, stop: () => producer.close() }
}

/** The body of a message of the load generator. */
function bodyOf(dialect: LoadOptions['dialect'], batchSize: number): Buffer {
  const [message] = renderMessages(0, { ...defaultLoad, batchSize, dialect })
  if (message === undefined) throw new Error('no message')
  return message.bytes.subarray(message.bytes.indexOf('\r\n\r\n') + 4)
}
