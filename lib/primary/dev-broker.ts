import Kafka from 'node-rdkafka'

/**
 * An in-memory Kafka for development: librdkafka's mock cluster. It keeps the last 5 MiB or 100,000 records of a
 * partition.
 */
export class DevBroker {
  readonly #producer: Kafka.Producer
  /** host:port, for this process and others. */
  readonly address: string

  private constructor(producer: Kafka.Producer, address: string) {
    this.#producer = producer
    this.address = address
  }

  /** @param more properties of librdkafka's, beside those that a broker needs */
  static start(more: Readonly<Record<string, unknown>> = {}): Promise<DevBroker> {
    const properties: Record<string, unknown> = { 'test.mock.num.brokers': 1, ...more }
    const producer = new Kafka.Producer(properties)
    return new Promise((resolve, reject) => {
      producer.connect({ timeout: 5000 }, (error, metadata) => {
        if (error) return reject(new Error(`The embedded Kafka does not start: ${error.message}`))
        const [broker] = metadata.brokers
        if (broker === undefined) return reject(new Error('The embedded Kafka has no broker'))
        resolve(new DevBroker(producer, `${broker.host}:${broker.port}`))
      })
    })
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#producer.disconnect(0, () => resolve())
    })
  }
}
