import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { fetchFailure } from '../collector-access.js'

const gzipAsync = promisify(gzip)

export type AgentOptions = {
  /** Where batches are posted. */
  url: URL
  apiKey: string
  compress: boolean
  /** How long a batch is retried before it is given up. */
  maxWaitMs: number
  /** Ends all waiting; each batch is then tried once. */
  signal: AbortSignal
  onRetry: (reason: string, waitMs: number) => void
}

/** What became of a batch. */
export type Outcome =
  | { kind: 'taken'; accepted: number; rejected: number; durability: string; errors: string[] }
  /** The collector will never take it. */
  | { kind: 'refused'; reason: string; errors: string[] }
  /** It may be sent again later. */
  | { kind: 'undelivered'; reason: string }

/** Longest wait for an answer; the collector's own limit is VANTAGE_ACK_TIMEOUT_MS. */
const answerTimeoutMs = 60_000
const firstBackoffMs = 250
const maxBackoffMs = 30_000
/** The fault is in the request's address or key, not in the batch: every batch would be answered like this. */
const wrongDoor = new Set([301, 302, 303, 307, 308, 401, 403, 404, 405])

/** Posts batches by the rules of docs/errors.md: again on 429, 5xx and broken connections, never on any other 4xx. */
export class Agent {
  readonly #options: AgentOptions
  readonly #headers: Record<string, string>
  /** Whether to retry: not after a batch was given up, until one is accepted again. */
  #patient = true

  constructor(options: AgentOptions) {
    this.#options = options
    this.#headers = {
      'Content-Type': 'application/json',
      ...(options.compress && { 'Content-Encoding': 'gzip' }),
      ...(options.apiKey !== '' && { 'X-API-Key': options.apiKey }),
    }
  }

  async post(batch: Buffer): Promise<Outcome> {
    const { compress, maxWaitMs, onRetry, signal } = this.#options
    const body = compress ? await gzipAsync(batch, { level: 1 }) : batch
    const deadline = performance.now() + maxWaitMs
    for (let tries = 1; ; tries++) {
      const attempt = await this.#try(body)
      if (attempt.kind !== 'unavailable') {
        this.#patient = attempt.kind !== 'undelivered'
        return attempt
      }
      const { reason, retryAfterMs } = attempt
      const waitMs = retryAfterMs + jitteredBackoffMs(tries)
      const givesUp = !this.#patient || signal.aborted || performance.now() + waitMs > deadline
      if (givesUp) {
        this.#patient = false
        return { kind: 'undelivered', reason }
      }
      onRetry(reason, waitMs)
      await this.#wait(waitMs)
    }
  }

  async #try(body: Uint8Array): Promise<Outcome | Unavailable> {
    try {
      const response = await fetch(this.#options.url, {
        method: 'POST',
        headers: this.#headers,
        body,
        redirect: 'manual',
        signal: AbortSignal.timeout(answerTimeoutMs),
      })
      return outcomeOf(response.status, response.headers, await response.text())
    } catch (error) {
      return { kind: 'unavailable', reason: fetchFailure(error), retryAfterMs: 0 }
    }
  }

  async #wait(ms: number): Promise<void> {
    try {
      await pause(ms, undefined, { signal: this.#options.signal })
    } catch (error) {
      if (!this.#options.signal.aborted) throw error
    }
  }
}

type Unavailable = { kind: 'unavailable'; reason: string; retryAfterMs: number }

/** Full jitter, so that agents that were deferred together do not come back together. */
function jitteredBackoffMs(tries: number): number {
  return Math.random() * Math.min(maxBackoffMs, firstBackoffMs * 2 ** tries)
}

function outcomeOf(status: number, headers: Headers, text: string): Outcome | Unavailable {
  const answer = parseAnswer(text)
  const errors = Array.isArray(answer.errors) ? answer.errors.map(String) : []
  if (status === 202) {
    return {
      kind: 'taken',
      accepted: Number(answer.metrics_accepted ?? 0),
      rejected: Number(answer.metrics_rejected ?? 0),
      durability: String(answer.durability ?? 'unknown'),
      errors,
    }
  }
  const reason = `${status} ${answer.detail ?? answer.title ?? ''}`.trim()
  if (status === 429 || status >= 500) {
    return { kind: 'unavailable', reason, retryAfterMs: retryAfterMs(headers.get('retry-after')) }
  }
  // Only a collector answers 202. Any other success comes from something else at that address.
  if (status < 400 || wrongDoor.has(status)) return { kind: 'undelivered', reason }
  return { kind: 'refused', reason, errors }
}

function parseAnswer(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    // A proxy's page, for example.
    return {}
  }
}

/** Seconds, or a date (RFC 9110, section 10.2.3). */
export function retryAfterMs(header: string | null, now = Date.now()): number {
  if (header === null) return 0
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isFinite(ms) ? Math.max(0, ms) : 0
}
