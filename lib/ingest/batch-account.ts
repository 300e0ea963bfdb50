import { Problem } from '../shared/errors.js'
import { noRejections, type Rejections, totalOf } from '../shared/rejections.js'
import { otherServices, type Telemetry } from '../telemetry/telemetry.js'

/** What became of one batch, told to the ledger: delivery takes its accepted metrics out of flight, this class the others. */
export class BatchAccount {
  readonly #telemetry: Telemetry
  readonly #keyName: string | undefined
  #received = 0

  /** @param keyName the API key that the batch came with, if there is one */
  constructor(telemetry: Telemetry, keyName: string | undefined) {
    this.#telemetry = telemetry
    this.#keyName = keyName
  }

  /** @param service who sent them; unknown where the batch does not say */
  receive(metrics: number, service = otherServices): void {
    this.#received = metrics
    this.#telemetry.ledger.received(metrics)
    this.#telemetry.observe('batchMetrics', metrics)
    this.#telemetry.countService(service, metrics)
  }

  /** The batch was taken, but for the rejected part. */
  settle(accepted: number, rejections: Rejections): void {
    this.#telemetry.counts.metricsAccepted += accepted
    if (this.#keyName !== undefined) this.#telemetry.count('apiKeyMetricsAccepted', this.#keyName, accepted)
    this.#reject(rejections)
  }

  /** The batch ended in an error: what is not rejected is for the agent to send again. */
  fail(error: unknown): void {
    const { metricsReceived = 0, rejections = noRejections } = error instanceof Problem ? error.extras : {}
    if (this.#received === 0 && metricsReceived > 0) this.receive(metricsReceived)
    this.#telemetry.ledger.deferred(this.#received - this.#reject(rejections))
  }

  /** @returns how many metrics are rejected */
  #reject(rejections: Rejections): number {
    const rejected = totalOf(rejections)
    for (const reason in rejections) this.#telemetry.count('metricsRejected', reason, rejections[reason])
    this.#telemetry.ledger.rejected(rejected)
    return rejected
  }
}
