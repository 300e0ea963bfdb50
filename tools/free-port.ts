import { claimPort } from '../lib/primary/port.js'

/** A port that nothing listens on at the moment. */
export function freePort(): Promise<number> {
  return claimPort('127.0.0.1', 0)
}
