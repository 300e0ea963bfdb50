import { freePort } from './free-port.js'
import { createTopic } from './kafka-admin.js'
import { KafkaNode } from './kafka-node.js'
import { KafkaProcess } from './kafka-process.js'

const heapMiB = 1024

/** A real Apache Kafka of one node. */
export class KafkaBroker extends KafkaNode {
  /**
   * Starts one on a free port. `properties` go into its server.properties; their listeners are added to the plain one.
   *
   * @param passwords of users who log in by SCRAM, by their names
   */
  static async start(
    { listeners, ...properties }: Record<string, string> = {},
    passwords: Record<string, string> = {},
  ): Promise<KafkaBroker> {
    const [port, controllerPort] = [await freePort(), await freePort()]
    const all = { ...oneNode(port, controllerPort, listeners), ...properties }
    const node = await KafkaProcess.create(all, heapMiB, passwords)
    const broker = new KafkaBroker(`127.0.0.1:${port}`, node)
    await broker.restart()
    return broker
  }

  get bootstrap(): string {
    return this.address
  }

  /** Lets a user do something with a topic, where the broker asks for that. */
  allow(user: string, operation: 'Describe' | 'Write', topic: string): Promise<void> {
    const rule = ['--add', '--allow-principal', `User:${user}`, '--operation', operation, '--topic', topic]
    return KafkaProcess.runTool('org.apache.kafka.tools.AclCommand', ['--bootstrap-server', this.bootstrap, ...rule])
  }

  /** Makes a topic with its own settings, such as max.message.bytes. */
  createTopic(topic: string, partitions: number, config: Record<string, string> = {}): Promise<void> {
    return createTopic(this.bootstrap, { topic, partitions, config })
  }
}

function oneNode(port: number, controllerPort: number, more: string | undefined): Record<string, string> {
  const listeners = [`PLAINTEXT://127.0.0.1:${port}`, ...(more === undefined ? [] : [more])].join(',')
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `${listeners},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': listeners,
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
  }
}
