/** Tells of what happens often at most once in a while, with how much of it there was since it was told last. */
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
