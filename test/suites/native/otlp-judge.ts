// Judges what the reader in C makes of OTLP requests, for otlp-fuzz.c: by the reader in TypeScript, and by protobufjs with the .proto
// files of OpenTelemetry. Each request must come to the same points, verdicts and records, byte for byte.

import { Malformed, type Message } from '../../../lib/ingest/formats/otlp/message.js'
import { createReadPoints } from '../../../lib/ingest/formats/otlp/points.js'
import { parseProtobuf } from '../../../lib/ingest/formats/otlp/protobuf.js'
import { exportRequest } from '../../support/protobuf.js'
import { isAsDescribed } from './described.js'
import { judgeBatches, type Told, Wrong } from './judging.js'
import { compare, defaults, type Records, readingRequest, toldReading, wrong } from './told-reading.js'

const options = { ...defaults, maxAgeHours: 1, maxFutureHours: 1, maxBytes: Infinity }
const readers = [false, true].map((buckets) => createReadPoints({ ...options, buckets }))
const type = exportRequest()

judgeBatches(judge)

function judge(told: Told): void {
  const { body, variant, fault, records } = toldReading(told)
  const buckets = variant === 1
  // Of requests that come to too much, the bound is the reader's own.
  if (fault === 'size') return
  const expected = tryTo(() => read(parseProtobuf(body), buckets))
  if (expected === undefined) {
    if (fault === 'none') throw wrong(body, 'it reads what TypeScript does not')
    return
  }
  // Attributes that are nested too deep are a fault for both, but not where TypeScript has no use for them.
  if (fault === 'depth') return
  if (fault !== 'none') throw wrong(body, `it finds a fault that TypeScript does not: ${fault}`)
  compare(body, records, expected, 'TypeScript')
  // The readers do not look at what they have no use for, such as the description of a metric; protobufjs does.
  if (!isAsDescribed(body, type)) return
  try {
    compare(body, records, read(byProtobufjs(body), buckets), 'protobufjs')
  } catch (error) {
    throw error instanceof Wrong ? error : wrong(body, String(error))
  }
}

function read(message: Message, buckets: boolean): Records {
  const found = readers[Number(buckets)]?.(message, readingRequest)
  if (found === undefined) throw new Error('no such reader')
  const { received, accepted, values, metricEnds, serviceOf, services, rejections, skips } = found
  return { received, accepted, values, metricEnds, serviceOf, services, rejections, skips }
}

function tryTo<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
}

function byProtobufjs(body: Buffer): Message {
  return asJson(type.toObject(type.decode(body), { longs: String, bytes: Buffer }), '') as Message
}

/** As the JSON encoding of OTLP has it: ids in hexadecimal digits, other bytes in base64, and texts for what is not finite. */
function asJson(value: unknown, name: string): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  if (Buffer.isBuffer(value)) return value.toString(name === 'bytesValue' ? 'base64' : 'hex')
  if (Array.isArray(value)) return value.map((item) => asJson(item, name))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([member, of]) => [member, asJson(of, member)]))
}
