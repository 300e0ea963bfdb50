import { createRequire } from 'node:module'

/**
 * Loads an addon that binding.gyp compiles.
 *
 * @throws {Error} when it was not compiled, or not for this Node
 */
export function loadAddon(name: 'vantage_output' | 'vantage_producer' | 'vantage_scan' | 'vantage_sockets'): unknown {
  try {
    return createRequire(import.meta.url)(`../../../build/Release/${name}.node`)
  } catch (cause) {
    throw new Error(`The addon ${name} does not load. "npm rebuild" compiles it, where install scripts may run.`, {
      cause,
    })
  }
}
