import cluster from 'node:cluster'
import type { Config } from '../config/config.js'
import type { LogOutput } from '../shared/log-output.js'
import type { Logger } from '../shared/logger.js'
import { startTracing } from './tracing/start-tracing.js'
import { Worker } from './worker.js'

export type WorkerMain = {
  config: Config
  dev: boolean
  log: LogOutput
  logger: Logger
  /** Ends the process once all is finished. `hangs`: whether something may keep a thread of the process. */
  end: (hangs: boolean) => void
}

/** Starts a worker and handles signals from then on. */
export async function runWorker({ config, dev, log, logger, end }: WorkerMain): Promise<void> {
  const tracing = await startTracing(config, logger)
  const worker = new Worker(config, logger, { dev, log, tracing, onStopped: end })
  // node:cluster ends a worker at once when its primary dies; ours finishes what is in flight first (primary-link.ts).
  if (cluster.worker) cluster.worker.exitedAfterDisconnect = true
  process.on('SIGTERM', (signal) => void worker.stop(signal))
  process.on('SIGINT', (signal) => void worker.stop(signal))
  // The primary reloads for all; a terminal sends the signal to the workers, too.
  process.on('SIGHUP', () => logger.debug('SIGHUP is for the primary'))
  await worker.start()
}
