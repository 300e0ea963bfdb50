import { setTimeout as pause } from 'node:timers/promises'

const lookEveryMs = 20
/** A guard against what hangs, not a figure: a machine may be busy with something else. */
const hangsAfterMs = 60_000

/**
 * Waits for a condition: resolves with its first value that is not false, undefined or null.
 *
 * @throws {Error} after `timeoutMs`, naming what was waited for
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  what: string,
  timeoutMs = hangsAfterMs,
): Promise<Exclude<T, false | undefined | null>> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const value = await condition()
    if (value !== false && value !== undefined && value !== null) return value as Exclude<T, false | undefined | null>
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`)
    await pause(lookEveryMs)
  }
}
