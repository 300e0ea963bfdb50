import { AggregatorRegistry, Counter, type MetricObject, Registry } from 'prom-client'
import type { FleetStats, WorkerStats } from '../shared/fleet-stats.js'
import { type Counts, counters, namesOf, type WorkerSnapshot, zeros } from '../shared/telemetry.js'
import type { WorkerProcess } from './worker-process.js'

type Metrics = WorkerSnapshot['metrics']

/** Longest wait for a worker's figures; one that is late is shown as it was last known. */
const refreshTimeoutMs = 250

/** The sums over all workers. Those of a worker that has ended stay in them, so that no counter ever falls. */
export class Fleet {
  readonly #startedAtMs = performance.now()
  readonly #workers = new Set<WorkerProcess>()
  readonly #endedCounts: Counts = zeros(counters)
  #endedMetrics: Metrics = []
  #metricsAbandoned = 0
  #workerRestarts = 0
  readonly #ownMetrics = new Registry()

  constructor() {
    const restarts = () => this.#workerRestarts
    new Counter({
      name: 'vantage_collector_worker_restarts_total',
      help: 'Workers that ended unasked and were replaced',
      registers: [this.#ownMetrics],
      collect() {
        this.reset()
        this.inc(restarts())
      },
    })
  }

  workerStarted(worker: WorkerProcess): void {
    this.#workers.add(worker)
  }

  workerEnded(worker: WorkerProcess): void {
    this.#workers.delete(worker)
    const { snapshot } = worker
    if (snapshot === undefined) return
    add(this.#endedCounts, snapshot.counts)
    this.#metricsAbandoned += snapshot.gauges.metricsInFlight
    const lasting = snapshot.metrics.filter((metric) => !isGauge(metric))
    this.#endedMetrics = AggregatorRegistry.aggregate([this.#endedMetrics, lasting])
      .getMetricsAsArray()
      .filter(hasValues)
  }

  workerRestarted(): void {
    this.#workerRestarts++
  }

  /** Asks all workers for their figures and sums them with those of the ended ones. */
  async collect(): Promise<FleetStats> {
    const asked = [...this.#workers]
    const fresh = new Set<WorkerProcess>()
    const [own] = await Promise.all([
      this.#ownMetrics.getMetricsAsJSON(),
      ...asked.map(async (worker) => (await worker.refresh(refreshTimeoutMs)) && fresh.add(worker)),
    ])

    // From here on without an await, so that a worker that ends meanwhile is counted once.
    const now = performance.now()
    const counts = { ...this.#endedCounts }
    const metrics = [own, this.#endedMetrics]
    const workers: WorkerStats[] = []
    for (const worker of this.#workers) {
      if (worker.snapshot === undefined) continue
      const { metrics: workerMetrics, ...figures } = worker.snapshot
      add(counts, figures.counts)
      metrics.push(workerMetrics)
      const uptimeSeconds = (now - worker.startedAtMs) / 1000
      workers.push({ ...figures, pid: worker.pid, uptimeSeconds, stale: !fresh.has(worker) })
    }
    return {
      counts,
      workers,
      metrics,
      metricsInFlight: workers.reduce((sum, { gauges }) => sum + gauges.metricsInFlight, 0),
      metricsAbandoned: this.#metricsAbandoned,
      workerRestarts: this.#workerRestarts,
      uptimeSeconds: (now - this.#startedAtMs) / 1000,
    }
  }
}

function add(sum: Counts, more: Counts): void {
  for (const name of namesOf(counters)) sum[name] += more[name]
}

/** prom-client's type says that `type` is a number; it is a word. */
function isGauge({ type }: MetricObject): boolean {
  return String(type) === 'gauge'
}

function hasValues(metric: MetricObject): metric is Metrics[number] {
  return 'values' in metric
}
