import { loadAddon } from '../../shared/addon.js'

/** The kinds of scan.h, in its order. */
export const kinds = ['none', 'any', 'integer', 'instant', 'number', 'text', 'choice', 'texts', 'metrics'] as const
export type Kind = (typeof kinds)[number]

/** What scan.h says of a rule. */
export type NativeRule = {
  name: string
  kind: number
  required: boolean
  nullable: boolean
  boundedBelow: boolean
  minimum: number
  maximum: number
  choices: readonly string[] | undefined
}

declare const schema: unique symbol
/** Rules that were compiled. */
export type NativeSchema = { [schema]: true }

/** What the survey finds wrong with a body, in the order of survey.h. */
export const surveyEnds = [
  'done',
  'value expected',
  'name expected',
  'colon expected',
  'comma expected',
  'end expected',
  'control character',
  'no such escape',
  'no number',
  'too deep',
] as const
export type SurveyEnd = (typeof surveyEnds)[number]

/** Why a metric must not be parsed, in the order of survey.h. */
export const flaws = ['none', 'depth', 'values', 'number'] as const

/** The limits of scan.h and survey.h. */
export const maxDepth = 64
export const maxMetricValues = 1000
export const maxNumberLength = 400

/** Numbers a metric, as scan.h has them: start, end, and which rules it met, a bit each. */
export const placeSize = 3
/** Numbers a null: start, end. */
export const nullSize = 2
/** Numbers a metric, as survey.h has them: start, end, names, flaw, where the flaw is, whether it is odd. */
export const surveyedSize = 6
/** Numbers of the report before those of the members of the envelope, as survey.h has them, from end to twice. */
export const reportSize = 7

/** What settings say to a reader; reading.h has it. */
export type ReaderOptions = {
  /** Defaults, where a body does not say. */
  environment: string
  agentVersion: string
  noService: string
  /** Whether histograms have a record for each bucket, too. */
  buckets: boolean
  /** Whether metrics of one service share records, a line each. */
  ndjson: boolean
  /** Of line protocol: the tags that may say the service, of which the first counts; and whether text fields are tags. */
  serviceTags?: readonly string[]
  textAsTags?: boolean
  maxMetrics: number
  /** Most bytes that the records of one body may have. */
  maxBytes: number
  maxRecordBytes: number
}

export type LineOptions = { serviceTags: string; textAsTags: boolean }

declare const reader: unique symbol
export type NativeReader = { [reader]: true }

/** Why a body cannot be read, in the order of protobuf.h. */
export const faults = [
  'none',
  'truncated',
  'integer',
  'tag',
  'group',
  'type',
  'utf8',
  'depth',
  'twice',
  'metrics',
  'size',
  'compression',
  'symbol',
] as const
export type Fault = (typeof faults)[number]

/** Why a metric is rejected, and why it is skipped, in the order of reading.h. */
export const rejectionReasons = [
  'metric_name.minLength',
  'metric_name.maxLength',
  'service_name.maxLength',
  'tags.maxProperties',
  'timestamp.age',
  'timestamp.future',
  'histogram.bounds',
  'timestamp.minimum',
  'timestamp.maximum',
  'line.syntax',
  'line.utf8',
  'value.type',
] as const
export const skipReasons = ['not_finite', 'no_recorded_value', 'stale'] as const

/** Of timestamps of line protocol, in the order of influx.h. */
export const precisions = ['ns', 'us', 'ms', 's', 'm', 'h'] as const
export type Precision = (typeof precisions)[number]

/** What of remote write was not rejected, in the order of remote-write.h. */
export const writtenParts = ['samples', 'histograms', 'exemplars'] as const

/** Figures of a reading before those by reason, in the order of reader-calls.c. */
export const readingFigures = [
  'fault',
  'byte',
  'received',
  'accepted',
  'bytes',
  'records',
  'services',
  'rejections',
] as const

/** The addon that binding.gyp compiles from what is in this folder. */
export type Binding = {
  /** @throws {RangeError} for more than 32 rules of one object, or a rule that says what none can */
  compile(envelope: readonly NativeRule[], metric: readonly NativeRule[]): NativeSchema
  /**
   * How many metrics the body holds, all of them good; 0 if not, or not surely. The body must be valid UTF-8. If it is sure, it
   * overwrites known members of metrics that are null by spaces.
   *
   * @param places gets `placeSize` numbers a metric
   * @param nulls is room for `nullSize` numbers a null
   * @param values gets two numbers a rule of the envelope: where the member's value starts and ends; 0 where it is absent or
   *   null
   * @param figures gets the earliest and the latest instant, the number of values, and 1 if there are line breaks, else 0
   */
  scan(
    schema: NativeSchema,
    body: Buffer,
    places: Uint32Array,
    nulls: Uint32Array,
    values: Uint32Array,
    figures: Float64Array,
  ): number
  /**
   * Walks a body, which must be valid UTF-8, before it is parsed.
   *
   * @param places gets `surveyedSize` numbers a metric, for as many metrics as there is room
   * @param report gets `reportSize` numbers, and two a rule of the envelope: where the member's value starts and ends
   */
  survey(schema: NativeSchema, body: Buffer, places: Uint32Array, report: Uint32Array): void
  /** Makes spaces of the line breaks of a body that is JSON. */
  toOneLine(body: Buffer): void
  /** @throws {RangeError} for sizes that are no numbers of 32 bits */
  createReader(options: Omit<ReaderOptions, 'serviceTags' | 'textAsTags'> & LineOptions): NativeReader
  /**
   * Reads an ExportMetricsServiceRequest of OpenTelemetry in protobuf into memory of the reader, where it is until the next reading.
   *
   * @param request now, and the oldest and the newest instant that a metric may have, in Unix ms
   * @param suffix members of JSON for each record, each with a comma before it
   * @param figures gets `readingFigures`, and how many metrics were rejected and skipped for each reason; it has room for
   *   `writtenParts` behind them
   */
  readOtlp(reader: NativeReader, body: Buffer, request: Float64Array, suffix: Buffer, figures: Float64Array): void
  /** The same for a request of Prometheus remote write, which is still compressed. `figures` gets `writtenParts`, too. */
  readRemoteWrite(
    reader: NativeReader,
    body: Buffer,
    request: Float64Array,
    suffix: Buffer,
    figures: Float64Array,
    version: number,
    maxInflatedBytes: number,
  ): void
  /** The same for lines of InfluxDB's protocol; `precision` is one of `precisions`, and `database` the service of lines that name none. */
  readInflux(
    reader: NativeReader,
    body: Buffer,
    request: Float64Array,
    suffix: Buffer,
    figures: Float64Array,
    precision: number,
    database: Buffer,
  ): void
  /**
   * Copies the records of the last reading.
   *
   * @param ends gets where each record ends
   * @param metricEnds gets how many accepted metrics have begun up to its end
   * @param services gets which service it is of
   * @throws {RangeError} where there is no room for them
   */
  takeRecords(
    reader: NativeReader,
    bytes: Buffer,
    ends: Uint32Array,
    metricEnds: Uint32Array,
    services: Uint32Array,
  ): void
  /** Of the last reading: how many metrics each service has, rejected and skipped ones included. */
  services(reader: NativeReader): { name: string; metrics: number }[]
  /** Of the last reading: the first metrics that were rejected, as counted in the body. `reason` is one of `rejectionReasons`. */
  rejections(reader: NativeReader): { name: string; index: number; reason: number }[]
}

export const binding = loadAddon('vantage_scan') as Binding
