import { kafkaAnswers } from './kafka-admin.js'
import type { KafkaProcess } from './kafka-process.js'

/** A broker that can be started, stopped and hurt, and where it answers. */
export class KafkaNode {
  /** Its own address: it may tell clients another one. */
  readonly address: string
  readonly #process: KafkaProcess

  constructor(address: string, process: KafkaProcess) {
    this.address = address
    this.#process = process
  }

  /** Starts it, the first time or again on its data and its port, and waits until it answers. */
  async restart(): Promise<void> {
    this.#process.start()
    await kafkaAnswers(this.address)
  }

  /** SIGSTOP: it holds its connections and answers nothing. */
  pause(): void {
    this.#process.pause()
  }

  resume(): void {
    this.#process.resume()
  }

  /** SIGKILL: its connections break. */
  async kill(): Promise<void> {
    await this.#process.kill()
  }

  /** Ends it for good and removes its data. */
  async remove(): Promise<void> {
    await this.#process.remove()
  }
}
