import { Problem } from '../shared/errors.js'
import type { Gauges } from '../telemetry/telemetry.js'

/** A client that is alone may fill this many times what is left free, which is 4/5 of the budget. */
const greed = 4

/**
 * What requests may hold of a worker's memory until they are answered: bodies as they arrive, then their records. Over
 * it, they are refused before they have grown the process. (What delivery holds for Kafka has a bound of its own.)
 *
 * No client may hold more than `greed` times what is free ("dynamic threshold", Choudhury and Hahne 1998): however many
 * greedy ones there are, they leave room for another.
 */
export class ByteBudget {
  readonly #maxBytes: number
  readonly #gauges: Pick<Gauges, 'requestHeldBytes'>
  readonly #heldBy = new Map<string, number>()

  constructor(maxBytes: number, gauges: Pick<Gauges, 'requestHeldBytes'>) {
    this.#maxBytes = maxBytes
    this.#gauges = gauges
  }

  open(client: string): Hold {
    return new Hold(this, client)
  }

  /** Lets a request of the client hold so many bytes more, or fewer, whatever is allowed. */
  change(client: string, bytes: number): void {
    const held = (this.#heldBy.get(client) ?? 0) + bytes
    if (held === 0) this.#heldBy.delete(client)
    else this.#heldBy.set(client, held)
    this.#gauges.requestHeldBytes += bytes
  }

  /** Whether a request of the client that holds `own` bytes may hold so many more. One that is alone always may. */
  allows(client: string, own: number, more: number): boolean {
    const used = this.#gauges.requestHeldBytes
    if (used === own) return true
    const free = this.#maxBytes - used
    return more <= free && (this.#heldBy.get(client) ?? 0) + more <= greed * free
  }
}

/** What one request holds of the budget. */
export class Hold {
  readonly #budget: ByteBudget
  readonly #client: string
  #bytes = 0

  constructor(budget: ByteBudget, client: string) {
    this.#budget = budget
    this.#client = client
  }

  /** @throws {Problem} VANTAGE_OVERLOADED if the request may not hold so many bytes in all */
  assertRoom(bytes: number): void {
    const more = bytes - this.#bytes
    if (more <= 0 || this.#budget.allows(this.#client, this.#bytes, more)) return
    throw new Problem('VANTAGE_OVERLOADED', 'The collector holds as much for its clients, or for this one, as it may')
  }

  /**
   * Holds so many bytes of a body.
   *
   * @throws {Problem} VANTAGE_OVERLOADED if it may not
   */
  growTo(bytes: number): void {
    this.assertRoom(bytes)
    this.change(bytes)
  }

  /**
   * Holds so many bytes more, for what is made of the body.
   *
   * @throws {Problem} VANTAGE_OVERLOADED if it may not
   */
  grow(bytes: number): void {
    this.growTo(this.#bytes + bytes)
  }

  /** Holds so many bytes instead, without asking; 0 when the request is answered. */
  change(bytes: number): void {
    this.#budget.change(this.#client, bytes - this.#bytes)
    this.#bytes = bytes
  }
}
