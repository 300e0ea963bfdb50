import type { Config } from '../config/config.js'
import { codeOf, messageOf } from '../shared/errors.js'
import type { LogOutput } from '../shared/log-output.js'
import type { Logger } from '../shared/logger.js'
import { Primary } from './primary.js'

export type PrimaryMain = {
  config: Config
  dev: boolean
  log: LogOutput
  logger: Logger
  /** Which build of uWebSockets.js the workers load, for the log. */
  uWebSockets: string
  /** Journals of this user with metrics that this collector does not send. */
  findOtherJournals: () => Promise<{ path: string; metrics: number; more: boolean }[]>
  /** What is wrong with the configuration as it is now; warnings are for the log. */
  examineConfig: () => { warnings: string[]; obstacles: string[] }
  /** Ends the process; `failed` shows in its exit code. */
  end: (how: 'stopped' | 'failed') => void
}

/** Starts the collector and handles signals from then on. */
export async function runPrimary(main: PrimaryMain): Promise<void> {
  const { config, dev, log, logger, uWebSockets, examineConfig, end } = main
  const primary = new Primary(config, logger, { dev, log, uWebSockets, onGiveUp: () => end('failed') })
  let stopping = false
  const stop = async (signal: string) => {
    if (stopping) return
    stopping = true
    await primary.stop(signal)
    end('stopped')
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  process.on('SIGHUP', () => {
    // Reported once, instead of by each worker that would not start with it.
    const { warnings, obstacles } = examineConfig()
    for (const warning of warnings) logger.warn(warning)
    if (obstacles.length === 0) void primary.reload()
    else logger.error(`the workers stay as they are: ${obstacles.join('; ')}`)
  })
  try {
    await primary.start()
    await tellOfOtherJournals(main)
  } catch (error) {
    logger.fatal(explain(error, config))
    end('failed')
  }
}

/** Warns of promised metrics in journals that no collector sends. */
async function tellOfOtherJournals({ findOtherJournals, logger }: PrimaryMain): Promise<void> {
  for (const { path, metrics, more } of await findOtherJournals()) {
    const command = `VANTAGE_JOURNAL_DIR=${path} vantage-collector journal replay`
    logger.warn(
      { journal: path, metrics },
      `${more ? 'more than ' : ''}${metrics} metrics wait in another journal, which this collector does not send: ${command}`,
    )
  }
}

function explain(error: unknown, { apiHost, apiPort }: Config): string {
  const code = codeOf(error)
  if (code === 'EADDRINUSE')
    return `${apiHost}:${apiPort} is in use by another process; choose another VANTAGE_API_PORT`
  if (code === 'EACCES') return `${apiHost}:${apiPort} needs more rights; choose a VANTAGE_API_PORT above 1023`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `VANTAGE_API_HOST=${apiHost} is no address of this machine`
  return messageOf(error)
}
