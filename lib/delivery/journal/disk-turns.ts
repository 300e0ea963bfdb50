import { InTurn } from '../../shared/in-turn.js'

/** Reading, finishing and closing take turns, so that no segment is deleted or closed while it is read. */
export class DiskTurns {
  readonly #turns = new InTurn()
  /** When the disk last answered to the action whose turn it is, on the clock of performance.now(). */
  #answeredAtMs: number | undefined

  /** For how long the action whose turn it is has waited for the disk; 0 where there is none. */
  get silentMs(): number {
    return this.#answeredAtMs === undefined ? 0 : performance.now() - this.#answeredAtMs
  }

  /** Runs an action while no other runs. */
  run<T>(action: () => Promise<T>): Promise<T> {
    return this.#turns.run(() => {
      this.#answeredAtMs = performance.now()
      return action().finally(() => {
        this.#answeredAtMs = undefined
      })
    })
  }

  /** The disk has answered to the action whose turn it is, which goes on. */
  answered(): void {
    if (this.#answeredAtMs !== undefined) this.#answeredAtMs = performance.now()
  }
}
