#!/usr/bin/env node
import cluster from 'node:cluster'
import { parseArgs } from 'node:util'
import type { Config } from '../lib/config/config.js'
import { examineConfig } from '../lib/delivery/examine-config.js'
import { leave } from '../lib/delivery/leave.js'
import { librdkafka } from '../lib/delivery/librdkafka.js'
import { messageOf } from '../lib/shared/errors.js'
import { LogOutput } from '../lib/shared/log-output.js'
import { createLogger } from '../lib/shared/logger.js'
import { version } from '../lib/shared/version.js'

const exitFailure = 1
const exitUsage = 2

const [name, ...rest] = process.argv.slice(2)
const isCommand = name !== undefined && !name.startsWith('-')
const { dev = false, ...flags }: Flags = isCommand ? {} : readFlags()

// Each process loads only what it runs: a worker that replaces another should be there soon.
if (isCommand) await command(name, rest)
else if (flags.help) print(await (await import('../lib/commands/help.js')).helpText())
else if (flags.version) print(await versionText())
else if (flags['check-config']) await checkConfig(flags.connect === true)
else if (flags.connect) fail(exitUsage, ['--connect goes with --check-config; see --help'])
else if (cluster.isPrimary) await primary()
else await worker()

type Flags = { help?: boolean; version?: boolean; 'check-config'?: boolean; connect?: boolean; dev?: boolean }

function readFlags(): Flags {
  try {
    const { values } = parseArgs({
      options: {
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'v' },
        'check-config': { type: 'boolean' },
        connect: { type: 'boolean' },
        dev: { type: 'boolean' },
      },
    })
    return values
  } catch (error) {
    return fail(exitUsage, [`${messageOf(error)}; see --help`])
  }
}

async function command(name: string, args: string[]): Promise<void> {
  const { runCommand } = await import('../lib/commands/run.js')
  process.stdout.on('error', endQuietly)
  const end = await runCommand(name, args, readConfig)
  if (end.kind === 'done') process.exitCode = end.exitCode
  else if (end.kind === 'usage') fail(exitUsage, [`${end.message}; see --help`])
  else fail(exitFailure, [end.message])
}

/** The reader of what a command prints may have seen enough, as head has; the exit code is what it had come to by then. */
function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
  process.exit()
}

async function primary(): Promise<void> {
  const { runPrimary } = await import('../lib/primary/main.js')
  const started = await startProcess('primary failed')
  const uWebSockets = await loadUWebSockets().catch((error) => {
    started.logger.fatal(messageOf(error))
    return process.exit(exitFailure)
  })
  const { findLeftBehind } = await import('../lib/delivery/journal/left-behind.js')
  await runPrimary({
    ...started,
    uWebSockets,
    findOtherJournals: async () => {
      const { config, otherJournals } = examineConfig({ dev })
      return config.journalDir === '' ? [] : findLeftBehind(otherJournals.filter((path) => path !== config.journalDir))
    },
    examineConfig: () => {
      const { warnings, mistakes, shortage } = examineConfig({ dev })
      return { warnings, obstacles: shortage === undefined ? mistakes : [...mistakes, shortage] }
    },
    end: (how) => process.exit(how === 'stopped' ? 0 : exitFailure),
  })
}

async function worker(): Promise<void> {
  const { runWorker } = await import('../lib/worker/main.js')
  await runWorker({ ...(await startProcess('worker failed')), end: (hangs) => (hangs ? leave(0) : process.exit(0)) })
}

/** What every process that serves begins with: its configuration and its log, which says what nothing catches. */
async function startProcess(failure: string) {
  const config = readConfig()
  const log = new LogOutput()
  const logger = await createLogger(config, log, dev)
  // In the log: standard error, where Node would write it, may be a pipe that nobody reads, and then hold up the end.
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, failure)
    process.exit(exitFailure)
  })
  return { config, dev, log, logger }
}

/** The first line is the version alone; the others name what was compiled for this machine, or could not be. */
async function versionText(): Promise<string> {
  const uWebSockets = await loadUWebSockets().catch(messageOf)
  return [
    version,
    `Node ${process.versions.node}`,
    `uWebSockets.js: ${uWebSockets}`,
    `librdkafka ${librdkafka.version}: ${librdkafka.features.join(', ')}`,
  ]
    .join('\n')
    .concat('\n')
}

/** @throws {Error} in words for the operator, where there is no build for this machine: before workers die of it */
async function loadUWebSockets(): Promise<string> {
  return (await import('../lib/worker/uwebsockets.js')).uWebSocketsBuild
}

async function checkConfig(connect: boolean): Promise<void> {
  if (connect && dev) fail(exitUsage, ['--connect asks the brokers that are set, and --dev brings its own; see --help'])
  const { tryConfig } = await import('../lib/commands/try-config.js')
  const { findings, doubts, mistakes, obstacles } = await tryConfig(readConfig(), connect)
  warn(doubts)
  if (mistakes.length > 0) fail(exitUsage, mistakes)
  if (obstacles.length > 0) fail(exitFailure, obstacles)
  print(['The configuration is valid', ...findings, ''].join('\n'))
}

/** Ends the process with a line for each mistake if there is any. */
function readConfig(): Config {
  const { config, warnings, mistakes, shortage } = examineConfig({ dev })
  if (cluster.isPrimary) warn(warnings)
  if (mistakes.length > 0) return fail(exitUsage, mistakes)
  // Not a mistake: what starts this process should try again.
  if (shortage !== undefined) return fail(exitFailure, [shortage])
  return config
}

function print(text: string): void {
  process.stdout.write(text)
}

function warn(lines: string[]): void {
  for (const line of lines) process.stderr.write(`vantage-collector: ${line}\n`)
}

function fail(exitCode: number, lines: string[]): never {
  warn(lines)
  process.exit(exitCode)
}
