import type { Journal } from './journal/journal.js'
import type { Producer } from './producer.js'
import { Redelivery, reasonOf } from './redelivery.js'
import { Sender } from './sender.js'
import { Shipment } from './shipment.js'

export type OtherTopicsOptions = {
  journal: Journal
  openProducer: (topic: string) => Producer
  /** Called with each shipment that is sent. */
  onLaunch: (shipment: Shipment) => void
  /** Called when nothing of a shipment is on its way any more. */
  onFinished: (shipment: Shipment) => void
  /** Called with the reason why records are not taken; they are sent again. */
  onFailed: (topic: string, records: number, reason: string) => void
}

type Lane = { sender: Sender; redelivery: Redelivery }

const lookEveryMs = 1000
const chunkBytes = 256 * 1024
/** A producer has threads and connections; there is one topic for each time that the setting was changed in an outage. */
const maxLanes = 4

/**
 * Sends what lies in the journal for topics other than VANTAGE_KAFKA_TOPIC, which was another one when it was promised. Each
 * topic has a lane of its own, since one of them may be gone.
 */
export class OtherTopics {
  readonly #options: OtherTopicsOptions
  readonly #lanes = new Map<string, Lane>()
  #timer: NodeJS.Timeout | undefined
  #stopping = false

  constructor(options: OtherTopicsOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), lookEveryMs)
  }

  /** What is not acknowledged stays in the journal. */
  async stop(): Promise<void> {
    this.#stopping = true
    clearInterval(this.#timer)
    await Promise.all([...this.#lanes.values()].map(closeLane))
  }

  #look(): void {
    for (const topic of this.#options.journal.otherTopics) {
      if (this.#lanes.has(topic) || this.#lanes.size >= maxLanes) continue
      const sender = new Sender(() => this.#options.openProducer(topic))
      const alone = new Sender(() => this.#options.openProducer(topic))
      const lane = { sender, redelivery: new Redelivery(sender, alone) }
      this.#lanes.set(topic, lane)
      void this.#run(topic, lane)
    }
  }

  /** Until nothing for the topic is left that can be read. */
  async #run(topic: string, lane: Lane): Promise<void> {
    while (!this.#stopping) {
      const taken = await this.#options.journal.take(chunkBytes, topic)
      if (taken.length === 0 || this.#stopping) break
      await Promise.all(
        taken.map(({ ref, entry }) => this.#send(Shipment.promised(entry.batch, entry.firstSeenMs, ref, topic), lane)),
      )
    }
    if (this.#stopping) return
    await closeLane(lane)
    this.#lanes.delete(topic)
  }

  async #send(shipment: Shipment, { sender, redelivery }: Lane): Promise<void> {
    const { onLaunch, onFinished, onFailed } = this.#options
    onLaunch(shipment)
    const failed = await sender.send(shipment.batch)
    if (this.#stopping && failed.length > 0) return
    shipment.note(failed)
    const [first] = failed
    if (first !== undefined) onFailed(shipment.topic ?? '', failed.length, reasonOf(shipment.batch, first))
    if (first === undefined || (await redelivery.redeliver(shipment, failed))) onFinished(shipment)
  }
}

async function closeLane({ sender, redelivery }: Lane): Promise<void> {
  await Promise.all([sender.close(), redelivery.close()])
}
