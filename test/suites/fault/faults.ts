import { deleteTopic } from '../../../tools/kafka-admin.js'
import { waitFor } from '../../../tools/wait-for.js'
import { type Stage, untilDelivered, untilReady } from './stage.js'

/** Something that goes wrong. */
export type Fault = {
  /** In a few words, for --help. */
  what: string
  /** Whether it lasts until it is lifted; one that passes by itself can strike meanwhile. */
  lasting: boolean
  /** Whether agents may see their connections break. */
  breaksConnections: boolean
  /** Why it cannot happen here; undefined if it can. */
  objection?: (stage: Stage) => string | undefined
  /** Lets it happen; what it resolves with ends it. A fault that passes by itself is over when it resolves. */
  strike: (stage: Stage) => Promise<Lift>
}

export type Lift = () => Promise<void>

const waitTimeoutMs = 60_000
const drainTimeoutMs = 600_000
const smallJournalMiB = 16
const leftOnDiskMiB = 6
/**
 * librdkafka's timed waits are on the wall clock: after a step back, a delivery that needs a timer stands still for as
 * long as the step, and goes on after it or a restart. So steps are short here.
 */
const clockJumpsSeconds = [-30, -5, 5, 30]
const cutEveryMs = 1500

const over: Lift = async () => undefined

export const faults = {
  'worker-kill': {
    what: 'kill -9 of a worker',
    lasting: false,
    breaksConnections: true,
    async strike(stage) {
      const victim = pick(stage, stage.supervisor.workers())
      noteKill(stage)
      if (victim !== undefined) stage.supervisor.signalWorker(victim, 'SIGKILL')
      return over
    },
  },
  'worker-stop': {
    what: 'SIGSTOP of a worker, until its primary finds it stuck',
    lasting: false,
    breaksConnections: true,
    async strike(stage) {
      const victim = pick(stage, stage.supervisor.workers())
      if (victim !== undefined) stage.supervisor.signalWorker(victim, 'SIGSTOP')
      await waitFor(() => !stage.supervisor.workers().includes(victim ?? 0), 'the end of the worker', waitTimeoutMs)
      noteKill(stage)
      return over
    },
  },
  'primary-kill': {
    what: 'kill -9 of the primary',
    lasting: false,
    breaksConnections: true,
    async strike(stage) {
      stage.supervisor.workers()
      noteKill(stage)
      stage.supervisor.signalPrimary('SIGKILL')
      return over
    },
  },
  'collector-kill': {
    what: 'kill -9 of primary and workers at once',
    lasting: false,
    breaksConnections: true,
    async strike(stage) {
      noteKill(stage)
      stage.supervisor.killAll()
      return over
    },
  },
  terminate: {
    what: 'SIGTERM, and a new start',
    lasting: false,
    breaksConnections: true,
    async strike({ supervisor }) {
      await supervisor.restart()
      return over
    },
  },
  reload: {
    what: 'SIGHUP',
    lasting: false,
    breaksConnections: false,
    async strike({ supervisor }) {
      const before = supervisor.workers()
      supervisor.signalPrimary('SIGHUP')
      const replaced = () => !supervisor.workers().some((pid) => before.includes(pid))
      await waitFor(replaced, 'the workers to be replaced', waitTimeoutMs)
      return over
    },
  },
  'clock-jump': {
    what: "the collector's wall clock jumps, and back",
    lasting: true,
    breaksConnections: false,
    objection: ({ clock }) => (clock === undefined ? 'libfaketime is not installed' : undefined),
    async strike(stage) {
      await stage.clock?.set(pick(stage, clockJumpsSeconds) ?? 0)
      return async () => stage.clock?.set(0)
    },
  },
  'broker-stop': {
    what: 'SIGSTOP of a broker',
    lasting: true,
    breaksConnections: false,
    async strike(stage) {
      const victim = pick(stage, stage.kafka.brokers)
      victim?.pause()
      return async () => victim?.resume()
    },
  },
  'broker-kill': {
    what: 'kill -9 of a broker',
    lasting: true,
    breaksConnections: false,
    strike: (stage) => killBrokers(stage, 1),
  },
  'two-brokers-kill': {
    what: 'kill -9 of two brokers of three: not enough replicas',
    lasting: true,
    breaksConnections: false,
    objection: ({ kafka }) => (kafka.brokers.length < 3 ? 'there are not three brokers' : undefined),
    strike: (stage) => killBrokers(stage, 2),
  },
  'kafka-stop': {
    what: 'SIGSTOP of all brokers',
    lasting: true,
    breaksConnections: false,
    async strike(stage) {
      stopKafka(stage)
      return async () => resumeKafka(stage)
    },
  },
  'kafka-kill': {
    what: 'kill -9 of all brokers',
    lasting: true,
    breaksConnections: false,
    strike: (stage) => killBrokers(stage, stage.kafka.brokers.length),
  },
  'kafka-slow': {
    what: 'connections to Kafka delay, throttle and break',
    lasting: true,
    breaksConnections: false,
    async strike(stage) {
      const { proxies, random } = stage
      for (const proxy of proxies) {
        proxy.impede({ delayMs: 300 * random() ** 2, bytesPerSecond: 200_000 + 2_000_000 * random() })
      }
      const cutter = setInterval(() => pick(stage, proxies)?.cut(), cutEveryMs)
      return async () => {
        clearInterval(cutter)
        for (const proxy of proxies) proxy.impede(undefined)
      }
    },
  },
  'answers-lost': {
    what: 'Kafka takes records, its answers do not arrive',
    lasting: true,
    breaksConnections: false,
    async strike({ proxies }) {
      for (const proxy of proxies) proxy.holdAnswers()
      return async () => {
        for (const proxy of proxies) proxy.cut()
        for (const proxy of proxies) proxy.releaseAnswers()
      }
    },
  },
  'topic-deleted': {
    what: 'the topic is deleted, and made again',
    lasting: true,
    breaksConnections: false,
    async strike(stage) {
      const { agents, reader, kafka, topic } = stage
      // What is in the topic goes with it, which is not the collector's loss: all of it is read before.
      await agents.hold()
      await untilDelivered(stage, drainTimeoutMs)
      if (!(await reader.catchUp(waitTimeoutMs))) throw new Error('the topic cannot be read')
      await reader.stop()
      await deleteTopic(kafka.directBootstrap, topic)
      agents.resume()
      return async () => {
        await stage.makeTopic()
        await reader.start()
      }
    },
  },
  'journal-full': {
    what: 'Kafka is away until the journal is full',
    lasting: true,
    breaksConnections: true,
    strike: (stage) => fillJournal(stage, { VANTAGE_JOURNAL_MAX_MB: String(smallJournalMiB) }),
  },
  'disk-full': {
    what: "Kafka is away until the journal's disk is full",
    lasting: true,
    breaksConnections: true,
    objection: ({ smallDisk }) => (smallDisk === undefined ? 'mounting a tmpfs is not permitted' : undefined),
    async strike(stage) {
      const { smallDisk } = stage
      if (smallDisk === undefined) return over
      const fill = () => smallDisk.fill(leftOnDiskMiB)
      const lift = await fillJournal(stage, { VANTAGE_JOURNAL_DIR: smallDisk.directory }, fill)
      return async () => {
        await smallDisk.free()
        await lift()
      }
    },
  },
} satisfies Record<string, Fault>

export type FaultName = keyof typeof faults

export const faultNames = Object.keys(faults) as FaultName[]

export function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(faults, name)
}

/** After a fault that went wrong itself: everything back as it was. */
export async function restore({ kafka, proxies, clock, smallDisk, agents }: Stage): Promise<void> {
  for (const broker of kafka.brokers) broker.resume()
  for (const proxy of proxies) {
    proxy.impede(undefined)
    proxy.releaseAnswers()
  }
  await clock?.set(0)
  await smallDisk?.free()
  agents.resume()
}

function pick<T>({ random }: Stage, from: readonly T[]): T | undefined {
  return from[Math.floor(random() * from.length)]
}

function noteKill({ ledger }: Stage): void {
  ledger.incidents.push({ atMs: performance.now(), kind: 'collector killed' })
}

function stopKafka({ kafka }: Stage): void {
  for (const broker of kafka.brokers) broker.pause()
}

function resumeKafka({ kafka }: Stage): void {
  for (const broker of kafka.brokers) broker.resume()
}

async function killBrokers({ kafka, random }: Stage, count: number): Promise<Lift> {
  const offset = Math.floor(random() * kafka.brokers.length)
  const victims = kafka.brokers.filter((_, n) => (n + offset) % kafka.brokers.length < count)
  await Promise.all(victims.map((broker) => broker.kill()))
  return async () => {
    await Promise.all(victims.map((broker) => broker.restart()))
  }
}

/** Restarts the collector with a journal that is soon full, and fills it. */
async function fillJournal(
  stage: Stage,
  env: Record<string, string>,
  fill = async (): Promise<void> => undefined,
): Promise<Lift> {
  const { supervisor, agents } = stage
  supervisor.extraEnv = env
  await supervisor.restart()
  await untilReady(supervisor, waitTimeoutMs)
  stopKafka(stage)
  await fill()
  const before = agents.counts.unavailable
  await waitFor(() => agents.counts.unavailable > before, 'the journal to be full', waitTimeoutMs)
  return async () => {
    resumeKafka(stage)
    // What is in that journal would be left behind.
    await agents.hold()
    await untilDelivered(stage, drainTimeoutMs)
    supervisor.extraEnv = {}
    await supervisor.restart()
    agents.resume()
  }
}
