import { loadAddon } from '../addon.js'

/** The addon that binding.gyp compiles from output.c. */
export type Binding = {
  /** A descriptor for the same file, pipe, terminal or socket, to which `write` never waits for a reader. */
  openOutput(descriptor: number): number
  /** How many of the bytes were written: fewer where there is no room for more at the moment, or it fails. */
  write(descriptor: number, bytes: Buffer): number
}

export const binding = loadAddon('vantage_output') as Binding
