import type { EntryPlace } from './part.js'

/** Names an entry of the journal, from its being written until it is finished. Where it lies, only the journal knows. */
export class EntryRef {
  readonly #place: EntryPlace

  constructor(place: EntryPlace) {
    this.#place = place
  }

  /** For the journal. */
  static placeOf(ref: EntryRef): EntryPlace {
    return ref.#place
  }
}
