/** Reports something frequent at most once per interval, with the count since the last report. */
export class Seldom {
  readonly #everyMs: number
  readonly #tell: (amount: number, reason: string) => void
  #untold = 0
  #toldAtMs = -Infinity

  constructor(everyMs: number, tell: (amount: number, reason: string) => void) {
    this.#everyMs = everyMs
    this.#tell = tell
  }

  add(amount: number, reason: string): void {
    this.#untold += amount
    const now = performance.now()
    if (now - this.#toldAtMs < this.#everyMs) return
    this.#tell(this.#untold, reason)
    this.#toldAtMs = now
    this.#untold = 0
  }
}
