import type { Readable } from 'node:stream'
import type { Config } from '../config/config.js'

/** What a command works with, so that it needs no process of its own to be understood. */
export type CommandContext = {
  /** Ends the process with a line for each mistake if there is any. */
  readConfig: () => Config
  /** Results, to standard output. */
  print: (text: string) => void
  /** What is going on, a line, to standard error. */
  note: (text: string) => void
  /** Standard input. */
  input: () => Readable
  /** Standard error, where it is a terminal: for what is drawn over and over. */
  terminal: NodeJS.WriteStream | undefined
  /** Standard output, where it is a terminal: for what fills it. */
  screen: NodeJS.WriteStream | undefined
  /** Aborted by SIGINT or SIGTERM. */
  signal: AbortSignal
}

/** `vantage-collector NAME ...`: whatever an operator runs beside the server. */
export type Command = {
  /** Its part of --help: a line for the command, indented ones for its options. */
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
