import type { RateLimits, RateRequest, RateVerdict } from '../../config/rate-limits.js'
import { Problem } from '../../shared/errors.js'

type Take = (request: RateRequest) => RateVerdict | Promise<RateVerdict | undefined>
type LimitedRequest = { client: string; answerHeaders: Record<string, string> }

/** What one request takes of its client's limits. Once it is counted, its answer says what is left. */
export class Quota {
  readonly #request: LimitedRequest
  readonly #limits: RateLimits
  readonly #take: Take
  readonly #counted: RateVerdict | Promise<RateVerdict | undefined>

  /** @throws {Problem} VANTAGE_RATE_LIMITED if the client is known to have nothing left */
  constructor(request: LimitedRequest, limits: RateLimits, take: Take) {
    this.#request = request
    this.#limits = limits
    this.#take = take
    this.#counted = take({ client: request.client, requests: 1, metrics: 0 })
    if (!(this.#counted instanceof Promise)) this.#enforce(this.#counted)
  }

  /** @throws {Problem} VANTAGE_RATE_LIMITED if the request is one too many */
  async counted(): Promise<void> {
    this.#enforce(await this.#counted)
  }

  /** @throws {Problem} VANTAGE_RATE_LIMITED if the metrics are too many; then none of them is counted */
  async countMetrics(metrics: number): Promise<void> {
    if (this.#limits.metrics === 0) return
    this.#enforce(await this.#take({ client: this.#request.client, requests: 0, metrics }))
  }

  #enforce(verdict: RateVerdict | undefined): void {
    if (verdict === undefined) return
    Object.assign(this.#request.answerHeaders, this.#headers(verdict))
    if (verdict.allowed) return
    const { requests, metrics, windowMs } = this.#limits
    const limit = verdict.requestsLeft > 0 ? `${metrics} metrics` : `${requests} requests`
    throw new Problem('VANTAGE_RATE_LIMITED', `More than ${limit} within ${windowMs / 1000} s`, {
      headers: { 'Retry-After': String(Math.max(1, Math.ceil(verdict.endsInMs / 1000))) },
    })
  }

  /** Of whichever limit has the smaller part left. Reset is a Unix time in seconds. */
  #headers({ requestsLeft, metricsLeft, endsInMs }: RateVerdict): Record<string, string> {
    const { requests, metrics } = this.#limits
    const ofMetrics = requests === 0 || metricsLeft * requests < requestsLeft * metrics
    return {
      'X-RateLimit-Limit': String(ofMetrics ? metrics : requests),
      'X-RateLimit-Remaining': String(ofMetrics ? metricsLeft : requestsLeft),
      'X-RateLimit-Reset': String(Math.ceil((Date.now() + endsInMs) / 1000)),
    }
  }
}
