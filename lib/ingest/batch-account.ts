import { Problem } from '../shared/errors.js'
import { noRejections, type Rejections, totalOf } from '../shared/rejections.js'
import { otherServices, type Telemetry } from '../telemetry/telemetry.js'
import type { FormatName, Outcome, ServiceMetrics } from './format.js'

/** What became of one batch, told to the ledger: delivery takes its accepted metrics out of flight, this class the others. */
export class BatchAccount {
  /** As far as it is known. */
  format: FormatName
  readonly #telemetry: Telemetry
  readonly #keyName: string | undefined
  #received = 0
  #settled = false

  /** @param keyName the API key that the batch came with, if there is one */
  constructor(telemetry: Telemetry, format: FormatName, keyName: string | undefined) {
    this.#telemetry = telemetry
    this.format = format
    this.#keyName = keyName
  }

  receive(metrics: number, services: readonly ServiceMetrics[]): void {
    this.#received = metrics
    this.#telemetry.ledger.received(metrics)
    this.#telemetry.count('formatMetricsReceived', this.format, metrics)
    this.#telemetry.observe('batchMetrics', metrics)
    for (const [service, sent] of services) this.#telemetry.countService(service, sent)
  }

  /** The batch was taken, but for what is rejected or skipped. */
  settle({ accepted, rejections, skips, doubt }: Outcome): void {
    this.#settled = true
    if (doubt !== undefined) this.#telemetry.count('batchesDoubtful', doubt.reason)
    this.#telemetry.counts.metricsAccepted += accepted
    this.#telemetry.count('formatMetricsAccepted', this.format, accepted)
    if (this.#keyName !== undefined) this.#telemetry.count('apiKeyMetricsAccepted', this.#keyName, accepted)
    this.#telemetry.ledger.rejected(this.#end('Rejected', rejections))
    this.#telemetry.ledger.skipped(this.#end('Skipped', skips))
  }

  /** The batch ended in an error: what is not rejected is for the agent to send again. */
  fail(error: unknown): void {
    if (this.#settled) return
    const { metricsReceived = 0, rejections = noRejections } = error instanceof Problem ? error.extras : {}
    if (this.#received === 0 && metricsReceived > 0) this.receive(metricsReceived, [[otherServices, metricsReceived]])
    const rejected = this.#end('Rejected', rejections)
    this.#telemetry.ledger.rejected(rejected)
    this.#telemetry.ledger.deferred(this.#received - rejected)
  }

  /** @returns how many metrics there are for all reasons */
  #end(how: 'Rejected' | 'Skipped', byReason: Rejections): number {
    const metrics = totalOf(byReason)
    if (metrics === 0) return 0
    for (const reason in byReason) this.#telemetry.count(`metrics${how}`, reason, byReason[reason])
    this.#telemetry.count(`formatMetrics${how}`, this.format, metrics)
    return metrics
  }
}
