import { isUtf8 } from 'node:buffer'
import { split } from '../../ingest/formats/vantage/split.js'
import { readLines } from './read-lines.js'

/** What a batch says about all its metrics. */
export type Envelope = { service_name: string; environment?: string; agent_version?: string }

/** A metric of the input. */
export type Entry = {
  /** Its JSON, byte for byte. */
  metric: Uint8Array
  envelope: Envelope
  /** Where it stands, for messages: "line 7" or "metrics[3]". */
  origin: string
}

/** Something in the input that cannot be sent as a metric. */
export type Misfit = { origin: string; reason: string }

export type ReadOptions = {
  /** Take precedence over what the input says. */
  envelope: Partial<Envelope>
  /** Longest line, and longest document that is not one metric a line: it is held in memory. */
  maxBytes: number
}

/**
 * Reads metrics from JSON: a batch, an array of metrics, or a value in each line (NDJSON), which may be a metric, an
 * array or a batch. Each metric keeps its own bytes, so that big integers and number formats arrive as they are written.
 *
 * @throws {Error} when the input is neither JSON nor NDJSON: its first line is no value, nor is the whole of it
 */
export async function* readEntries(
  input: AsyncIterable<Uint8Array>,
  options: ReadOptions,
): AsyncGenerator<Entry | Misfit> {
  const lines = numbered(readLines(input, options.maxBytes))
  const first = await lines.next()
  if (first.done === true) return
  const value = parse(first.value.line)
  if (value === undefined) {
    yield* readDocument(first.value.line, lines, options)
    return
  }
  yield* entriesOf(first.value.line, value, `line ${first.value.number}`, options)
  for await (const { line, number } of lines) yield* entriesOf(line, parse(line), `line ${number}`, options)
}

type NumberedLine = { line: Buffer; number: number }

/** The lines that are not empty. */
async function* numbered(lines: AsyncIterable<Buffer>): AsyncGenerator<NumberedLine, undefined> {
  let number = 0
  for await (const line of lines) {
    number++
    if (line.some((byte) => byte > 0x20)) yield { line, number }
  }
}

/** One value over several lines. */
async function* readDocument(
  start: Buffer,
  rest: AsyncIterable<NumberedLine>,
  options: ReadOptions,
): AsyncGenerator<Entry | Misfit> {
  const lines = [start]
  let length = start.length
  for await (const { line } of rest) {
    lines.push(Buffer.from('\n'), line)
    length += line.length + 1
    if (length > options.maxBytes) throw notJson('it is too large for a single document; write one metric a line')
  }
  const document = Buffer.concat(lines)
  if (!isUtf8(document)) throw notJson('it is not UTF-8')
  try {
    yield* entriesOf(document, JSON.parse(document.toString()), '', options)
  } catch (error) {
    throw error instanceof SyntaxError ? notJson(error.message) : error
  }
}

function notJson(reason: string): Error {
  return new Error(`The input is neither JSON nor a JSON value a line: ${reason}`)
}

/** The value of a line; undefined if it is none. */
function parse(line: Buffer): unknown {
  if (!isUtf8(line)) return undefined
  try {
    return JSON.parse(line.toString())
  } catch {
    return undefined
  }
}

function* entriesOf(bytes: Buffer, value: unknown, origin: string, options: ReadOptions): Generator<Entry | Misfit> {
  if (!isObject(value) && !Array.isArray(value)) {
    yield { origin, reason: 'is not a JSON object or array' }
    return
  }
  if (Array.isArray(value)) {
    yield* elementsOf(Buffer.concat([Buffer.from('{"metrics":'), bytes, Buffer.from('}')]), value, {}, origin, options)
  } else if (Array.isArray(value.metrics)) {
    yield* elementsOf(bytes, value.metrics, value, origin, options)
  } else {
    yield entryOf(bytes, value, {}, origin, options)
  }
}

function* elementsOf(
  batch: Buffer,
  metrics: unknown[],
  envelope: Record<string, unknown>,
  origin: string,
  options: ReadOptions,
): Generator<Entry | Misfit> {
  const ranges = split(batch, metrics.length)
  for (const [index, metric] of metrics.entries()) {
    const bytes = batch.subarray(ranges[2 * index], ranges[2 * index + 1])
    yield entryOf(bytes, metric, envelope, `${origin} metrics[${index}]`.trim(), options)
  }
}

/** The envelope is what the options say, else what the batch says, else what the metric says. */
function entryOf(
  metric: Uint8Array,
  value: unknown,
  batch: Record<string, unknown>,
  origin: string,
  { envelope: given }: ReadOptions,
): Entry | Misfit {
  const own = isObject(value) ? value : {}
  const service = given.service_name ?? text(batch.service_name) ?? text(own.service_name)
  if (service === undefined) return { origin, reason: 'has no service_name' }
  const environment = given.environment ?? text(batch.environment)
  const agentVersion = given.agent_version ?? text(batch.agent_version)
  return {
    metric,
    origin,
    envelope: {
      service_name: service,
      ...(environment !== undefined && { environment }),
      ...(agentVersion !== undefined && { agent_version: agentVersion }),
    },
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
