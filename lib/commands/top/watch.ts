import { setTimeout as pause } from 'node:timers/promises'
import { messageOf } from '../../shared/errors.js'
import { StatsWindow } from '../../view/stats-window.js'
import { askStats, type Door } from './ask.js'
import type { View } from './page.js'
import type { Seen } from './sections.js'

/** Polls a collector and keeps what is shown. */
export class Watch {
  readonly #door: Door
  readonly #intervalMs: number
  readonly #looks = new StatsWindow()
  #seen: Seen | undefined
  #failure: string | undefined

  constructor(door: Door, intervalMs: number) {
    this.#door = door
    this.#intervalMs = intervalMs
  }

  /** @throws {Error} when the collector does not answer as it should */
  async look(signal: AbortSignal): Promise<void> {
    const stats = await askStats(this.#door, signal)
    this.#looks.add(stats, performance.now())
    this.#seen = { stats, momentary: this.#looks.momentary, steady: this.#looks.steady }
  }

  /** Resolves after the interval, at once when the signal is aborted. */
  async rest(signal: AbortSignal): Promise<void> {
    // Only an abort ends it early.
    await pause(this.#intervalMs, undefined, { signal }).catch(() => undefined)
  }

  /** Polls and reports until the signal is aborted. A failed poll is reported, too, and does not end it. */
  async follow(signal: AbortSignal, onChange: () => void): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.look(signal)
        this.#failure = undefined
      } catch (error) {
        this.#failure = messageOf(error)
      }
      if (!signal.aborted) onChange()
      await this.rest(signal)
    }
  }

  get view(): Omit<View, 'footer'> {
    return { seen: this.#seen, failure: this.#failure }
  }
}
