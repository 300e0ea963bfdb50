import type { Stats } from '../telemetry/stats-schema.js'
import { type Figures, figuresBetween } from './figures.js'

/** Quantiles and shares are taken over this many polls, so that they do not flicker. */
const looksAveraged = 5

type Look = { stats: Stats; atMs: number }

/** The last answers of /v1/stats, for rates between them. */
export class StatsWindow {
  #looks: Look[] = []

  /** @param atMs of a clock that is never set back */
  add(stats: Stats, atMs: number): void {
    const last = this.#looks.at(-1)
    // Another collector has taken the place of the one before.
    if (last !== undefined && stats.uptime_seconds < last.stats.uptime_seconds) this.#looks = []
    this.#looks.push({ stats, atMs })
    if (this.#looks.length > looksAveraged + 1) this.#looks.shift()
  }

  /** Between the last two looks; undefined when there is only one. */
  get momentary(): Figures | undefined {
    return this.#since(this.#looks.at(-2))
  }

  /** Between the first look of the window and the last. */
  get steady(): Figures | undefined {
    return this.#since(this.#looks[0])
  }

  #since(first: Look | undefined): Figures | undefined {
    const last = this.#looks.at(-1)
    if (first === undefined || last === undefined || first === last) return undefined
    return figuresBetween(first.stats, last.stats, (last.atMs - first.atMs) / 1000)
  }
}
