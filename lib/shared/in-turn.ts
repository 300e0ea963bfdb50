/** Runs actions one at a time, in the order of the calls. */
export class InTurn {
  #last: Promise<unknown> = Promise.resolve()

  /** Resolves, or rejects, as the action does. */
  run<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#last.then(action)
    this.#last = Promise.allSettled([done])
    return done
  }
}
