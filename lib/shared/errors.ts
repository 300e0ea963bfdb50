import { constants } from 'node:os'
import type { Rejections } from './rejections.js'

export type ProblemDefinition = {
  status: 400 | 401 | 403 | 404 | 405 | 413 | 415 | 417 | 422 | 429 | 500 | 503
  /**
   * Whether the same request may succeed later. Agents retry on 429 and 5xx and drop on other 4xx, so this follows the
   * status.
   */
  retryable: boolean
  title: string
  /** What the operator of the agent should do. */
  remedy: string
}

/** Every error the collector answers with. A test holds docs/errors.md and /openapi.json against this table. */
export const problems = {
  VANTAGE_EMPTY_BODY: {
    status: 400,
    retryable: false,
    title: 'Request body is empty',
    remedy: 'Send a JSON object with a metrics array.',
  },
  VANTAGE_INVALID_ENCODING: {
    status: 400,
    retryable: false,
    title: 'Request body is not what its Content-Encoding says',
    remedy: 'Send valid gzip data, or no Content-Encoding.',
  },
  VANTAGE_INVALID_UTF8: {
    status: 400,
    retryable: false,
    title: 'Request body is not valid UTF-8',
    remedy: 'Encode the JSON text as UTF-8; detail says which metric and byte is not.',
  },
  VANTAGE_INVALID_JSON: {
    status: 400,
    retryable: false,
    title: 'Request body is not valid JSON',
    remedy: 'Send one JSON object; detail names the fault, its metric and its byte in the inflated body.',
  },
  VANTAGE_INVALID_OTLP: {
    status: 400,
    retryable: false,
    title: 'Request body is no OTLP export request',
    remedy: 'Send an ExportMetricsServiceRequest, as protobuf or JSON; detail says what is wrong, and at which byte.',
  },
  VANTAGE_UNSUPPORTED_FRAMING: {
    status: 400,
    retryable: false,
    title: 'The body has trailers or chunk extensions',
    remedy: 'Send the body with Content-Length, or in chunks without extensions and trailers.',
  },
  VANTAGE_API_KEY_REQUIRED: {
    status: 401,
    retryable: false,
    title: 'API key required',
    remedy: 'Send the key as X-API-Key or as Authorization: Bearer.',
  },
  VANTAGE_API_KEY_INVALID: {
    status: 401,
    retryable: false,
    title: 'Invalid API key',
    remedy: 'Ask the operator of this collector for a current key.',
  },
  VANTAGE_API_KEY_SCOPE: {
    status: 403,
    retryable: false,
    title: 'The API key may not do this',
    remedy: 'Use a key with the scope that detail names.',
  },
  VANTAGE_CLIENT_CERTIFICATE_REQUIRED: {
    status: 403,
    retryable: false,
    title: 'Client certificate required',
    remedy: 'Connect with a certificate that the CA of this collector has signed.',
  },
  VANTAGE_NOT_FOUND: {
    status: 404,
    retryable: false,
    title: 'No such route',
    remedy: 'GET / lists the routes.',
  },
  VANTAGE_METHOD_NOT_ALLOWED: {
    status: 405,
    retryable: false,
    title: 'Method not allowed on this route',
    remedy: 'Use a method of the Allow header.',
  },
  VANTAGE_BODY_TOO_LARGE: {
    status: 413,
    retryable: false,
    title: 'Request body too large',
    remedy: 'Send smaller batches; the limit counts before and after inflating, and there is one of values.',
  },
  VANTAGE_UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    retryable: false,
    title: 'Content-Type is not taken on this route',
    remedy: 'Send Content-Type: application/json, or application/x-protobuf for OTLP.',
  },
  VANTAGE_UNSUPPORTED_ENCODING: {
    status: 415,
    retryable: false,
    title: 'Content-Encoding is not supported',
    remedy: 'Send the body as it is, or with Content-Encoding: gzip.',
  },
  VANTAGE_UNSUPPORTED_EXPECTATION: {
    status: 417,
    retryable: false,
    title: 'Expect is not 100-continue',
    remedy: 'Send Expect: 100-continue, or no Expect.',
  },
  VANTAGE_INVALID_BATCH: {
    status: 422,
    retryable: false,
    title: 'The batch is not valid',
    remedy: 'Correct what errors names; nothing of this batch was delivered.',
  },
  VANTAGE_NO_VALID_METRICS: {
    status: 422,
    retryable: false,
    title: 'No metric of the batch is valid',
    remedy: 'Correct what errors names; nothing of this batch was delivered.',
  },
  VANTAGE_RATE_LIMITED: {
    status: 429,
    retryable: true,
    title: 'Over the rate limit',
    remedy: 'Retry after Retry-After seconds, and send fewer, larger batches.',
  },
  VANTAGE_INTERNAL: {
    status: 500,
    retryable: true,
    title: 'Internal error',
    remedy: 'Retry; report it with the collector log if it stays.',
  },
  VANTAGE_STATS_UNAVAILABLE: {
    status: 503,
    retryable: true,
    title: 'The primary process does not answer with the figures',
    remedy: 'Retry; if it stays, the primary process is stuck: see its log.',
  },
  VANTAGE_KAFKA_UNAVAILABLE: {
    status: 503,
    retryable: true,
    title: 'Kafka cannot take metrics now',
    remedy: 'Retry after Retry-After seconds.',
  },
  VANTAGE_ACK_TIMEOUT: {
    status: 503,
    retryable: true,
    title: 'Kafka did not acknowledge the batch in time',
    remedy: 'Retry after Retry-After seconds; the batch may still arrive, so a retry can duplicate it.',
  },
  VANTAGE_JOURNAL_FULL: {
    status: 503,
    retryable: true,
    title: 'Kafka cannot take metrics now, and the journal is full',
    remedy: 'Retry after Retry-After seconds.',
  },
  VANTAGE_JOURNAL_UNAVAILABLE: {
    status: 503,
    retryable: true,
    title: 'Kafka cannot take metrics now, and the journal cannot be written',
    remedy: 'Retry after Retry-After seconds.',
  },
  VANTAGE_OVERLOADED: {
    status: 503,
    retryable: true,
    title: 'The collector holds as many unacknowledged bytes as it may',
    remedy: 'Retry after Retry-After seconds.',
  },
} as const satisfies Record<string, ProblemDefinition>

export type ProblemCode = keyof typeof problems

export type ProblemExtras = {
  errors?: readonly string[]
  metricsReceived?: number
  rejections?: Rejections
  /** Headers the answer must carry, such as Allow. */
  headers?: Record<string, string>
}

/** A request that ends in an error answer. Thrown by the pipeline, turned into problem+json at its edge. */
export class Problem extends Error {
  override name = 'Problem'
  readonly code: ProblemCode
  readonly extras: ProblemExtras

  constructor(code: ProblemCode, detail: string, extras: ProblemExtras = {}) {
    super(detail)
    this.code = code
    this.extras = extras
  }

  get definition(): ProblemDefinition {
    return problems[this.code]
  }
}

/** The message of a caught value. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message.replace(
    /^Unknown system error -(\d+): .*?-\d+/,
    (text, number) => nameOf(Number(number)) ?? text,
  )
}

/** The system's name for an error that libuv does not know, such as EDQUOT. */
function nameOf(number: number): string | undefined {
  return Object.entries(constants.errno).find(([, known]) => known === number)?.[0]
}

/** The code of a caught value, such as ENOENT; undefined where it has none. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

/** Whether an error of the file system says that something is not there. */
export function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT'
}
