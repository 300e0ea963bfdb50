import { setTimeout as pause } from 'node:timers/promises'
import type { Trouble } from './agents.js'
import { type Fault, type FaultName, faults, restore } from './faults.js'
import { isDelivered, type Stage } from './stage.js'

/** A fault as it was: seconds count from the start of the run. */
export type FaultEvent = {
  fault: FaultName
  /** One that struck while the first lasted. */
  amid: FaultName | undefined
  fromS: number
  liftedS: number | undefined
  healedS: number | undefined
  /** Answers 503, and connections that broke, from then until all was healed. */
  unavailable: number
  lost: number
  /** What of the fault itself, or of the recovery, did not come about. */
  problem: string | undefined
}

/** An answer, or a broken connection, that no fault explains. */
export type Unexplained = Trouble & { atS: number }

export type ConductorOptions = {
  /** Decides what happens when, and nothing else: the same seed gives the same course. */
  random: () => number
  seconds: number
  maxHoldS: number
  signal: AbortSignal
  onEvent: (event: FaultEvent) => void
}

type Step = { fault: FaultName; amid: FaultName | undefined; calmS: number; holdS: number }

const minHoldS = 1
const maxCalmS = 3
const healTimeoutS = 600
/** How long agents go on beyond the time of the run for the last fault to heal. */
const overrunS = 15
const lookEveryMs = 100
/** A request that was sent before all was healed may be answered after. */
const graceS = 2
const maxUnexplainedKept = 100

/** Lets faults happen, one after the other, as the seed has it, and measures how long each takes to heal. */
export class Conductor {
  readonly events: FaultEvent[] = []
  readonly unexplained: Unexplained[] = []
  unexplainedCount = 0
  #startedAtMs = performance.now()
  readonly #options: ConductorOptions

  constructor(options: ConductorOptions) {
    this.#options = options
  }

  get elapsedS(): number {
    return (performance.now() - this.#startedAtMs) / 1000
  }

  /** The fault that is on, or not healed yet. */
  get current(): FaultEvent | undefined {
    const event = this.events.at(-1)
    return event?.healedS === undefined && event?.problem === undefined ? event : undefined
  }

  /** Resolves when the time is up and the last fault is healed. */
  async run(stage: Stage, names: readonly FaultName[]): Promise<void> {
    const { seconds, signal } = this.#options
    this.#startedAtMs = performance.now()
    for (const step of stepsOf(names, this.#options)) {
      await this.#rest(step.calmS)
      if (signal.aborted || this.elapsedS > seconds) return
      await this.#play(stage, step)
    }
    // Nothing was chosen, or nothing of it can happen here.
    await this.#rest(seconds - this.elapsedS)
  }

  /** Takes what agents met with, to the account of the fault that is on. */
  note(trouble: Trouble): void {
    const event = this.events.at(-1)
    const isOn = event !== undefined && this.elapsedS <= (event.healedS ?? Number.POSITIVE_INFINITY) + graceS
    if (isOn && trouble.status === 503) event.unavailable++
    else if (isOn && trouble.status === undefined && breaksConnections(event)) event.lost++
    else {
      this.unexplainedCount++
      if (this.unexplained.length < maxUnexplainedKept) this.unexplained.push({ ...trouble, atS: this.elapsedS })
    }
  }

  async #play(stage: Stage, { fault, amid, holdS }: Step): Promise<void> {
    const event: FaultEvent = {
      ...{ fault, amid, fromS: this.elapsedS, liftedS: undefined, healedS: undefined },
      ...{ unavailable: 0, lost: 0, problem: undefined },
    }
    this.events.push(event)
    try {
      const lift = await faults[fault].strike(stage)
      if (faults[fault].lasting) {
        await this.#rest(holdS / 2)
        if (amid !== undefined) await faults[amid].strike(stage)
        await this.#rest(holdS / 2)
      }
      await lift()
    } catch (error) {
      event.problem = error instanceof Error ? error.message : String(error)
      await restore(stage)
    }
    event.liftedS = this.elapsedS
    await this.#heal(stage, event, event.liftedS)
    this.#options.onEvent(event)
  }

  /** Waits until agents get what they get on a quiet day, and nothing is left in the journal. */
  async #heal(stage: Stage, event: FaultEvent, liftedS: number): Promise<void> {
    const { agents, supervisor } = stage
    const liftedAtMs = performance.now()
    const acknowledgedBefore = agents.counts.kafka
    const lastS = Math.max(liftedS, this.#options.seconds) + overrunS
    while (this.elapsedS < liftedS + healTimeoutS) {
      // The agents stop then, and what is still in the journal has time enough before the comparison.
      if (this.elapsedS > lastS) return
      const sentBefore = (agents.oldestUnansweredMs ?? liftedAtMs) < liftedAtMs
      const answered = agents.counts.kafka > acknowledgedBefore && !sentBefore
      if (answered && (await supervisor.ready()) && (await isDelivered(stage, { idle: false }))) {
        event.healedS = this.elapsedS
        return
      }
      await pause(lookEveryMs)
    }
    event.problem ??= `not healed after ${healTimeoutS} s`
  }

  async #rest(seconds: number): Promise<void> {
    const { signal } = this.#options
    // An early end of the run ends the pause, too.
    await pause(Math.max(0, seconds) * 1000, undefined, { signal }).catch(() => undefined)
  }
}

function breaksConnections({ fault, amid }: FaultEvent): boolean {
  return faults[fault].breaksConnections || (amid !== undefined && faults[amid].breaksConnections)
}

/** Endless: each fault once in an order of chance, then again in another. Every other lasting one has one amid. */
function* stepsOf(names: readonly FaultName[], { maxHoldS, random }: ConductorOptions): Generator<Step> {
  const definitions: Record<FaultName, Fault> = faults
  const passing = names.filter((name) => !definitions[name].lasting)
  let partners: FaultName[] = []
  while (names.length > 0) {
    for (const fault of shuffle(names, random)) {
      const joined = definitions[fault].lasting && passing.length > 0 && random() < 0.5
      if (joined && partners.length === 0) partners = shuffle(passing, random)
      const amid = joined ? partners.pop() : undefined
      yield { fault, amid, calmS: random() * maxCalmS, holdS: minHoldS + random() ** 2 * (maxHoldS - minHoldS) }
    }
  }
}

function shuffle<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item)
}
