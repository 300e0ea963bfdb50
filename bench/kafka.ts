import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import Kafka from 'node-rdkafka'
import { KafkaBroker } from '../tools/kafka.js'

/** The Kafka that a bench runs against. */
export type BenchKafka = {
  description: string
  bootstrap: string
  /** Whether all records stay, so that they can be read again. */
  keepsAll: boolean
  /** A fresh topic of its own for each measurement. */
  createTopic(topic: string): Promise<void>
  /** Absent where the broker is not ours to stop. */
  outage?: { begin(): void; end(): void }
  stop(): Promise<void>
}

const partitions = 6

/** An in-memory Kafka (librdkafka's mock cluster) in a process of its own. It replicates, syncs and keeps nothing. */
export async function startEmbeddedKafka(): Promise<BenchKafka> {
  const child: ChildProcess = fork(new URL('embedded-kafka.js', import.meta.url))
  const [address] = await once(child, 'message')
  return {
    description: "embedded in-memory Kafka (librdkafka's mock cluster)",
    bootstrap: String(address),
    // Of each partition it has the last 5 MiB.
    keepsAll: false,
    // It makes topics, of four partitions, when they are first heard of.
    createTopic: async () => undefined,
    outage: { begin: () => child.kill('SIGSTOP'), end: () => child.kill('SIGCONT') },
    stop: async () => void child.kill('SIGKILL'),
  }
}

/** A real Apache Kafka on this machine, one node. */
export async function startRealKafka(): Promise<BenchKafka> {
  const broker = await KafkaBroker.start()
  return {
    description: 'Apache Kafka 4.1.1, one node on this machine',
    bootstrap: broker.bootstrap,
    keepsAll: true,
    createTopic: (topic) => broker.createTopic(topic, partitions),
    outage: { begin: () => broker.pause(), end: () => broker.resume() },
    stop: () => broker.remove(),
  }
}

/** A cluster that is there already. Topics are made on it, and left there. */
export function useKafka(bootstrap: string): BenchKafka {
  return {
    description: `Kafka at ${bootstrap}`,
    bootstrap,
    keepsAll: true,
    createTopic: (topic) => createTopic(bootstrap, topic),
    stop: async () => undefined,
  }
}

function createTopic(bootstrap: string, topic: string): Promise<void> {
  const admin = Kafka.AdminClient.create({ 'bootstrap.servers': bootstrap })
  return new Promise((resolve, reject) => {
    admin.createTopic({ topic, num_partitions: partitions, replication_factor: -1 }, (error) => {
      admin.disconnect()
      if (error) reject(new Error(error.message))
      else resolve()
    })
  })
}
