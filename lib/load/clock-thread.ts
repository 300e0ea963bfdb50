import { parentPort, workerData } from 'node:worker_threads'
import { now, type Schedule } from './clock.js'

/** What falls due within this time is sent together. */
const shortestPauseMs = 0.2

const { firstAtMs, intervalMs }: Schedule = workerData
const never = new Int32Array(new SharedArrayBuffer(4))

for (let next = 0; ; next = Math.max(next + 1, Math.ceil((now() - firstAtMs) / intervalMs))) {
  Atomics.wait(never, 0, 0, Math.max(shortestPauseMs, firstAtMs + next * intervalMs - now()))
  parentPort?.postMessage(null)
}
