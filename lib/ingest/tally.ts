import { Problem } from '../shared/errors.js'
import { noRejections, type Rejections, totalOf } from '../shared/rejections.js'
import { otherServices, type Telemetry } from '../shared/telemetry.js'

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

  /** @param service who sent them; unknown where the batch does not say */
  receive(metrics: number, service = otherServices): void {
    this.#inFlight = metrics
    this.#telemetry.counts.metricsReceived += metrics
    this.#telemetry.gauges.metricsInFlight += metrics
    this.#telemetry.observe('batchMetrics', metrics)
    this.#telemetry.countService(service, metrics)
  }

  /** Closes the books: what is neither accepted nor rejected is for the agent to send again. */
  settle(accepted: number, rejections: Rejections): void {
    const { counts, gauges } = this.#telemetry
    const rejected = totalOf(rejections)
    for (const reason in rejections) this.#telemetry.count('metricsRejected', reason, rejections[reason])
    counts.metricsAccepted += accepted
    if (this.#keyName !== undefined) this.#telemetry.count('apiKeyMetricsAccepted', this.#keyName, accepted)
    counts.metricsRejected += rejected
    counts.metricsUnavailable += this.#inFlight - accepted - rejected
    gauges.metricsInFlight -= this.#inFlight
    this.#inFlight = 0
  }

  /** Closes the books of a batch that ended in an error. */
  fail(error: unknown): void {
    const { metricsReceived = 0, rejections = noRejections } = error instanceof Problem ? error.extras : {}
    if (this.#inFlight === 0 && metricsReceived > 0) this.receive(metricsReceived)
    this.settle(0, rejections)
  }
}
