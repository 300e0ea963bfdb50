import { InTurn } from '../../shared/in-turn.js'

/** Reading, finishing and closing take turns, so that nobody has a segment deleted or closed that he reads. */
export class DiskTurns {
  readonly #turns = new InTurn()
  /** When the disk answered last to the one whose turn it is, on the clock of performance.now(). */
  #answeredAtMs: number | undefined

  /** For how long the disk has let the one wait whose turn it is; 0 where it is nobody's. */
  get silentMs(): number {
    return this.#answeredAtMs === undefined ? 0 : performance.now() - this.#answeredAtMs
  }

  /** Runs an action while no other does. */
  run<T>(action: () => Promise<T>): Promise<T> {
    return this.#turns.run(() => {
      this.#answeredAtMs = performance.now()
      return action().finally(() => {
        this.#answeredAtMs = undefined
      })
    })
  }

  /** The disk has answered to the one whose turn it is, who asks it further. */
  answered(): void {
    if (this.#answeredAtMs !== undefined) this.#answeredAtMs = performance.now()
  }
}
