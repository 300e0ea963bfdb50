#!/usr/bin/env node
import cluster from 'node:cluster'
import { existsSync, readFileSync } from 'node:fs'
import { parseArgs, parseEnv } from 'node:util'
import { objectionTo, producerProperties } from '../lib/delivery/producer-properties.js'
import { type Config, parseConfig } from '../lib/shared/config.js'
import { createLogger } from '../lib/shared/logger.js'
import { version } from '../lib/shared/version.js'

const exitFailure = 1
const exitUsage = 2

const { values: flags, positionals } = readArguments()
const [command] = positionals

// Each process loads only what it runs: a worker that replaces another should be there soon.
if (flags.help) print((await import('../lib/commands/help.js')).helpText())
else if (flags.version) print(`${version}\n`)
else if (command === 'tail') await runTail()
else if (command !== undefined) fail(exitUsage, [`There is no command ${command}; see --help`])
else if (flags['check-config']) checkConfig()
else if (cluster.isPrimary) await runPrimary()
else await runWorker()

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'v' },
        'check-config': { type: 'boolean' },
        dev: { type: 'boolean', default: false },
        topic: { type: 'string' },
        bootstrap: { type: 'string' },
        'from-beginning': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    return fail(exitUsage, [`${messageOf(error)}; see --help`])
  }
}

async function runPrimary(): Promise<void> {
  const { Primary } = await import('../lib/primary/primary.js')
  const config = readConfig()
  const logger = await createLogger(config, flags.dev)
  const primary = new Primary(config, logger, { dev: flags.dev, onGiveUp: () => process.exit(exitFailure) })
  let stopping = false
  const stop = async (signal: string) => {
    if (stopping) return
    stopping = true
    await primary.stop(signal)
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  process.on('SIGHUP', () => void primary.reload())
  try {
    await primary.start()
  } catch (error) {
    logger.fatal(explain(error, config))
    process.exit(exitFailure)
  }
}

async function runWorker(): Promise<void> {
  const { Worker } = await import('../lib/worker/worker.js')
  const config = readConfig()
  const logger = await createLogger(config, flags.dev)
  const worker = new Worker(config, logger, { dev: flags.dev, onStopped: () => process.exit(0) })
  // node:cluster ends a worker at once when its primary dies; ours finishes what is in flight first (primary-link.ts).
  if (cluster.worker) cluster.worker.exitedAfterDisconnect = true
  process.on('SIGTERM', (signal) => void worker.stop(signal))
  process.on('SIGINT', (signal) => void worker.stop(signal))
  // The primary reloads for all; a terminal sends the signal to the workers, too.
  process.on('SIGHUP', () => logger.debug('SIGHUP is for the primary'))
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'worker failed')
    process.exit(exitFailure)
  })
  await worker.start()
}

async function runTail(): Promise<void> {
  const { tail } = await import('../lib/commands/tail.js')
  const { findDevKafka } = await import('../lib/commands/dev-kafka.js')
  const config = readConfig()
  const topic = flags.topic ?? config.kafkaTopic
  try {
    const bootstrapServers =
      flags.bootstrap ?? (flags.dev ? await findDevKafka(config.apiPort) : config.kafkaBootstrapServers)
    const fromBeginning = flags['from-beginning'] || flags.dev
    const { partitions, stop } = await tail({ bootstrapServers, topic, fromBeginning }, (record) => {
      print(`${flags.json ? JSON.stringify(record) : record.value}\n`)
    })
    process.stderr.write(`Reading ${partitions} partitions of ${topic} on ${bootstrapServers}; Ctrl-C ends\n`)
    process.once('SIGINT', () => void stop().then(() => process.exit(0)))
    process.once('SIGTERM', () => void stop().then(() => process.exit(0)))
  } catch (error) {
    fail(exitFailure, [messageOf(error)])
  }
}

function checkConfig(): void {
  readConfig()
  print('The configuration is valid\n')
}

/** Ends the process with a line for each mistake if there is any. */
function readConfig(): Config {
  const { config, warnings, mistakes } = parseConfig(readEnvironment())
  if (cluster.isPrimary) for (const warning of warnings) process.stderr.write(`vantage-collector: ${warning}\n`)
  if (mistakes.length > 0) return fail(exitUsage, mistakes)
  if (flags.dev && config.environment === 'production') {
    return fail(exitUsage, ['--dev keeps metrics in memory only and is refused when VANTAGE_ENVIRONMENT is production'])
  }
  const objection = objectionTo(producerProperties(config))
  if (objection !== undefined) return fail(exitUsage, [`VANTAGE_KAFKA_PROPERTY_...: librdkafka says: ${objection}`])
  return config
}

function readEnvironment(): Record<string, string | undefined> {
  if (process.env.VANTAGE_ENVIRONMENT === 'production' || !existsSync('.env')) return process.env
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function print(text: string): void {
  process.stdout.write(text)
}

function fail(exitCode: number, lines: string[]): never {
  for (const line of lines) process.stderr.write(`vantage-collector: ${line}\n`)
  process.exit(exitCode)
}
