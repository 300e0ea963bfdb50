/** Lets so much work run at a time. Clients that wait take turns, so that none waits for all that another has sent. */
export class Turns {
  readonly #waiting = new Map<string, (() => void)[]>()
  #free: number

  constructor(atATime: number) {
    this.#free = atATime
  }

  /** @throws whatever `work` throws */
  async run<T>(client: string, work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await this.#turnOf(client)
    try {
      return await work()
    } finally {
      this.#pass()
    }
  }

  #turnOf(client: string): Promise<void> {
    return new Promise((resolve) => {
      const queue = this.#waiting.get(client)
      if (queue === undefined) this.#waiting.set(client, [resolve])
      else queue.push(resolve)
    })
  }

  /** To the client that has waited longest since its last turn; it goes to the end of the line. */
  #pass(): void {
    for (const [client, queue] of this.#waiting) {
      this.#waiting.delete(client)
      const next = queue.shift()
      if (queue.length > 0) this.#waiting.set(client, queue)
      next?.()
      return
    }
    this.#free++
  }
}
