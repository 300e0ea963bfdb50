// What does each step of the hot path cost alone, in CPU time a metric?

import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { MicroWork, StepCost } from './micro-steps.js'
import { type Bench, type Findings, Samples } from './subject.js'

const batchSize = 100
/**
 * compare tells nothing of fewer than five samples, and of five only what sets all of them apart; among six, one may be
 * out of line.
 */
const minProcesses = 6
/** A first impression, which is not to be compared, in some ten seconds. */
const quickProcesses = 3
const blocks = { warmUpBlocks: 5, blocks: 12 }
const quickBlocks = { warmUpBlocks: 3, blocks: 3 }

/**
 * Each sample is of a process of its own. How the code was compiled and where the heap put things stays as it is for as
 * long as a process lives: many samples of one agree with each other, and not with those of the next.
 */
export async function micro({ kafka, options }: Bench): Promise<Findings> {
  const samples = new Samples()
  const processes = Math.max(options.runs, options.quick ? quickProcesses : minProcesses)
  const work = { bootstrap: kafka.bootstrap, batchSize, ...(options.quick ? quickBlocks : blocks) }
  for (let n = 1; n <= processes; n++) {
    for (const { name, microseconds, yardstick } of await measureInProcess(work)) {
      samples.add(`${name}, batches of ${batchSize}`, 'µs', microseconds / batchSize, yardstick)
    }
    options.report(`process ${n} of ${processes}`)
  }
  return { figures: samples.figures, plots: [], notes: [] }
}

/** @throws {Error} where the process ends before it has told what it measured */
async function measureInProcess(work: MicroWork): Promise<StepCost[]> {
  const child = fork(new URL('micro-steps.js', import.meta.url))
  const ended = once(child, 'exit')
  const failed = ended.then(([code, signal]) => {
    throw new Error(`The process that measures steps ended with ${signal ?? code}`)
  })
  child.send(work)
  const [costs] = await Promise.race([once(child, 'message'), failed])
  child.disconnect()
  // Two at once would measure each other.
  await ended
  return costs
}
