import { isMissing, messageOf } from '../../shared/errors.js'
import type { Fault } from './fault.js'
import type { Part } from './part.js'

export type LeftoversOptions = {
  /** Where segments go that had unreadable bytes, once all the rest of them is finished. */
  damagedPath: string
  /** Called when a file of finished entries could be neither marked nor deleted, so that they may be sent twice. */
  onLeftover: (fault: Fault) => void
}

/** Deletes finished segments, and remembers those that could not be deleted. */
export class Leftovers {
  readonly #options: LeftoversOptions
  readonly #parts = new Set<Part>()

  constructor(options: LeftoversOptions) {
    this.#options = options
  }

  get parts(): readonly Part[] {
    return [...this.#parts]
  }

  /** Deletes a segment. One that had unreadable bytes is kept under another name. */
  async discard(part: Part): Promise<void> {
    const { segment, damagedBytes } = part
    try {
      if (damagedBytes > 0) await segment.setAside(this.#options.damagedPath)
      else await segment.remove()
      this.#parts.delete(part)
    } catch (error) {
      if (isMissing(error)) this.#parts.delete(part)
      else this.#keep(part, error)
    }
  }

  /** Tries again to delete what could not be deleted. */
  async retry(): Promise<void> {
    for (const part of this.parts) await this.discard(part)
  }

  #keep(part: Part, error: unknown): void {
    const isNew = !this.#parts.has(part)
    this.#parts.add(part)
    if (isNew) this.#options.onLeftover({ path: part.segment.path, message: messageOf(error) })
  }
}
