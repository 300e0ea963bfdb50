import { waitFor } from '../../../tools/wait-for.js'
import type { FakeClock } from '../../support/fake-clock.js'
import type { KafkaCluster } from '../../support/kafka-cluster.js'
import type { SlowProxy } from '../../support/slow-proxy.js'
import type { Agents } from './agents.js'
import type { Ledger } from './ledger.js'
import type { Reader } from './reader.js'
import type { SmallDisk } from './small-disk.js'
import type { Supervisor } from './supervisor.js'

/** Longer than the two seconds after which a worker looks for journals that have lost their process. */
const staysMs = 5000

/** Everything that a fault can act upon. */
export type Stage = {
  kafka: KafkaCluster
  /** One before each broker. */
  proxies: readonly SlowProxy[]
  supervisor: Supervisor
  agents: Agents
  ledger: Ledger
  reader: Reader
  topic: string
  makeTopic: () => Promise<void>
  random: () => number
  /** Undefined where it cannot be had on this machine. */
  clock: FakeClock | undefined
  smallDisk: SmallDisk | undefined
}

/**
 * Whether the collector has brought everything to Kafka that it was given: nothing in the journal, and with `idle`
 * nothing in flight either. False while nobody can tell.
 */
export async function isDelivered({ supervisor }: Stage, { idle }: { idle: boolean }): Promise<boolean> {
  const stats = await supervisor.stats()
  if (stats === undefined || supervisor.orphans().length > 0) return false
  const { journal, workers } = stats
  if (workers.length === 0 || workers.some(({ stale }) => stale)) return false
  if (journal.metrics_waiting > 0) return false
  return !idle || workers.every(({ held_bytes }) => held_bytes === 0)
}

/** Resolves when all is in Kafka and has stayed so for a while, in which a worker would adopt an orphaned journal. */
export async function untilDelivered(stage: Stage, timeoutMs: number): Promise<void> {
  let sinceMs = Number.POSITIVE_INFINITY
  const stays = async () => {
    const delivered = await isDelivered(stage, { idle: true })
    sinceMs = delivered ? Math.min(sinceMs, performance.now()) : Number.POSITIVE_INFINITY
    return performance.now() - sinceMs > staysMs
  }
  await waitFor(stays, 'all to be in Kafka', timeoutMs)
}

export function untilReady(supervisor: Supervisor, timeoutMs: number): Promise<true> {
  return waitFor(() => supervisor.ready(), 'the collector to be ready', timeoutMs)
}
