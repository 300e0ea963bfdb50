#!/usr/bin/env node
import cluster from 'node:cluster'
import { readFileSync, statSync } from 'node:fs'
import { parseArgs, parseEnv } from 'node:util'
import { type Config, type ParsedConfig, parseConfig } from '../lib/config/config.js'
import { propertyVariable } from '../lib/config/variables.js'
import { lackingFeatures, librdkafka } from '../lib/delivery/librdkafka.js'
import { objectionTo } from '../lib/delivery/producer.js'
import { producerProperties } from '../lib/delivery/producer-properties.js'
import { messageOf } from '../lib/shared/errors.js'
import { LogOutput } from '../lib/shared/log-output.js'
import { createLogger, type Logger } from '../lib/shared/logger.js'
import { version } from '../lib/shared/version.js'

const exitFailure = 1
const exitUsage = 2
/** What --dev changes where the environment does not say otherwise: its Kafka is gone with it, so a journal is no use. */
const developmentDefaults = { VANTAGE_JOURNAL_DIR: '' }

const [name, ...rest] = process.argv.slice(2)
const isCommand = name !== undefined && !name.startsWith('-')
const flags: Flags = isCommand ? {} : readFlags()
const { dev = false } = flags

// Each process loads only what it runs: a worker that replaces another should be there soon.
if (isCommand) await runCommand(name, rest)
else if (flags.help) print(await (await import('../lib/commands/help.js')).helpText())
else if (flags.version) print(await versionText())
else if (flags['check-config']) checkConfig()
else if (cluster.isPrimary) await runPrimary()
else await runWorker()

type Flags = { help?: boolean; version?: boolean; 'check-config'?: boolean; dev?: boolean }

function readFlags(): Flags {
  try {
    const { values } = parseArgs({
      options: {
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'v' },
        'check-config': { type: 'boolean' },
        dev: { type: 'boolean' },
      },
    })
    return values
  } catch (error) {
    return fail(exitUsage, [`${messageOf(error)}; see --help`])
  }
}

async function runCommand(name: string, args: string[]): Promise<void> {
  const { commands } = await import('../lib/commands/commands.js')
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (load === undefined) return fail(exitUsage, [`There is no command ${name}; see --help`])
  const aborter = new AbortController()
  process.once('SIGINT', () => aborter.abort())
  process.once('SIGTERM', () => aborter.abort())
  process.stdout.on('error', endQuietly)
  const note = (text: string) => void process.stderr.write(`${text}\n`)
  try {
    const command = await load()
    if (args.includes('--help') || args.includes('-h')) return print(command.usage)
    process.exitCode = await command.run(args, {
      readConfig,
      print,
      note,
      input: () => process.stdin,
      terminal: process.stderr.isTTY ? process.stderr : undefined,
      screen: process.stdout.isTTY ? process.stdout : undefined,
      signal: aborter.signal,
    })
  } catch (error) {
    if (isUsageError(error)) fail(exitUsage, [`${messageOf(error)}; see --help`])
    fail(exitFailure, [messageOf(error)])
  }
}

/** Whoever reads what a command prints may have seen enough, as head has; the exit code is what it had come to by then. */
function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
  process.exit()
}

/** Ours, or that of parseArgs. */
function isUsageError(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return error.name === 'UsageError' || ('code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'))
}

async function runPrimary(): Promise<void> {
  const { Primary } = await import('../lib/primary/primary.js')
  const config = readConfig()
  const log = new LogOutput()
  const logger = await createLogger(config, log, dev)
  endOnException(logger, 'primary failed')
  const uWebSockets = await loadUWebSockets().catch((error) => {
    logger.fatal(messageOf(error))
    process.exit(exitFailure)
  })
  const primary = new Primary(config, logger, { dev, log, uWebSockets, onGiveUp: () => process.exit(exitFailure) })
  let stopping = false
  const stop = async (signal: string) => {
    if (stopping) return
    stopping = true
    await primary.stop(signal)
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  process.on('SIGHUP', () => {
    // What is wrong now is told once, instead of by each worker that would not start with it.
    const { warnings, mistakes, shortage } = examineConfig()
    for (const warning of warnings) logger.warn(warning)
    const obstacles = shortage === undefined ? mistakes : [...mistakes, shortage]
    if (obstacles.length === 0) void primary.reload()
    else logger.error(`the workers stay as they are: ${obstacles.join('; ')}`)
  })
  try {
    await primary.start()
  } catch (error) {
    logger.fatal(explain(error, config))
    process.exit(exitFailure)
  }
}

async function runWorker(): Promise<void> {
  const { startTracing } = await import('../lib/worker/tracing/tracing.js')
  const { Worker } = await import('../lib/worker/worker.js')
  const config = readConfig()
  const log = new LogOutput()
  const logger = await createLogger(config, log, dev)
  endOnException(logger, 'worker failed')
  const tracing = await startTracing(config, logger)
  const worker = new Worker(config, logger, { dev, log, tracing, onStopped: () => process.exit(0) })
  // node:cluster ends a worker at once when its primary dies; ours finishes what is in flight first (primary-link.ts).
  if (cluster.worker) cluster.worker.exitedAfterDisconnect = true
  process.on('SIGTERM', (signal) => void worker.stop(signal))
  process.on('SIGINT', (signal) => void worker.stop(signal))
  // The primary reloads for all; a terminal sends the signal to the workers, too.
  process.on('SIGHUP', () => logger.debug('SIGHUP is for the primary'))
  await worker.start()
}

/** Tells it in the log: standard error, where Node would, may be a pipe that nobody reads, and then hold up the end. */
function endOnException(logger: Logger, message: string): void {
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, message)
    process.exit(exitFailure)
  })
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

function checkConfig(): void {
  readConfig()
  print('The configuration is valid\n')
}

/** Ends the process with a line for each mistake if there is any. */
function readConfig(): Config {
  const { config, warnings, mistakes, shortage } = examineConfig()
  if (cluster.isPrimary) for (const warning of warnings) process.stderr.write(`vantage-collector: ${warning}\n`)
  if (mistakes.length > 0) return fail(exitUsage, mistakes)
  // Not a mistake: whatever starts this process should try again.
  if (shortage !== undefined) return fail(exitFailure, [shortage])
  return config
}

/**
 * The configuration as the environment and the files that it names have it now, and all that is wrong with it. `shortage`:
 * why librdkafka could not be asked.
 */
function examineConfig(): ParsedConfig & { shortage?: string } {
  const parsed = parseConfig({ ...(dev && developmentDefaults), ...readEnvironment() })
  const { config, mistakes } = parsed
  if (dev && config.environment === 'production') {
    mistakes.push('--dev keeps metrics in memory only and is refused when VANTAGE_ENVIRONMENT is production')
  }
  if (mistakes.length === 0) mistakes.push(...lackingFeatures(config))
  const objection = mistakes.length === 0 ? objectionTo(producerProperties(config)) : undefined
  if (objection === undefined) return parsed
  const { message, shortage } = objection
  if (shortage) return { ...parsed, shortage: `The system lacks threads or memory: ${message}` }
  mistakes.push(`${variablesOf(config, message)}: librdkafka says: ${message}`)
  return parsed
}

/** The variables of the properties that an objection names, or of all that were passed through if it names none. */
function variablesOf({ kafkaProperties }: Config, objection: string): string {
  const passedThrough = Object.keys(kafkaProperties)
  const named = passedThrough.filter((name) => objection.includes(name))
  return (named.length > 0 ? named : passedThrough).map(propertyVariable).join(', ') || 'The Kafka settings'
}

function readEnvironment(): Record<string, string | undefined> {
  // Some have a directory of that name, for Python's virtual environments.
  const isThere = statSync('.env', { throwIfNoEntry: false })?.isDirectory() === false
  if (process.env.VANTAGE_ENVIRONMENT?.trim() === 'production' || !isThere) return process.env
  return { ...parseEnv(readFileSync('.env', 'utf8')), ...process.env }
}

function explain(error: unknown, { apiHost, apiPort }: Config): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE')
    return `${apiHost}:${apiPort} is in use by another process; choose another VANTAGE_API_PORT`
  if (code === 'EACCES') return `${apiHost}:${apiPort} needs more rights; choose a VANTAGE_API_PORT above 1023`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `VANTAGE_API_HOST=${apiHost} is no address of this machine`
  return messageOf(error)
}

function print(text: string): void {
  process.stdout.write(text)
}

function fail(exitCode: number, lines: string[]): never {
  for (const line of lines) process.stderr.write(`vantage-collector: ${line}\n`)
  process.exit(exitCode)
}
