import type { EntryPlace } from './part.js'

/** Names an entry of the journal, from when it is written until it is finished. Only the journal knows where it lies. */
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
