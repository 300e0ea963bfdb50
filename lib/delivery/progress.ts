/** What is read of librdkafka's statistics (its STATISTICS.md, "brokers" and "topics.partitions"). */
type Statistics = {
  brokers: Record<string, { nodeid: number; state: string }>
  topics: Record<string, { partitions: Record<string, PartitionStatistics> }>
}
type PartitionStatistics = {
  leader: number
  msgq_cnt: number
  xmit_msgq_cnt: number
  msgs_inflight: number
  /** Sent so far, those that are sent again included. */
  txmsgs: number
}

type Waiting = { sent: number; sinceMs: number }

/**
 * Whether a producer still sends what waits in it. Records that the brokers answer they cannot take now (too few in-sync replicas)
 * are sent again and again, and so wait, but are not stuck; nor are those whose broker cannot be reached.
 */
export class Progress {
  #waiting: Map<string, Waiting> | undefined
  readonly #startedAtMs = performance.now()

  /** For how long a partition has had records waiting of which none was sent; Infinity where none waits. */
  get stillMs(): number {
    const now = performance.now()
    if (this.#waiting === undefined) return now - this.#startedAtMs
    if (this.#waiting.size === 0) return Infinity
    return Math.max(...[...this.#waiting.values()].map(({ sinceMs }) => now - sinceMs))
  }

  /** @param json librdkafka's statistics, every few seconds */
  update(json: string): void {
    const { brokers, topics }: Statistics = JSON.parse(json)
    const up = new Set(Object.values(brokers).flatMap(({ nodeid, state }) => (state === 'UP' ? [nodeid] : [])))
    const before = this.#waiting
    this.#waiting = new Map()
    for (const [topic, { partitions }] of Object.entries(topics)) {
      for (const [partition, { leader, msgq_cnt, xmit_msgq_cnt, msgs_inflight, txmsgs }] of Object.entries(
        partitions,
      )) {
        if (msgq_cnt + xmit_msgq_cnt + msgs_inflight === 0) continue
        const known = before?.get(topic + partition)
        const isAway = leader >= 0 && !up.has(leader)
        const isStill = known !== undefined && known.sent === txmsgs && !isAway
        this.#waiting.set(topic + partition, isStill ? known : { sent: txmsgs, sinceMs: performance.now() })
      }
    }
  }
}
