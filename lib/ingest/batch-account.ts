import { Problem } from '../shared/errors.js'
import { noRejections, type Rejections, totalOf } from '../shared/rejections.js'
import { otherServices, type Telemetry } from '../telemetry/telemetry.js'
import type { Outcome, ServiceMetrics } from './format.js'

/** What became of one batch, told to the ledger: delivery takes its accepted metrics out of flight, this class the others. */
export class BatchAccount {
  readonly #telemetry: Telemetry
  readonly #keyName: string | undefined
  #received = 0
  #settled = false

  /** @param keyName the API key that the batch came with, if there is one */
  constructor(telemetry: Telemetry, keyName: string | undefined) {
    this.#telemetry = telemetry
    this.#keyName = keyName
  }

  receive(metrics: number, services: readonly ServiceMetrics[]): void {
    this.#received = metrics
    this.#telemetry.ledger.received(metrics)
    this.#telemetry.observe('batchMetrics', metrics)
    for (const [service, sent] of services) this.#telemetry.countService(service, sent)
  }

  /** The batch was taken, but for what is rejected. */
  settle({ accepted, rejections }: Outcome): void {
    this.#settled = true
    this.#telemetry.counts.metricsAccepted += accepted
    if (this.#keyName !== undefined) this.#telemetry.count('apiKeyMetricsAccepted', this.#keyName, accepted)
    this.#reject(rejections)
  }

  /** The batch ended in an error: what is not rejected is for the agent to send again. */
  fail(error: unknown): void {
    if (this.#settled) return
    const { metricsReceived = 0, rejections = noRejections } = error instanceof Problem ? error.extras : {}
    if (this.#received === 0 && metricsReceived > 0) this.receive(metricsReceived, [[otherServices, metricsReceived]])
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
