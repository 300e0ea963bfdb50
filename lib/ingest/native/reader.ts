import {
  binding,
  type Fault,
  faults,
  type NativeReader,
  type Precision,
  precisions,
  type ReaderOptions,
  readingFigures,
  rejectionReasons,
  skipReasons,
  writtenParts,
} from './binding.js'

/** What a request says to a reader: instants in Unix ms, and members of JSON for each record, each with a comma before it. */
export type ReadingRequest = { now: number; oldest: number; newest: number; suffix: string }

/** What a reader finds in a body. */
export type NativeReading =
  | { fault: Exclude<Fault, 'none'>; byte: number }
  | {
      fault: undefined
      /** Metrics of the body: points, samples, fields. */
      received: number
      /** Those of them that have records. */
      accepted: number
      /** How many records there are, and how many bytes they have in all. */
      records: number
      bytes: number
      services: { name: string; metrics: number }[]
      /** The first rejected metrics, as counted in the body from 0; their names may be cut. */
      rejections: { index: number; reason: string; name: string }[]
      /** How many metrics were rejected and skipped, by reason. */
      rejected: Record<string, number>
      skipped: Record<string, number>
    }

/** Which version it is of, and to how many bytes it may come. */
export type RemoteWriteBody = { version: 1 | 2; maxInflatedBytes: number }
/** What timestamps count, and the service of lines that name none. */
export type InfluxBody = { precision: Precision; database: string }
export type WrittenParts = { samples: number; histograms: number; exemplars: number }

/** The records of a reading: where each ends, how many accepted metrics have begun up to its end, and which service it is of. */
export type TakenRecords = { ends: Uint32Array; metricEnds: Uint32Array; serviceOf: Uint32Array }

const defaultServiceTags = ['service_name', 'service', 'host']

/** Reads bodies in C. What one reading has found must be taken before the next: without an await between. */
export class Reader {
  readonly #reader: NativeReader
  readonly #request = new Float64Array(3)
  readonly #figures = new Float64Array(
    readingFigures.length + rejectionReasons.length + skipReasons.length + writtenParts.length,
  )

  constructor(options: ReaderOptions) {
    const { serviceTags = defaultServiceTags, textAsTags = false, ...others } = options
    this.#reader = binding.createReader({ ...others, textAsTags, serviceTags: serviceTags.join(',') })
  }

  /** Reads an ExportMetricsServiceRequest of OpenTelemetry in protobuf. */
  readOtlp(body: Buffer, request: ReadingRequest): NativeReading {
    binding.readOtlp(this.#reader, body, this.#instants(request), suffixOf(request), this.#figures)
    return this.#reading()
  }

  /**
   * Reads a request of Prometheus remote write as it came, compressed by snappy. `written` of what is found says how many samples,
   * histograms and exemplars were not rejected.
   */
  readRemoteWrite(
    body: Buffer,
    { version, maxInflatedBytes }: RemoteWriteBody,
    request: ReadingRequest,
  ): NativeReading & { written: WrittenParts } {
    const figures = this.#figures
    const instants = this.#instants(request)
    binding.readRemoteWrite(
      this.#reader,
      body,
      instants,
      suffixOf(request),
      figures,
      version,
      Math.min(maxInflatedBytes, 2 ** 32 - 1),
    )
    const [samples = 0, histograms = 0, exemplars = 0] = figures.subarray(-writtenParts.length)
    return { ...this.#reading(), written: { samples, histograms, exemplars } }
  }

  /** Reads lines of InfluxDB's protocol. Rejections name them by their numbers, which begin at 1. */
  readInflux(body: Buffer, { precision, database }: InfluxBody, request: ReadingRequest): NativeReading {
    const instants = this.#instants(request)
    const code = precisions.indexOf(precision)
    const service = Buffer.from(database)
    binding.readInflux(this.#reader, body, instants, suffixOf(request), this.#figures, code, service)
    return this.#reading()
  }

  /** Copies the records of the last reading into `bytes`, which must have room for them. */
  take(records: number, bytes: Buffer): TakenRecords {
    const ends = new Uint32Array(records)
    const metricEnds = new Uint32Array(records)
    const serviceOf = new Uint32Array(records)
    binding.takeRecords(this.#reader, bytes, ends, metricEnds, serviceOf)
    return { ends, metricEnds, serviceOf }
  }

  #instants({ now, oldest, newest }: ReadingRequest): Float64Array {
    this.#request.set([now, oldest, newest])
    return this.#request
  }

  #reading(): NativeReading {
    const [code = 0, byte = 0, received = 0, accepted = 0, bytes = 0, records = 0, , rejections = 0] = this.#figures
    const fault = faults[code] ?? 'none'
    if (fault !== 'none') return { fault, byte }
    const reasons = this.#figures.subarray(readingFigures.length)
    return {
      fault: undefined,
      received,
      accepted,
      records,
      bytes,
      services: binding.services(this.#reader),
      rejections: rejections === 0 ? [] : binding.rejections(this.#reader).map(withReason),
      rejected: countsOf(rejectionReasons, reasons),
      skipped: countsOf(skipReasons, reasons.subarray(rejectionReasons.length)),
    }
  }
}

const noSuffix = Buffer.alloc(0)

function suffixOf({ suffix }: ReadingRequest): Buffer {
  return suffix === '' ? noSuffix : Buffer.from(suffix)
}

function withReason({ name, index, reason }: { name: string; index: number; reason: number }) {
  return { index, reason: rejectionReasons[reason] ?? 'unknown', name }
}

const none: Record<string, number> = {}

/** Without those that are 0. */
function countsOf(names: readonly string[], counts: Float64Array): Record<string, number> {
  let found = none
  for (const [n, name] of names.entries()) {
    const count = counts[n] ?? 0
    if (count > 0) found = { ...found, [name]: count }
  }
  return found
}
