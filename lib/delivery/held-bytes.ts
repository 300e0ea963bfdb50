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
   * Counts a shipment apart from the budget, since its partition takes no records: others are to have all of it. As much
   * again may be set aside, which is enough: a partition that is away gets no more batches.
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
