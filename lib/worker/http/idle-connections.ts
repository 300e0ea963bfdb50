import type { Telemetry } from '../../telemetry/telemetry.js'
import { binding } from '../native/binding.js'
import { type StalledRequests, windowMs as stalledMs } from './stalled-requests.js'

/** uWebSockets.js closes so many in a few milliseconds. */
const fewConnections = 500
/** Later than stalled requests are closed, so that these are counted as such; sooner than uWebSockets.js would. */
const idleMs = stalledMs + 100
/** Of which less comes in that time, a request is a head that trickles: of a body more is asked. */
const leastBytes = 1024
/** The connection of a batch that has waited for longer may seem idle: it came to this machine before it came here. */
const maxWaitMs = idleMs - 1000
const lookEveryMs = 20
/** So each connection is looked at twice a second, which takes a microsecond: of 5,000, one per cent of a core. */
const looksARound = 25
const lookForManyEveryMs = 500
/** More descriptors than a worker has of anything but its clients. */
const otherDescriptors = 1000

/**
 * Closes idle connections, and those whose headers trickle, a few at a time, where there are many: uWebSockets.js, which
 * looks only every four seconds, would close thousands in one go, while all requests wait. It gives no hold of a
 * connection before its request has a head, so they are found among the descriptors of the process.
 */
export class IdleConnections {
  readonly #port: number
  readonly #requests: StalledRequests
  readonly #telemetry: Telemetry
  /** The kernel gives the lowest descriptor that is free: so this says how far they go. */
  #mostConnections = 0
  #nextDescriptor = 0

  constructor(port: number, requests: StalledRequests, telemetry: Telemetry) {
    this.#port = port
    this.#requests = requests
    this.#telemetry = telemetry
  }

  /** Goes on for as long as the process does. */
  start(): void {
    const { connections } = this.#telemetry.gauges
    this.#mostConnections = Math.max(this.#mostConnections, connections)
    const many = connections > fewConnections
    if (many && this.#requests.longestWaitMs() < maxWaitMs) this.#closeSome()
    setTimeout(() => this.start(), many ? lookEveryMs : lookForManyEveryMs).unref()
  }

  #closeSome(): void {
    const descriptors = this.#mostConnections + otherDescriptors
    const count = Math.ceil(descriptors / looksARound)
    this.#telemetry.counts.idleConnectionsClosed += binding.shutDownIdle(
      this.#port,
      idleMs,
      leastBytes,
      this.#nextDescriptor,
      count,
    )
    this.#nextDescriptor += count
    if (this.#nextDescriptor >= descriptors) this.#nextDescriptor = 0
  }
}
