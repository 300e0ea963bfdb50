import { freePort } from '../../tools/free-port.js'
import { KafkaNode } from '../../tools/kafka-node.js'
import { KafkaProcess } from '../../tools/kafka-process.js'

const controllerId = 100
const controllerHeapMiB = 128
const brokerHeapMiB = 384

/** Where a broker listens, and where it tells clients that it does: a proxy can stand between. */
export type BrokerAddress = { port: number; advertisedPort: number }

/**
 * A real Apache Kafka of several brokers that can be killed one by one, and a controller of its own, so that whoever
 * is left still learns who has gone (which it does not, where two of three brokers that are controllers, too, die).
 * Records are on `min(brokers, 3)` brokers and acknowledged by all but one of them at least.
 */
export class KafkaCluster {
  readonly replicas: number
  readonly #controller: KafkaProcess
  readonly #brokers: readonly KafkaNode[]

  private constructor(controller: KafkaProcess, brokers: readonly KafkaNode[], replicas: number) {
    this.#controller = controller
    this.#brokers = brokers
    this.replicas = replicas
  }

  /** Starts a broker for each address. */
  static async start(addresses: readonly BrokerAddress[]): Promise<KafkaCluster> {
    const controllerPort = await freePort()
    const replicas = Math.min(3, addresses.length)
    const quorum = { 'controller.quorum.voters': `${controllerId}@127.0.0.1:${controllerPort}` }
    const controller = await KafkaProcess.create({ ...quorum, ...controllerOnly(controllerPort) }, controllerHeapMiB)
    const brokers: KafkaNode[] = []
    for (const [index, address] of addresses.entries()) {
      const directPort = await freePort()
      const properties = { ...quorum, ...brokerOnly(index + 1, address, directPort, replicas) }
      const node = await KafkaProcess.create(properties, brokerHeapMiB)
      brokers.push(new KafkaNode(`127.0.0.1:${directPort}`, node))
    }
    controller.start()
    await Promise.all(brokers.map((broker) => broker.restart()))
    return new KafkaCluster(controller, brokers, replicas)
  }

  get brokers(): readonly KafkaNode[] {
    return this.#brokers
  }

  /** The brokers' own addresses, without what stands between them and clients. */
  get directBootstrap(): string {
    return this.#brokers.map(({ address }) => address).join(',')
  }

  /** Ends it for good and removes its data. */
  async remove(): Promise<void> {
    await Promise.all([this.#controller, ...this.#brokers].map((node) => node.remove()))
  }
}

function controllerOnly(port: number): Record<string, string> {
  return {
    'process.roles': 'controller',
    'node.id': String(controllerId),
    listeners: `CONTROLLER://127.0.0.1:${port}`,
  }
}

function brokerOnly(id: number, address: BrokerAddress, directPort: number, replicas: number): Record<string, string> {
  const { port, advertisedPort } = address
  return {
    'process.roles': 'broker',
    'node.id': String(id),
    listeners: `CLIENT://127.0.0.1:${port},DIRECT://127.0.0.1:${directPort}`,
    'advertised.listeners': `CLIENT://127.0.0.1:${advertisedPort},DIRECT://127.0.0.1:${directPort}`,
    'listener.security.protocol.map': 'CLIENT:PLAINTEXT,DIRECT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'DIRECT',
    'min.insync.replicas': String(Math.max(1, replicas - 1)),
    'offsets.topic.replication.factor': String(replicas),
    // Nothing is deleted before it has been read.
    'log.retention.ms': '-1',
    'log.retention.bytes': '-1',
  }
}
