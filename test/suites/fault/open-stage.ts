import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRandom } from '../../../lib/load/random.js'
import { freePort } from '../../../tools/free-port.js'
import { createTopic } from '../../../tools/kafka-admin.js'
import { FakeClock } from '../../support/fake-clock.js'
import { type BrokerAddress, KafkaCluster } from '../../support/kafka-cluster.js'
import { SlowProxy } from '../../support/slow-proxy.js'
import { Agents, type Trouble } from './agents.js'
import { Ledger } from './ledger.js'
import { Reader } from './reader.js'
import { SmallDisk } from './small-disk.js'
import { type Stage, untilReady } from './stage.js'
import { Supervisor } from './supervisor.js'

export type StageOptions = {
  seed: number
  /** Metrics a second, and the most of them that are ever sent. */
  rate: number
  capacity: number
  connections: number
  brokers: number
  /** Whether the collector lives by a clock that can be set. */
  fakeClock: boolean
  /** Where the collector's log goes. */
  logFile: string
  onTrouble: (trouble: Trouble) => void
}

const topic = 'metrics-raw'
const partitions = 6
const journalMiB = 256
const smallDiskMiB = 64
const workerStuckAfterMs = 3000
const startTimeoutMs = 60_000

/**
 * Starts everything: Kafka behind proxies, the collector, who reads the topic, and at last the agents.
 *
 * @param cleanup gets what is to be done in the end, last things first, also when this fails half way
 */
export async function openStage(options: StageOptions, cleanup: (() => unknown)[]): Promise<Stage> {
  const { seed, rate, capacity, connections, logFile, onTrouble } = options
  const directory = await mkdtemp(join(tmpdir(), 'vantage-fault-'))
  cleanup.push(() => rm(directory, { recursive: true, force: true }))
  const { kafka, proxies } = await startKafka(options.brokers, cleanup)
  const makeTopic = () =>
    createTopic(kafka.directBootstrap, { topic, partitions, replicas: kafka.replicas, config: keepForever })
  await makeTopic()
  const smallDisk = await SmallDisk.mount(join(directory, 'disk'), smallDiskMiB)
  cleanup.push(() => smallDisk?.unmount())
  const clock = options.fakeClock ? await FakeClock.start(join(directory, 'clock')) : undefined

  const ledger = new Ledger(capacity)
  const port = await freePort()
  const supervisor = new Supervisor({
    port,
    logFile,
    env: {
      VANTAGE_KAFKA_BOOTSTRAP_SERVERS: proxies.map((proxy) => `127.0.0.1:${proxy.port}`).join(','),
      VANTAGE_KAFKA_TOPIC: topic,
      VANTAGE_JOURNAL_DIR: join(directory, 'journal'),
      VANTAGE_JOURNAL_MAX_MB: String(journalMiB),
      VANTAGE_WORKER_STUCK_AFTER_MS: String(workerStuckAfterMs),
      ...clock?.env,
    },
    onLog: ({ msg }) => {
      const kind = Object.entries(incidents).find(([start]) => msg.startsWith(start))?.[1]
      if (kind !== undefined) ledger.incidents.push({ atMs: performance.now(), kind })
    },
  })
  supervisor.start()
  cleanup.push(() => supervisor.stop())
  const reader = new Reader(ledger, kafka.directBootstrap, topic)
  cleanup.push(() => reader.stop())
  await reader.start()

  await untilReady(supervisor, startTimeoutMs)
  const agents = new Agents(ledger, { port, connections, rate, random: createRandom(seed + 1), onTrouble })
  cleanup.push(() => agents.stop(0))
  const random = createRandom(seed + 2)
  return { kafka, proxies, supervisor, agents, ledger, reader, topic, makeTopic, random, clock, smallDisk }
}

/** What the collector's log tells, by how its message begins. */
const incidents = {
  'a Kafka producer': 'producer replaced',
  'Kafka did not take records': 'records sent again',
} as const

/** Nothing is deleted before it has been read. */
const keepForever = { 'retention.ms': '-1', 'retention.bytes': '-1' }

/** Brokers that tell clients their proxy's address: the collector has no other way to them. */
async function startKafka(brokers: number, cleanup: (() => unknown)[]) {
  const addresses: BrokerAddress[] = []
  const proxies: SlowProxy[] = []
  for (let n = 0; n < brokers; n++) {
    const port = await freePort()
    const proxy = await SlowProxy.start(port)
    cleanup.push(() => proxy.stop())
    proxies.push(proxy)
    addresses.push({ port, advertisedPort: proxy.port })
  }
  const kafka = await KafkaCluster.start(addresses)
  cleanup.push(() => kafka.remove())
  return { kafka, proxies }
}
