import type { Outcome } from './agent.js'

/** What became of the metrics that were read; each counts as accepted, rejected or undelivered. */
export class Tally {
  readonly #startedAt = performance.now()
  accepted = 0
  rejected = 0
  undelivered = 0
  batches = 0
  retries = 0
  /** Accepted ones by where they are: kafka, journal or memory. */
  readonly durability: Record<string, number> = {}

  settle(outcome: Outcome | { kind: 'undelivered' }, metrics: number): void {
    this.batches++
    if (outcome.kind === 'taken') {
      this.accepted += outcome.accepted
      this.rejected += outcome.rejected
      this.durability[outcome.durability] = (this.durability[outcome.durability] ?? 0) + outcome.accepted
    } else if (outcome.kind === 'refused') {
      this.rejected += metrics
    } else {
      this.undelivered += metrics
    }
  }

  get seconds(): number {
    return (performance.now() - this.#startedAt) / 1000
  }

  /** Accepted metrics a second, so far. */
  get rate(): string {
    return Math.round(this.accepted / Math.max(this.seconds, 0.001)).toLocaleString('en')
  }

  describe(): string {
    const { accepted, rejected, undelivered, durability, retries } = this
    const where = Object.entries(durability).map(([place, metrics]) => `${place} ${metrics.toLocaleString('en')}`)
    return (
      `${shown(accepted)} accepted${where.length > 0 ? ` (${where.join(', ')})` : ''}, ${shown(rejected)} rejected, ` +
      `${shown(undelivered)} not delivered; ${shown(this.batches)} ${this.batches === 1 ? 'batch' : 'batches'}, ` +
      `${shown(retries)} ${retries === 1 ? 'retry' : 'retries'}, ${this.seconds.toFixed(1)} s, ${this.rate} metrics/s`
    )
  }

  toJSON() {
    const { accepted, rejected, undelivered, durability, batches, retries, seconds } = this
    return { accepted, rejected, undelivered, durability, batches, retries, seconds: Math.round(seconds * 1000) / 1000 }
  }
}

function shown(number: number): string {
  return number.toLocaleString('en')
}
