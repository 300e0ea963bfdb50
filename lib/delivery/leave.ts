import { binding } from './native/binding.js'

/**
 * Ends the process as process.exit does, but that it waits for none of libuv's threads: one that a disk holds which hangs
 * would be waited for until the disk answers.
 */
export function leave(status: number): never {
  // Behind all that has something to do at the end, such as writing the last lines of the log.
  process.on('exit', () => binding.leave(status))
  return process.exit(status)
}
