import { type Answer, retryAfter } from '../../../shared/answer.js'
import type { Problem } from '../../../shared/errors.js'
import type { Outcome } from '../../format.js'

/** How the messages of the answers are written: as the request was. */
export type Encoding = {
  contentType: string
  /** An ExportMetricsServiceResponse (opentelemetry-proto, collector/metrics/v1); `partial` is absent where nothing was rejected. */
  response: (partial?: PartialSuccess) => string | Uint8Array
  /** A google.rpc.Status. */
  status: (code: number, message: string) => string | Uint8Array
}

export type PartialSuccess = { rejectedDataPoints: number; errorMessage: string }

const maxShownErrors = 5

/** Exactly 200, whatever became of the points: what is answered so, agents never send again. */
export function createAnswer({ contentType, response }: Encoding): (outcome: Outcome) => Answer {
  return (outcome) => {
    const { rejected, durability } = outcome
    const headers = {
      'Content-Type': contentType,
      ...(durability !== undefined && { 'X-Vantage-Durability': durability }),
    }
    return { status: 200, headers, body: rejected === 0 ? response() : response(partialSuccessOf(outcome)) }
  }
}

function partialSuccessOf({ received, rejected, errors }: Outcome): PartialSuccess {
  const shown = errors.slice(0, maxShownErrors).join('; ')
  const more = rejected > maxShownErrors ? '; ...' : ''
  return {
    rejectedDataPoints: rejected,
    errorMessage: `${rejected} of ${received} points rejected: ${shown}${more}`,
  }
}

/** Codes of google.rpc.Code by the status of HTTP that they go with. */
const rpcCodes: Readonly<Record<number, number>> = {
  400: 3,
  401: 16,
  403: 7,
  413: 8,
  415: 3,
  417: 3,
  422: 3,
  429: 8,
  503: 14,
}

/** Agents send again on 429, 502, 503 and 504 only, so what others call an internal error is one of these. */
export function createProblem({ contentType, status }: Encoding): (problem: Problem) => Answer {
  return ({ code, message, definition, extras }) => {
    const answered = definition.status === 500 ? 503 : definition.status
    return {
      status: answered,
      headers: { 'Content-Type': contentType, ...(definition.retryable && retryAfter), ...extras.headers },
      body: status(rpcCodes[answered] ?? 2, `${message} (${code})`),
    }
  }
}

export const inJson: Encoding = {
  contentType: 'application/json',
  response: (partial) => {
    if (partial === undefined) return '{}'
    const { rejectedDataPoints, errorMessage } = partial
    // As JSON, protobuf has integers of 64 bits as strings.
    return JSON.stringify({ partialSuccess: { rejectedDataPoints: String(rejectedDataPoints), errorMessage } })
  },
  status: (code, message) => JSON.stringify({ code, message }),
}

export const inProtobuf: Encoding = {
  contentType: 'application/x-protobuf',
  response: (partial) => {
    if (partial === undefined) return ''
    const { rejectedDataPoints, errorMessage } = partial
    return bytesField(1, Buffer.concat([varintField(1, rejectedDataPoints), textField(2, errorMessage)]))
  },
  status: (code, message) => Buffer.concat([varintField(1, code), textField(2, message)]),
}

// Protobuf's wire format: a field is its number and wire type, and then its value.
const varintType = 0
const lengthType = 2

function varintField(number: number, value: number): Buffer {
  return Buffer.concat([varint((number << 3) | varintType), varint(value)])
}

function textField(number: number, text: string): Buffer {
  return bytesField(number, Buffer.from(text))
}

function bytesField(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint((number << 3) | lengthType), varint(bytes.length), bytes])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return Buffer.from([...bytes, rest])
}
