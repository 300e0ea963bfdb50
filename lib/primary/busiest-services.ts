import { otherServices } from '../telemetry/telemetry.js'

/** Services that are shown by name. */
const maxShown = 50
/** Services that are counted apart, to decide which of them are shown. */
const maxRanked = 1000
/** A service must be this much busier than the quietest one shown to replace it, so that names do not flap. */
const advantage = 2

/**
 * The metrics of each of the busiest services; those of all others are counted as `other`. Each metric is counted in one
 * place and no count ever falls. A service that is no longer among the busiest goes with its count, and is counted as
 * `other` from then on; one that comes in begins at 0. So Prometheus sees every rate as it was.
 */
export class BusiestServices {
  readonly #rankEveryMs: number
  readonly #shown = new Map<string, number>()
  #other = 0
  #recent = new Map<string, number>()
  #rankedAtMs = performance.now()

  constructor(rankEveryMs = 10_000) {
    this.#rankEveryMs = rankEveryMs
  }

  add(services: readonly (readonly [name: string, metrics: number])[]): void {
    for (const [name, metrics] of services) this.#add(name, metrics)
    if (performance.now() - this.#rankedAtMs > this.#rankEveryMs) this.#rank()
  }

  /** Busiest first, as counted so far; `other` is the last one. */
  get counts(): [name: string, metrics: number][] {
    const shown = [...this.#shown].sort(([, a], [, b]) => b - a)
    return [...shown, [otherServices, this.#other]]
  }

  #add(name: string, metrics: number): void {
    if (name === otherServices) {
      this.#other += metrics
      return
    }
    if (this.#recent.has(name) || this.#recent.size < maxRanked) {
      this.#recent.set(name, (this.#recent.get(name) ?? 0) + metrics)
    }
    const known = this.#shown.get(name)
    if (known !== undefined || this.#shown.size < maxShown) this.#shown.set(name, (known ?? 0) + metrics)
    else this.#other += metrics
  }

  /** Replaces the quietest services shown by services that were much busier recently. */
  #rank(): void {
    const recent = this.#recent
    const quietestFirst = [...this.#shown.keys()].sort((a, b) => (recent.get(a) ?? 0) - (recent.get(b) ?? 0))
    const candidates = [...recent].filter(([name]) => !this.#shown.has(name)).sort(([, a], [, b]) => b - a)
    for (const [index, [name, metrics]] of candidates.entries()) {
      const quietest = quietestFirst[index]
      if (quietest === undefined || metrics < advantage * (recent.get(quietest) ?? 0)) break
      this.#shown.delete(quietest)
      this.#shown.set(name, 0)
    }
    this.#recent = new Map()
    this.#rankedAtMs = performance.now()
  }
}
