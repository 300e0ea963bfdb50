import type { RateLimits, RateRequest, RateVerdict } from '../../config/rate-limits.js'
import type { Logger } from '../../shared/logger.js'
import type { PrimaryLink } from '../primary-link.js'
import { Quota } from './quota.js'

/** Of this many clients a worker remembers what they have left. */
const maxKnownClients = 10_000

/** What limits need of a request. */
type LimitedRequest = {
  /** Whom it is counted for. */
  client: string
  /** Headers that its answer will carry, whatever it is. */
  answerHeaders: Record<string, string>
}

type Waiting = { request: RateRequest; resolve: (verdict: RateVerdict | undefined) => void }
type Known = { verdict: RateVerdict; endsAtMs: number }

/**
 * The worker's side of the rate limits, which the primary counts for all workers (primary/rate-windows.ts). Requests of
 * one turn of the event loop are asked for together; a client that is known to have nothing left is refused without
 * asking.
 */
export class RateLimiter {
  readonly limits: RateLimits
  readonly #primary: PrimaryLink
  readonly #logger: Logger
  /** What each client had left when the primary last said so: it cannot have more before its window ends. */
  readonly #known = new Map<string, Known>()
  #waiting: Waiting[] = []

  constructor(limits: RateLimits, primary: PrimaryLink, logger: Logger) {
    this.limits = limits
    this.#primary = primary
    this.#logger = logger
  }

  /**
   * Begins to count a request.
   *
   * @throws {Problem} VANTAGE_RATE_LIMITED at once if its client is known to have nothing left
   */
  open(request: LimitedRequest): Quota {
    return new Quota(request, this.limits, (rate) => this.#take(rate))
  }

  /** Undefined when only the primary can tell. Who has no metrics left need not begin. */
  #refusal({ client, requests, metrics }: RateRequest): RateVerdict | undefined {
    const known = this.#known.get(client)
    if (known === undefined) return undefined
    const { requestsLeft, metricsLeft } = known.verdict
    if (requests <= requestsLeft && Math.max(metrics, 1) <= metricsLeft) return undefined
    const endsInMs = known.endsAtMs - performance.now()
    return endsInMs > 0 ? { allowed: false, requestsLeft, metricsLeft, endsInMs } : undefined
  }

  /** The verdict, at once where it is known; undefined in the end when the primary does not answer. */
  #take(request: RateRequest): RateVerdict | Promise<RateVerdict | undefined> {
    const refusal = this.#refusal(request)
    if (refusal !== undefined) return refusal
    return new Promise((resolve) => {
      this.#waiting.push({ request, resolve })
      if (this.#waiting.length === 1) setImmediate(() => void this.#ask())
    })
  }

  async #ask(): Promise<void> {
    const asked = this.#waiting
    this.#waiting = []
    const verdicts = await this.#primary.takeRates(asked.map(({ request }) => request)).catch((error: unknown) => {
      // Limits protect; that they cannot be counted is no reason to refuse metrics.
      this.#logger.warn({ err: error }, 'rate limits cannot be counted; requests are let through')
      return []
    })
    for (const [index, { request, resolve }] of asked.entries()) {
      const verdict = verdicts[index]
      if (verdict !== undefined) this.#remember(request.client, verdict)
      resolve(verdict)
    }
  }

  #remember(client: string, verdict: RateVerdict): void {
    if (this.#known.size >= maxKnownClients && !this.#known.has(client)) this.#known.clear()
    this.#known.set(client, { verdict, endsAtMs: performance.now() + verdict.endsInMs })
  }
}
