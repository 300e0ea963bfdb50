import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { createRandom } from '../../../lib/load/random.js'
import type { AgentCounts } from './agents.js'
import { Conductor, type FaultEvent, type Unexplained } from './conductor.js'
import { type Fault, type FaultName, faults } from './faults.js'
import type { Comparison } from './ledger.js'
import { openStage } from './open-stage.js'
import type { Gap } from './reader-process.js'
import { type Sample, Sampler } from './sampler.js'
import { type Stage, untilDelivered } from './stage.js'

export type RunOptions = {
  seconds: number
  seed: number
  /** Metrics a second. */
  rate: number
  connections: number
  brokers: number
  faults: readonly FaultName[]
  /** Where the collector's log goes. */
  logFile: string
  /** Aborted: the run ends without a result. */
  signal: AbortSignal
  onStart: (skipped: readonly Skipped[]) => void
  onSample: (sample: Sample, current: FaultEvent | undefined) => void
  onEvent: (event: FaultEvent) => void
}

/** A fault that cannot happen on this machine, and why. */
export type Skipped = { fault: FaultName; reason: string }

export type RunResult = {
  seed: number
  seconds: number
  rate: number
  skipped: readonly Skipped[]
  comparison: Comparison
  agents: AgentCounts
  /** Records that were not byte for byte what was sent. */
  altered: number
  /** Offsets that who read the topic has passed over. */
  gaps: readonly Gap[]
  /** Where something is missing: what still is when the topic is read a second time. */
  missingAgain?: number
  events: readonly FaultEvent[]
  unexplained: { count: number; first: readonly Unexplained[] }
  /** The difference in the ledger of /v1/stats at the end: 0. */
  balance: number | undefined
  collectorStarts: number
  producersReplaced: number
  /** Each is enough to fail the run. */
  failures: string[]
  samples: readonly Sample[]
}

const [shortestMaxHoldS, longestMaxHoldS] = [3, 30]
/** A fault that has begun is seen through, and the agents go on meanwhile. */
const maxOverrunS = 600
const lastAnswersTimeoutMs = 60_000
const settleTimeoutMs = 600_000
/** How long nothing may arrive in the topic until it counts as complete. */
const quietMs = 2000

/**
 * One run, from the start of Kafka to the comparison of what was answered 202 with what is in the topic.
 *
 * @throws {Error} when the run cannot be made, which says nothing of the collector
 */
export async function run(options: RunOptions): Promise<RunResult> {
  const cleanup: (() => unknown)[] = []
  try {
    return await Promise.race([runOn(options, cleanup), rejectOn(options.signal)])
  } finally {
    for (const step of cleanup.reverse()) await step()
  }
}

async function runOn(options: RunOptions, cleanup: (() => unknown)[]): Promise<RunResult> {
  const { seconds, seed, rate, signal, onStart, onSample, onEvent } = options
  const maxHoldS = Math.min(Math.max(shortestMaxHoldS, seconds / 6), longestMaxHoldS)
  const conductor = new Conductor({ seconds, maxHoldS, random: createRandom(seed), signal, onEvent })
  const fakeClock = options.faults.includes('clock-jump')
  const capacity = Math.ceil(rate * (seconds + maxOverrunS))
  const onTrouble = conductor.note.bind(conductor)
  const stage = await openStage({ ...options, capacity, fakeClock, onTrouble }, cleanup)
  const { possible, skipped } = sort(options.faults, stage)
  onStart(skipped)

  const sampler = new Sampler(stage, () => conductor.elapsedS)
  sampler.start((sample) => onSample(sample, conductor.current))
  cleanup.push(() => sampler.stop())
  await conductor.run(stage, possible)
  await stage.agents.stop(lastAnswersTimeoutMs)
  const failures = await settle(stage)
  const balance = (await stage.supervisor.stats())?.ledger.difference
  await stage.supervisor.stop()
  if (!(await stage.reader.catchUp(lastAnswersTimeoutMs))) failures.push('the topic could not be read to its end')
  await sampler.stop()

  const result: RunResult = {
    ...{ seed, seconds, rate, skipped, balance, failures },
    comparison: stage.ledger.compare(),
    agents: stage.agents.counts,
    altered: stage.reader.altered,
    gaps: stage.reader.gaps,
    events: conductor.events,
    unexplained: { count: conductor.unexplainedCount, first: conductor.unexplained },
    collectorStarts: stage.supervisor.starts,
    producersReplaced: stage.ledger.incidents.filter(({ kind }) => kind === 'producer replaced').length,
    samples: sampler.samples,
  }
  failures.push(...failuresOf(result, stage))
  if (result.comparison.missing > 0) result.missingAgain = await readAgain(stage)
  return result
}

/** What is missing when the topic is read a second time: what then is there was overlooked by who read it. */
async function readAgain({ reader, ledger }: Stage): Promise<number> {
  await reader.stop()
  await reader.start()
  await reader.catchUp(lastAnswersTimeoutMs)
  return ledger.compare().missing
}

/** An interrupted run has no result: whoever interrupts may have stopped the collector or Kafka, too. */
async function rejectOn(signal: AbortSignal): Promise<never> {
  await once(signal, 'abort')
  throw new Error('interrupted')
}

function sort(names: readonly FaultName[], stage: Stage): { possible: FaultName[]; skipped: Skipped[] } {
  const definitions: Record<FaultName, Fault> = faults
  const possible: FaultName[] = []
  const skipped: Skipped[] = []
  for (const fault of names) {
    const reason = definitions[fault].objection?.(stage)
    if (reason === undefined) possible.push(fault)
    else skipped.push({ fault, reason })
  }
  return { possible, skipped }
}

/** Waits until nothing is in flight or in the journal and the topic grows no more. What did not come about. */
async function settle(stage: Stage): Promise<string[]> {
  try {
    await untilDelivered(stage, settleTimeoutMs)
    let seen: number
    do {
      seen = stage.reader.records
      await pause(quietMs)
    } while (stage.reader.records > seen)
    return []
  } catch (error) {
    return [`not all that was given to the collector left it: ${error instanceof Error ? error.message : error}`]
  }
}

function failuresOf(result: RunResult, { supervisor }: Stage): string[] {
  const { comparison, altered, unexplained, balance, events } = result
  const { code, signal } = supervisor.lastExit ?? {}
  const failures = [
    [comparison.missing > 0, `${comparison.missing} metrics that were answered 202 are missing from the topic`],
    [comparison.foreign > 0, `${comparison.foreign} records are of no metric that was sent`],
    [altered > 0, `${altered} records are not what was sent`],
    [comparison.unanswered > 0, `${comparison.unanswered} batches were never answered 202`],
    [unexplained.count > 0, `${unexplained.count} answers or broken connections are explained by no fault`],
    [balance !== 0, `the ledger of /v1/stats is off by ${balance}`],
    [code !== 0, `the collector did not end well at last: exit code ${code}, signal ${signal}`],
  ] as const
  return [
    ...failures.filter(([failed]) => failed).map(([, text]) => text),
    ...events.flatMap(({ fault, fromS, problem }) =>
      problem ? [`${fault} at ${fromS.toFixed(1)} s: ${problem}`] : [],
    ),
  ]
}
