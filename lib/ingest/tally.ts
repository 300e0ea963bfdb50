import { Problem } from '../shared/errors.js'
import type { Telemetry } from '../shared/telemetry.js'

/** The books of one batch: each metric received is in flight until it is accepted, rejected or unavailable. */
export class Tally {
  readonly #telemetry: Telemetry
  #inFlight = 0

  constructor(telemetry: Telemetry) {
    this.#telemetry = telemetry
  }

  receive(metrics: number): void {
    this.#inFlight = metrics
    this.#telemetry.counts.metricsReceived += metrics
    this.#telemetry.gauges.metricsInFlight += metrics
  }

  /** Closes the books: what is neither accepted nor rejected is for the agent to send again. */
  settle(accepted: number, rejected: number): void {
    const { counts, gauges } = this.#telemetry
    counts.metricsAccepted += accepted
    counts.metricsRejected += rejected
    counts.metricsUnavailable += this.#inFlight - accepted - rejected
    gauges.metricsInFlight -= this.#inFlight
    this.#inFlight = 0
  }

  /** Closes the books of a batch that ended in an error. */
  fail(error: unknown): void {
    const { metricsReceived = 0, metricsRejected = 0 } = error instanceof Problem ? error.extras : {}
    if (this.#inFlight === 0) this.receive(metricsReceived)
    this.settle(0, metricsRejected)
  }
}
