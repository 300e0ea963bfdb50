import type { Config } from '../config/config.js'
import { rateLimitsOf } from '../config/rate-limits.js'
import { configSchema, defaultOf } from '../config/schema.js'
import { certificateExpiry } from '../config/tls-files.js'
import { variableOf } from '../config/variables.js'
import type { LogOutput } from '../shared/log-output.js'
import type { Logger } from '../shared/logger.js'
import { leastOpenFiles, openFilesLimit, possibleConnections } from '../shared/open-files.js'
import { version } from '../shared/version.js'
import { CollectorFigures } from './collector-figures.js'
import { countCpus } from './cpu-count.js'
import { DevBroker } from './dev-broker.js'
import { claimPort } from './port.js'
import { RateWindows } from './rate-windows.js'
import { WorkerPool } from './worker-pool.js'

export type PrimaryOptions = {
  dev: boolean
  /** Where the log goes, for its figures. */
  log: Pick<LogOutput, 'dropped'>
  /** Which build of uWebSockets.js the workers load, for the log. */
  uWebSockets: string
  /** Called when no worker can be started. */
  onGiveUp: () => void
}

/** The part of the shutdown time that is kept for ending this process. */
const reserveMs = 200

/** libuv's threads: questions to Kafka and the journal's disk hold some, and inflating must not wait for them. */
const workerThreads = 16
/** Largest request headers that uWebSockets.js takes, instead of its 4096: API gateways add long ones. */
const maxHeaderBytes = 16_384

/** The process that owns the workers. */
export class Primary {
  readonly #config: Config
  readonly #logger: Logger
  readonly #options: PrimaryOptions
  readonly #figures: CollectorFigures
  #broker: DevBroker | undefined
  #pool: WorkerPool | undefined

  constructor(config: Config, logger: Logger, options: PrimaryOptions) {
    this.#config = config
    this.#logger = logger
    this.#options = options
    this.#figures = new CollectorFigures(options.log)
  }

  /**
   * Resolves when all workers take connections.
   *
   * @throws {Error} with a code such as EADDRINUSE when the port cannot be claimed, or when a process may open too few files
   */
  async start(): Promise<void> {
    const { apiHost, apiPort, apiWorkers, tlsCertFile, kafkaTopic, kafkaBootstrapServers, journalDir } = this.#config
    this.#checkOpenFiles()
    const port = await claimPort(apiHost, apiPort)
    if (this.#options.dev) this.#broker = await DevBroker.start()
    const size = apiWorkers || countCpus()
    this.#pool = this.#createPool(size, port)
    await this.#pool.start()
    const scheme = tlsCertFile === '' ? 'http' : 'https'
    const certificate = tlsCertFile !== '' && { certificateExpires: certificateExpiry(tlsCertFile) }
    const url = `${scheme}://${apiHost}:${port}`
    const way = {
      kafka: this.#broker?.address ?? kafkaBootstrapServers,
      topic: kafkaTopic,
      journal: journalDir || 'none',
    }
    this.#logger.info(
      { url, workers: size, ...way, version, uWebSockets: this.#options.uWebSockets, ...certificate },
      'collector is listening',
    )
    if (!this.#options.dev) return
    const elsewhere = port === defaultOf(configSchema.properties.apiPort) ? '' : `${variableOf('apiPort')}=${port} `
    this.#logger.info(`see metrics come out of Kafka: ${elsewhere}npx vantage-collector tail --dev`)
  }

  /** Replaces the workers; the new ones read the files of keys and certificates again. */
  async reload(): Promise<void> {
    await this.#pool?.replaceAll()
  }

  async stop(reason: string): Promise<void> {
    this.#logger.info({ reason }, 'collector is stopping')
    await this.#pool?.stop(this.#config.shutdownTimeoutMs - reserveMs)
    await this.#broker?.stop()
    this.#tellWhatWaits()
    this.#logger.info('collector has stopped')
  }

  #tellWhatWaits(): void {
    const { leftAtStop: metrics } = this.#figures
    if (metrics === 0) return
    const { journalDir: journal } = this.#config
    const how = 'the next start sends them, and so does vantage-collector journal replay'
    this.#logger.warn({ metrics, journal }, `${metrics} metrics wait in ${journal}: ${how}`)
  }

  /** Checked once here, instead of failing in each worker. */
  #checkOpenFiles(): void {
    const { maxConnections } = this.#config
    const openFiles = openFilesLimit()
    const how = 'raise the limit (ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of Docker)'
    if (openFiles < leastOpenFiles)
      throw new Error(`A process may open ${openFiles} files here, and a worker needs ${leastOpenFiles}: ${how}`)
    const connections = possibleConnections(openFiles)
    if (connections >= maxConnections) return
    const variable = variableOf('maxConnections')
    this.#logger.warn({ openFiles, connections }, `a worker cannot keep ${variable}=${maxConnections} open: ${how}`)
  }

  #createPool(size: number, port: number): WorkerPool {
    const env = {
      UV_THREADPOOL_SIZE: String(workerThreads),
      UWS_HTTP_MAX_HEADERS_SIZE: String(maxHeaderBytes),
      [variableOf('apiPort')]: String(port),
      ...(this.#broker && {
        [variableOf('kafkaBootstrapServers')]: this.#broker.address,
        [variableOf('kafkaSecurityProtocol')]: 'plaintext',
      }),
    }
    const onGiveUp = (failedStarts: number) => {
      this.#logger.fatal({ failedStarts }, 'workers do not start; giving up')
      this.#options.onGiveUp()
    }
    const limits = rateLimitsOf(this.#config)
    const rateWindows = limits && new RateWindows(limits)
    const stuckAfterMs = this.#config.workerStuckAfterMs
    return new WorkerPool({ size, env, stuckAfterMs, rateWindows, onGiveUp }, this.#figures, this.#logger)
  }
}
