import type { Readable } from 'node:stream'
import type { Config } from '../config/config.js'

/** Everything a command needs from its process, so that it can be read and tested without one. */
export type CommandContext = {
  /** Ends the process with a line for each mistake if there is any. */
  readConfig: () => Config
  /** Writes results to standard output. */
  print: (text: string) => void
  /** Writes a line about progress to standard error. */
  note: (text: string) => void
  /** Standard input. */
  input: () => Readable
  /** Standard error, if it is a terminal: for output that is redrawn. */
  terminal: NodeJS.WriteStream | undefined
  /** Standard output, if it is a terminal: for output that fills the screen. */
  screen: NodeJS.WriteStream | undefined
  /** Aborted by SIGINT or SIGTERM. */
  signal: AbortSignal
}

/** `vantage-collector NAME ...`: a command that an operator runs beside the server. */
export type Command = {
  /** Its part of --help: one line for the command, then its options, indented. */
  usage: string
  /**
   * Resolves with the exit code.
   *
   * @throws {UsageError} for arguments that make no sense
   * @throws {Error} whose message says what went wrong and what to do
   */
  run: (args: string[], context: CommandContext) => Promise<number>
}

/** Arguments that make no sense. */
export class UsageError extends Error {
  override name = 'UsageError'
}
