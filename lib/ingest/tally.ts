import { Problem } from '../shared/errors.js'
import type { Telemetry } from '../shared/telemetry.js'

/** The books of one batch: each metric received is in flight until it is accepted, rejected or unavailable. */
export class Tally {
  readonly #telemetry: Telemetry
  readonly #keyName: string | undefined
  #inFlight = 0

  /** @param keyName the API key that the batch came with, if there is one */
  constructor(telemetry: Telemetry, keyName: string | undefined) {
    this.#telemetry = telemetry
    this.#keyName = keyName
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
    if (this.#keyName !== undefined) this.#telemetry.countKeyMetrics(this.#keyName, accepted)
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
