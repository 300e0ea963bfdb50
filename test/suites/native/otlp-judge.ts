// Judges what the reader in C makes of OTLP requests, for otlp-fuzz.c: by the reader in TypeScript, and by protobufjs with the .proto
// files of OpenTelemetry. Each request must come to the same points, verdicts and records, byte for byte.

import { isUtf8 } from 'node:buffer'
import protobuf from 'protobufjs'
import { Malformed, type Message } from '../../../lib/ingest/formats/otlp/message.js'
import { createReadPoints } from '../../../lib/ingest/formats/otlp/points.js'
import { parseProtobuf } from '../../../lib/ingest/formats/otlp/protobuf.js'
import { exportRequest } from '../../support/protobuf.js'
import { judgeBatches, type Told, Wrong } from './judging.js'
import { compare, defaults, type Records, readingRequest, toldReading, wrong } from './told-reading.js'

const options = { ...defaults, maxAgeHours: 1, maxFutureHours: 1, maxBytes: Infinity }
const readers = [false, true].map((buckets) => createReadPoints({ ...options, buckets }))
const type = exportRequest()
const basicWires: Readonly<Record<string, number>> = protobuf.types.basic

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
  if (!isOfficial(body)) return
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

/**
 * Whether each field that the .proto files know is of their type, and texts are UTF-8. The readers do not look at those that they have
 * no use for, such as the description of a metric; protobufjs does.
 */
function isOfficial(body: Buffer): boolean {
  try {
    return isAsDescribed(body, type)
  } catch {
    return false
  }
}

function isAsDescribed(bytes: Buffer, of: protobuf.Type): boolean {
  const reader = protobuf.Reader.create(bytes)
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    const field = of.fieldsById[tag >>> 3]
    const wire = tag & 7
    if (tag < 8 || wire === 3) return false
    if (field === undefined) {
      reader.skipType(wire)
      continue
    }
    const isPacked = field.repeated && field.type in protobuf.types.packed && wire === 2
    const inner = field.resolve().resolvedType
    const expected = inner instanceof protobuf.Type ? 2 : inner === null ? basicWires[field.type] : 0
    if (wire !== expected && !isPacked) return false
    if (field.type === 'string') {
      if (!isUtf8(reader.bytes())) return false
    } else if (inner instanceof protobuf.Type) {
      if (!isAsDescribed(Buffer.from(reader.bytes()), inner)) return false
    } else {
      reader.skipType(wire)
    }
  }
  return true
}
