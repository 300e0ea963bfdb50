import type { Config } from '../../../config/config.js'
import type { BufferPool } from '../../../shared/buffer-pool.js'
import { type DecodeRequest, type Format, type Intake, noRecords } from '../../format.js'
import { isJson, json } from '../../media-types.js'
import { agentVersionDefault, environmentDefault, instantLimits, traceMembers } from '../../metric.js'
import { Reader } from '../../native/reader.js'
import { createTakeReading } from '../../reading-intake.js'
import { createTextRecords, type TextRecordOptions } from '../../text-records.js'
import { createAnswer, createProblem, inJson, inProtobuf } from './answers.js'
import { faultTexts } from './faults.js'
import { nameOfPoint } from './found.js'
import { invalid, invalidProtobuf } from './invalid.js'
import { parseJson } from './json.js'
import { createLetters } from './letters.js'
import { Malformed, type Message } from './message.js'
import { createReadPoints } from './points.js'
import { parseProtobuf } from './protobuf.js'
import { unknownService } from './source.js'

/** The records of a batch may be so many times as large as the largest body. */
const maxGrowth = 4
/** What readers take at most. */
const maxReaderBytes = 2 ** 32 - 1
/** Beside the bound on their records. */
const maxPoints = 1_000_000

export type OtlpOptions = TextRecordOptions & { maxBodyBytes: number }

/** OTLP over HTTP in its two encodings: docs/formats.md. */
export function createOtlp(config: Config, options: OtlpOptions, pool: BufferPool) {
  const maxBytes = Math.min(maxGrowth * options.maxBodyBytes, maxReaderBytes)
  const settings = {
    environment: environmentDefault,
    agentVersion: agentVersionDefault,
    buckets: config.histograms === 'buckets',
    maxBytes,
  }
  const reader = new Reader({
    ...settings,
    noService: unknownService,
    ndjson: options.kafkaRecordFormat === 'ndjson',
    maxMetrics: maxPoints,
    maxRecordBytes: options.maxRecordBytes,
  })
  const takeReading = createTakeReading(options.kafkaPartitionKey, pool, faultTexts(config), nameOfPoint)
  const readPoints = createReadPoints({ ...config, ...settings })
  const makeRecords = createTextRecords(options, pool)
  const makeLetters = createLetters(config)

  function decodeProtobuf(body: Buffer, request: DecodeRequest): Intake {
    const reading = reader.readOtlp(body, requestOf(request))
    if (reading.fault !== undefined) throw invalidProtobuf(reading.fault, reading.byte, maxBytes)
    // Letters are made of the points themselves, which the reader does not keep.
    if (config.deadLetterInvalid && reading.rejections.length > 0)
      return decodeMessage(() => parseProtobuf(body), request)
    request.hold.grow(reading.bytes)
    return takeReading(reader, reading)
  }

  function decodeMessage(parse: () => Message, request: DecodeRequest): Intake {
    const letters = makeLetters()
    const found = orInvalid(() => readPoints(parse(), requestOf(request), letters.add))
    request.hold.grow(found.bytes)
    const { received, accepted, rejections, errors, skips, services } = found
    const names = services.map(([service]) => service)
    const records = accepted === 0 ? noRecords : makeRecords({ ...found, services: names })
    return { received, accepted, records, rejections, errors, skips, letters: letters.all, services }
  }

  /** When it is read, and what each of its records gets. */
  function requestOf({ trace }: DecodeRequest) {
    return { now: Date.now(), ...instantLimits(config), suffix: traceMembers(trace) }
  }

  const otlpJson: Format = {
    name: 'otlp-json',
    accept: json,
    takes: isJson,
    decode: (body, request) => decodeMessage(() => parseJson(body, request.hold), request),
    answer: createAnswer(inJson),
    problem: createProblem(inJson),
  }
  const otlpProtobuf: Format = {
    name: 'otlp-protobuf',
    accept: inProtobuf.contentType,
    takes: isProtobuf,
    decode: decodeProtobuf,
    answer: createAnswer(inProtobuf),
    problem: createProblem(inProtobuf),
  }
  return { otlpJson, otlpProtobuf }
}

/** Some agents send types that have never been registered either. */
const protobufForm = /^\s*application\/(?:x-|vnd\.google\.)?protobuf\s*(?:;|$)/i

function isProtobuf(contentType: string): boolean {
  return contentType === inProtobuf.contentType || protobufForm.test(contentType)
}

/** @throws {Problem} in the place of {@link Malformed} */
function orInvalid<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof Malformed ? invalid(error.message) : error
  }
}
