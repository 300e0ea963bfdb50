// What does each step of the hot path cost alone, in CPU time a metric?

import { Producer } from '../lib/delivery/producer.js'
import { producerProperties } from '../lib/delivery/producer-properties.js'
import { decode, encodingOf } from '../lib/ingest/decode.js'
import { slice } from '../lib/ingest/judge.js'
import { createRecords } from '../lib/ingest/records.js'
import { createScan } from '../lib/ingest/scan.js'
import { split } from '../lib/ingest/split.js'
import { createValidate } from '../lib/ingest/validate.js'
import { BufferPool } from '../lib/shared/buffer-pool.js'
import { parseConfig } from '../lib/shared/config.js'
import { renderMessages } from './load/fleet.js'
import { defaultLoad } from './load/options.js'
import { type Bench, type Findings, Samples } from './subject.js'
import { cpuMicroseconds, yardstickWork } from './yardstick.js'

const batchSize = 100
const blockMs = 30
const yardstickMs = 15
const warmUpBlocks = 5

type Step = { name: string; run: () => unknown; after?: () => Promise<void> }

/**
 * Steps take turns, block after block, so that a slow minute of the machine meets all of them, and CPU time is counted
 * in place of time, so that waiting for a CPU is not. A yardstick before and after each block tells how fast the machine
 * was just then.
 */
export async function micro({ kafka, options }: Bench): Promise<Findings> {
  const samples = new Samples()
  const blocks = options.quick ? 15 : 12 * options.runs
  const { steps, stop } = await createSteps(kafka.bootstrap)
  for (let block = -warmUpBlocks; block < blocks; block++) {
    for (const { name, run, after } of steps) {
      const before = cpuMicroseconds(yardstickWork, yardstickMs)
      const microseconds = cpuMicroseconds(run, blockMs)
      await after?.()
      const yardstick = (before + cpuMicroseconds(yardstickWork, yardstickMs)) / 2
      if (block >= 0) samples.add(`${name}, batches of ${batchSize}`, 'µs', microseconds / batchSize, yardstick)
    }
  }
  await stop()
  return { figures: samples.figures, plots: [], notes: [] }
}

async function createSteps(bootstrap: string): Promise<{ steps: Step[]; stop: () => Promise<void> }> {
  const { config } = parseConfig({ VANTAGE_KAFKA_BOOTSTRAP_SERVERS: bootstrap, VANTAGE_KAFKA_COMPRESSION_TYPE: 'none' })
  const [message] = renderMessages(0, { ...defaultLoad, batchSize })
  if (message === undefined) throw new Error('no message')
  const bytes = message.bytes.subarray(message.bytes.indexOf('\r\n\r\n') + 4)
  const beyondAscii = Buffer.from(bytes.toString().replaceAll('us-east-1', 'münchen-1'))
  const pool = new BufferPool()
  const validate = createValidate(config)
  const options = { kafkaPartitionKey: 'service', maxRecordBytes: 1_000_000 } as const
  const asMetrics = createRecords({ ...options, kafkaRecordFormat: 'metric' }, pool)
  const asLines = createRecords({ ...options, kafkaRecordFormat: 'ndjson' }, pool)
  const body = decode(bytes, 'latin1')
  const verdict = validate(body.value)
  const scan = createScan(config)
  const batch = slice(bytes, verdict, split(bytes, batchSize))
  const records = asMetrics(batch, {})
  const producer = new Producer(producerProperties(config), 'bench-micro', {
    onConnectionError: () => undefined,
    onFatal: () => undefined,
  })
  const sent: Promise<unknown>[] = []
  const steps: Step[] = [
    { name: 'parse: JSON.parse alone', run: () => JSON.parse(bytes.toString('latin1')) },
    { name: 'scan, ASCII', run: () => scan(bytes, encodingOf(bytes)) },
    { name: 'scan, beyond ASCII', run: () => scan(beyondAscii, encodingOf(beyondAscii)) },
    { name: 'parse: decode, ASCII', run: () => decode(bytes, encodingOf(bytes)) },
    { name: 'parse: decode, beyond ASCII', run: () => decode(beyondAscii, encodingOf(beyondAscii)) },
    { name: 'validate', run: () => validate(body.value) },
    { name: 'slice', run: () => slice(bytes, verdict, split(bytes, batchSize)) },
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
