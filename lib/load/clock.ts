import { Worker } from 'node:worker_threads'

/** Of both a thread's and a process's clock: milliseconds since 1970, with the fractions of performance.now(). */
export function now(): number {
  return performance.timeOrigin + performance.now()
}

export type Schedule = { firstAtMs: number; intervalMs: number }

/**
 * Calls `onDue` when something falls due, and again for what has fallen due meanwhile. Node's timers count in
 * milliseconds and fire up to two late; a thread that sleeps is later by a tenth of that (bench/NOTES.md).
 *
 * @returns stops the clock
 */
export function startClock(schedule: Schedule, onDue: () => void): () => void {
  const thread = new Worker(new URL('clock-thread.js', import.meta.url), { workerData: schedule })
  thread.on('message', onDue)
  thread.on('error', (error) => {
    throw error
  })
  return () => void thread.terminate()
}
