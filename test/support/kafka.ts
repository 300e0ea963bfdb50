import { freePort } from './free-port.js'
import { createTopic, kafkaAnswers } from './kafka-admin.js'
import { KafkaProcess } from './kafka-process.js'

const heapMiB = 1024

/** A real Apache Kafka of one node. */
export class KafkaBroker {
  readonly bootstrap: string
  readonly #node: KafkaProcess

  private constructor(bootstrap: string, node: KafkaProcess) {
    this.bootstrap = bootstrap
    this.#node = node
  }

  /** Starts one on a free port. `properties` go into its server.properties. */
  static async start(properties: Record<string, string> = {}): Promise<KafkaBroker> {
    const [port, controllerPort] = [await freePort(), await freePort()]
    const node = await KafkaProcess.create({ ...oneNode(port, controllerPort), ...properties }, heapMiB)
    const broker = new KafkaBroker(`127.0.0.1:${port}`, node)
    await broker.restart()
    return broker
  }

  /** Starts the broker again on its data and its port. */
  async restart(): Promise<void> {
    this.#node.start()
    await kafkaAnswers(this.bootstrap)
  }

  /** SIGSTOP: it holds its connections and answers nothing. */
  pause(): void {
    this.#node.pause()
  }

  resume(): void {
    this.#node.resume()
  }

  /** SIGKILL: its connections break. */
  async kill(): Promise<void> {
    await this.#node.kill()
  }

  /** Ends it for good and removes its data. */
  async remove(): Promise<void> {
    await this.#node.remove()
  }

  /** Makes a topic with its own settings, such as max.message.bytes. */
  createTopic(topic: string, partitions: number, config: Record<string, string> = {}): Promise<void> {
    return createTopic(this.bootstrap, { topic, partitions, config })
  }
}

function oneNode(port: number, controllerPort: number): Record<string, string> {
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
  }
}
