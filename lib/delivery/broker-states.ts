import type { BrokerState } from '../telemetry/telemetry.js'

/** What is read of librdkafka's statistics (its STATISTICS.md, "brokers"). Times are in microseconds. */
type BrokerStatistics = {
  name: string
  nodeid: number
  state: string
  txerrs: number
  rxerrs: number
  req_timeouts: number
  rtt: { avg: number }
}

/** Brokers that come and go would otherwise add up; no cluster that a collector writes to is near it. */
const maxBrokers = 100

/** The brokers as one producer's connections see them. */
export class BrokerStates {
  readonly #onErrors: (broker: string, errors: number) => void
  readonly #errors = new Map<string, number>()
  #states: BrokerState[] = []

  /** @param onErrors called with each broker's errors since the last call */
  constructor(onErrors: (broker: string, errors: number) => void) {
    this.#onErrors = onErrors
  }

  get states(): BrokerState[] {
    return this.#states
  }

  /** @param json librdkafka's statistics */
  update(json: string): void {
    const statistics: { brokers: Record<string, BrokerStatistics> } = JSON.parse(json)
    // Those without a number are the addresses to start from, and the coordinator of a group.
    const brokers = Object.values(statistics.brokers).filter(({ nodeid }) => nodeid >= 0)
    this.#states = brokers.slice(0, maxBrokers).map((broker) => {
      this.#tellErrors(broker)
      return { name: broker.name, up: broker.state === 'UP', rttSeconds: broker.rtt.avg / 1e6 }
    })
  }

  #tellErrors({ name, txerrs, rxerrs, req_timeouts }: BrokerStatistics): void {
    const errors = txerrs + rxerrs + req_timeouts
    const before = this.#errors.get(name) ?? 0
    this.#errors.set(name, errors)
    // A new producer begins at 0.
    this.#onErrors(name, errors < before ? errors : errors - before)
  }
}
