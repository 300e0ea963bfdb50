import { createReadPoints } from '../../lib/ingest/formats/otlp/points.js'
import { parseProtobuf } from '../../lib/ingest/formats/otlp/protobuf.js'
import { Reader } from '../../lib/ingest/native/reader.js'
import { exportRequest } from './protobuf.js'
import { takeLines } from './reader.js'

type Given = { buckets?: boolean; maxAgeHours?: number; maxFutureHours?: number; suffix?: string; now?: number }

/** What is found in an export request: records, and how many points were rejected and skipped for which reason. */
export type FoundPoints = {
  received: number
  records: string[]
  metricEnds: number[]
  rejected: Record<string, number>
  skipped: Record<string, number>
}

const type = exportRequest()
const settings = { environment: 'development', agentVersion: 'unknown', maxBytes: 10_000_000 }
const ofReader = { noService: 'unknown_service', ndjson: false, maxMetrics: 10_000, maxRecordBytes: 1_000_000 }

/** An export request in protobuf, by protobufjs. */
export function inProtobuf(request: object): Buffer {
  return Buffer.from(type.encode(type.fromObject(withIdsAsBytes(request))).finish())
}

/** protobufjs takes ids, which OTLP's JSON has in hexadecimal digits, as base64. */
function withIdsAsBytes(request: object): object {
  return JSON.parse(JSON.stringify(request), (name, value) =>
    name === 'traceId' || name === 'spanId' ? Buffer.from(value, 'hex').toString('base64') : value,
  )
}

/** As JSON is read. */
export function readJson(request: object, given: Given = {}): FoundPoints {
  const { buckets = false, maxAgeHours = 0, maxFutureHours = 0 } = given
  const readPoints = createReadPoints({ ...settings, buckets, maxAgeHours, maxFutureHours })
  const { received, values, metricEnds, rejections, skips } = readPoints({ ...request }, readingOf(given))
  return { received, records: values, metricEnds, rejected: rejections, skipped: skips }
}

/** As protobuf is read where dead letters are asked for. */
export function readDecoded(body: Buffer, given: Given = {}): FoundPoints {
  return readJson(parseProtobuf(body), given)
}

/** As protobuf is read. @throws {Error} that names the fault of a body that cannot be read */
export function readNatively(body: Buffer, given: Given = {}): FoundPoints {
  const reader = new Reader({ ...settings, ...ofReader, buckets: given.buckets ?? false })
  const found = reader.readOtlp(body, readingOf(given))
  if (found.fault !== undefined) throw new Error(`${found.fault} at byte ${found.byte}`)
  const { received, rejected, skipped } = found
  const { lines, metricEnds } = takeLines(reader, found)
  return { received, records: lines, metricEnds, rejected, skipped }
}

const hourMs = 3_600_000

function readingOf({ maxAgeHours = 0, maxFutureHours = 0, suffix = '', now = 1701878400000 }: Given) {
  return {
    now,
    oldest: maxAgeHours === 0 ? -Infinity : now - maxAgeHours * hourMs,
    newest: maxFutureHours === 0 ? Infinity : now + maxFutureHours * hourMs,
    suffix,
  }
}

/** A list in a list, so many times, as an attribute of a resource: an export request in protobuf. */
export function nestedLists(levels: number): Buffer {
  let value = Buffer.alloc(0)
  const field = (number: number, bytes: Buffer) => Buffer.concat([tag(number), varint(bytes.length), bytes])
  for (let n = 0; n < levels; n++) value = field(5, field(1, value))
  return field(1, field(1, field(1, Buffer.concat([field(1, Buffer.from('k')), field(2, value)]))))
}

const tag = (number: number) => Buffer.from([(number << 3) | 2])

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128)
  return Buffer.from([...bytes, rest])
}
