import type { Gauges } from '../telemetry/telemetry.js'
import type { Shipment } from './shipment.js'

/** The byte budget of a worker: what its shipments hold, librdkafka's copies included. */
export class HeldBytes {
  readonly maxBytes: number
  readonly #gauges: Pick<Gauges, 'heldBytes'>
  /** Held for partitions that take no records, apart from the budget of all others. */
  #setAsideBytes = 0

  constructor(maxBytes: number, gauges: Pick<Gauges, 'heldBytes'>) {
    this.maxBytes = maxBytes
    this.#gauges = gauges
  }

  get areAtLimit(): boolean {
    return this.#gauges.heldBytes >= this.maxBytes
  }

  hold({ heldBytes }: Shipment): void {
    this.#gauges.heldBytes += heldBytes
  }

  /**
   * What librdkafka holds for a partition that takes no records takes nothing from the budget of the others, within as
   * much again: once a partition is away, no more is given to it.
   */
  setAside(shipment: Shipment): void {
    if (shipment.setAside || this.#setAsideBytes + shipment.heldBytes > this.maxBytes) return
    shipment.setAside = true
    this.#setAsideBytes += shipment.heldBytes
    this.#gauges.heldBytes -= shipment.heldBytes
  }

  release({ setAside, heldBytes }: Shipment): void {
    if (setAside) this.#setAsideBytes -= heldBytes
    else this.#gauges.heldBytes -= heldBytes
  }
}
