import type { Dialect, LoadOptions } from './options.js'
import { otlpJson, otlpProtobuf } from './otlp.js'
import { createRandom } from './random.js'

/** Hexadecimal digits of a batch's number in an id. */
const sequenceDigits = 8
const sequencePlaceholder = 'x'.repeat(sequenceDigits)

const bodiesPerAgent = 4

/** A rendered request, whose ids are set anew for each time it is sent. */
export type Message = {
  bytes: Buffer
  /** Where the batch's number stands in it, once a metric. */
  sequenceAt: Uint32Array
  good: number
}

/**
 * What one agent posts, in turn: `bodiesPerAgent` different batches, so that neither a collector nor a compressor sees
 * one text again and again. Each metric has an id, `agent-sequence-index`, by which it can be found in the topic.
 *
 * @param agent number of the agent within the whole load; decides all that is random
 */
export function renderMessages(agent: number, options: LoadOptions): Message[] {
  const random = createRandom(agent + 1)
  return Array.from({ length: Math.min(bodiesPerAgent, options.services) }, (_, variant) => {
    const service = `service-${(agent * bodiesPerAgent + variant) % options.services}`
    return renderMessage(agent, service, random, options)
  })
}

function renderMessage(agent: number, service: string, random: () => number, options: LoadOptions): Message {
  const { batchSize, badShare, url, headers, dialect } = options
  let good = 0
  const metrics = Array.from({ length: batchSize }, (_, index) => {
    const metric = renderMetric(
      `${agent.toString(16).padStart(4, '0')}-${sequencePlaceholder}-${index}`,
      service,
      random,
    )
    if (random() >= badShare) {
      good++
      return metric
    }
    return { ...metric, value: 'not a number' }
  })
  const { contentType, render } = renderers[dialect]
  const body = render(service, metrics)
  const { host, pathname } = new URL(url)
  const lines = Object.entries({ Host: host, 'Content-Type': contentType, ...headers })
  const head = [`POST ${pathname} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`)].join('\r\n')
  const bytes = Buffer.concat([Buffer.from(`${head}\r\nContent-Length: ${body.length}\r\n\r\n`), body])
  return { bytes, sequenceAt: placesOf(bytes, sequencePlaceholder), good }
}

const renderers: Record<
  Dialect,
  { contentType: string; render: (service: string, metrics: readonly Record<string, unknown>[]) => Buffer }
> = {
  vantage: { contentType: 'application/json', render: vantageBatch },
  'otlp-json': { contentType: 'application/json', render: otlpJson },
  'otlp-protobuf': { contentType: 'application/x-protobuf', render: otlpProtobuf },
}

function vantageBatch(service: string, metrics: readonly Record<string, unknown>[]): Buffer {
  const envelope = { service_name: service, environment: 'production', agent_version: '0.1.0' }
  return Buffer.from(JSON.stringify({ metrics, ...envelope }))
}

const names = ['http.request.duration', 'http.requests', 'db.query.duration', 'queue.depth', 'jvm.memory.used']
const regions = ['us-east-1', 'eu-central-1', 'ap-southeast-2']
const types = ['histogram', 'counter', 'gauge']

/** A metric as fleets send them: most with an HTTP context, some with an error, hosts and pods by the thousand. */
function renderMetric(id: string, service: string, random: () => number) {
  const pick = <T>(choices: readonly T[]): T | undefined => choices[Math.floor(random() * choices.length)]
  const number = (below: number) => Math.floor(random() * below)
  const failed = random() < 0.02
  const request = {
    endpoint: `/api/v1/${pick(['users', 'orders', 'carts'])}/${number(10_000)}`,
    method: pick(['GET', 'POST', 'PUT']),
    status_code: failed ? 500 : 200,
    duration_ms: number(1_000_000) / 1000,
  }
  return {
    id,
    timestamp: 1_701_878_400_000 + number(86_400_000),
    service_name: service,
    metric_name: pick(names),
    metric_type: pick(types),
    value: number(100_000_000) / 1000,
    tags: {
      region: pick(regions),
      host: `host-${number(2000)}`,
      ...(random() < 0.3 && { pod: `pod-${number(50_000)}` }),
    },
    ...(random() < 0.8 && request),
    ...(failed && { error: `connection to shard ${number(64)} timed out after ${number(30_000)} ms` }),
  }
}

function placesOf(bytes: Buffer, text: string): Uint32Array {
  const places: number[] = []
  for (let at = bytes.indexOf(text); at !== -1; at = bytes.indexOf(text, at + text.length)) places.push(at)
  return Uint32Array.from(places)
}

const digits = Buffer.from('0123456789abcdef')

/** Writes the number of a batch into all of its ids. */
export function setSequence({ bytes, sequenceAt }: Message, sequence: number): void {
  for (let place = 0; place < sequenceDigits; place++) {
    const digit = digits[(sequence >>> (4 * (sequenceDigits - 1 - place))) & 15] ?? 0
    for (const at of sequenceAt) bytes[at + place] = digit
  }
}
