import type { Config } from '../config/config.js'
import { rateLimitsOf } from '../config/rate-limits.js'
import { certificateExpiry } from '../config/tls-files.js'
import { Delivery } from '../delivery/delivery.js'
import { maxRecordBytes } from '../delivery/producer-properties.js'
import { ByteBudget } from '../ingest/byte-budget.js'
import { createFormats } from '../ingest/formats/formats.js'
import { Turns } from '../ingest/turns.js'
import { BufferPool } from '../shared/buffer-pool.js'
import type { LogOutput } from '../shared/log-output.js'
import type { Logger } from '../shared/logger.js'
import { type Condition, conditionOf } from '../telemetry/condition.js'
import { Telemetry } from '../telemetry/telemetry.js'
import { RateLimiter } from './access/rate-limiter.js'
import { addRoutes } from './app.js'
import { IdleConnections } from './http/idle-connections.js'
import { Listener } from './http/listener.js'
import { StalledRequests } from './http/stalled-requests.js'
import { PrimaryLink } from './primary-link.js'
import type { Tracing } from './tracing/tracing.js'

export type WorkerOptions = {
  dev: boolean
  /** Where the log goes, for its figures. */
  log: Pick<LogOutput, 'dropped'>
  tracing: Tracing
  /** Called once all is finished, or the time is up. `hangs`: whether something may keep a thread of the process. */
  onStopped: (hangs: boolean) => void
}

/**
 * Longest wait for Kafka before listening all the same: a worker that replaces another should be ready when it takes
 * over.
 */
const waitForKafkaMs = 3000
/** Of the time to shut down, what is kept for closing the journal and the producers and ending the process. */
const closeReserveMs = 2500

const mebibyte = 2 ** 20

/** One worker process: the port, the pipeline and the producers. */
export class Worker {
  readonly #config: Config
  readonly #logger: Logger
  readonly #listener: Listener
  readonly #idleConnections: IdleConnections
  readonly #delivery: Delivery
  readonly #primary: PrimaryLink
  readonly #tracing: Tracing
  readonly #onStopped: (hangs: boolean) => void
  #draining = false

  constructor(config: Config, logger: Logger, { dev, log, tracing, onStopped }: WorkerOptions) {
    const telemetry = new Telemetry()
    if (config.tlsCertFile !== '') {
      telemetry.gauges.tlsCertificateExpiryTimestampSeconds = certificateExpiry(config.tlsCertFile).getTime() / 1000
    }
    const pool = new BufferPool()
    const delivery = new Delivery(config, telemetry, pool, logger)
    const primary = new PrimaryLink({
      snapshot: () => {
        delivery.measure()
        telemetry.counts.logLinesDropped = log.dropped
        const { kafka, journal, brokers } = delivery
        return telemetry.snapshot({ condition: this.#condition, kafka, journal, brokers })
      },
      onDrain: (reason) => void this.stop(reason),
    })
    const rateLimits = rateLimitsOf(config)
    const maxBodyBytes = Math.floor(config.maxRequestSizeMb * mebibyte)
    const maxHeldBytes = config.maxInflightMb * mebibyte
    const stalledRequests = new StalledRequests(telemetry)
    this.#listener = new Listener(config, telemetry)
    this.#idleConnections = new IdleConnections(config.apiPort, stalledRequests, telemetry)
    this.#config = config
    this.#logger = logger
    this.#delivery = delivery
    this.#primary = primary
    this.#tracing = tracing
    this.#onStopped = onStopped
    addRoutes(this.#listener.app, {
      config,
      logger,
      dev,
      delivery,
      primary,
      telemetry,
      tracing,
      activity: this.#listener,
      stalledRequests,
      draining: () => this.#draining,
      condition: () => this.#condition,
      formats: createFormats(config, { maxBodyBytes, maxRecordBytes: maxRecordBytes(config) }, pool),
      ingest: {
        limits: { maxBodyBytes },
        budget: new ByteBudget(maxHeldBytes, telemetry.gauges),
        inflating: new Turns(Math.max(1, Math.floor(maxHeldBytes / maxBodyBytes))),
        delivery,
        limiter: rateLimits && new RateLimiter(rateLimits, primary, logger),
        pool,
        telemetry,
      },
    })
  }

  /** @throws {Error} when the port cannot be had or librdkafka refuses its properties */
  async start(): Promise<void> {
    this.#primary.start()
    await this.#delivery.start(waitForKafkaMs)
    if (this.#draining) return
    await this.#listener.listen(this.#config.apiHost, this.#config.apiPort)
    this.#idleConnections.start()
    this.#primary.listening()
  }

  get #condition(): Condition {
    const { deferral, kafka, journal } = this.#delivery
    return conditionOf({ draining: this.#draining, deferral: deferral?.detail, kafka, journal })
  }

  /** Finishes what is in flight and goes: not ready at once, no new connections, answers, then the producers. */
  async stop(reason: string): Promise<void> {
    if (this.#draining) return
    this.#draining = true
    this.#logger.info({ reason }, 'worker drains')
    // The primary kills a worker that is late, but the primary may be gone.
    setTimeout(() => this.#onStopped(true), this.#config.shutdownTimeoutMs).unref()
    const deadline = performance.now() + this.#config.shutdownTimeoutMs - closeReserveMs
    await this.#listener.drain(Math.max(0, deadline - performance.now()))
    const restMs = Math.max(0, deadline - performance.now())
    const [isClosed] = await Promise.all([this.#delivery.stop(restMs), this.#tracing.stop(restMs)])
    this.#primary.stop()
    this.#onStopped(!isClosed)
  }
}
