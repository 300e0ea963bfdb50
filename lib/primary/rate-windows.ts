import type { RateLimits, RateRequest, RateVerdict } from '../config/rate-limits.js'

type Window = { requestsLeft: number; metricsLeft: number; endsAtMs: number }

/** Clients with a window of their own, some 20 MB of them. */
const maxClients = 100_000

/**
 * What each client may still send, counted in one place for all workers, so that the limits are exact. A window begins
 * with a client's first request.
 *
 * Beyond `maxClients` within one window, newcomers share a window: an attacker with a million addresses can neither grow
 * this process nor push another client's count out of it.
 */
export class RateWindows {
  readonly #limits: RateLimits
  /** All windows are equally long and begin when they are added, so those that ended are the first ones. */
  readonly #windows = new Map<string, Window>()
  #shared: Window | undefined

  constructor(limits: RateLimits) {
    this.#limits = limits
  }

  get clients(): number {
    return this.#windows.size
  }

  /** @param nowMs on the clock of performance.now() */
  take({ client, requests, metrics }: RateRequest, nowMs: number): RateVerdict {
    const window = this.#windowOf(client, nowMs)
    const allowed = requests <= window.requestsLeft && metrics <= window.metricsLeft
    if (allowed) {
      window.requestsLeft -= requests
      window.metricsLeft -= metrics
    }
    const { requestsLeft, metricsLeft, endsAtMs } = window
    return { allowed, requestsLeft, metricsLeft, endsInMs: endsAtMs - nowMs }
  }

  #windowOf(client: string, nowMs: number): Window {
    this.#dropEnded(nowMs)
    const present = this.#windows.get(client)
    if (present !== undefined) return present
    if (this.#windows.size >= maxClients) return this.#sharedWindow(nowMs)
    const window = this.#newWindow(nowMs)
    this.#windows.set(client, window)
    return window
  }

  #dropEnded(nowMs: number): void {
    for (const [client, { endsAtMs }] of this.#windows) {
      if (endsAtMs > nowMs) return
      this.#windows.delete(client)
    }
  }

  #sharedWindow(nowMs: number): Window {
    if (this.#shared === undefined || this.#shared.endsAtMs <= nowMs) this.#shared = this.#newWindow(nowMs)
    return this.#shared
  }

  #newWindow(nowMs: number): Window {
    const { requests, metrics, windowMs } = this.#limits
    return {
      requestsLeft: requests || Number.MAX_SAFE_INTEGER,
      metricsLeft: metrics || Number.MAX_SAFE_INTEGER,
      endsAtMs: nowMs + windowMs,
    }
  }
}
