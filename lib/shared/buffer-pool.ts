const smallestBytes = 4096
/** Room that is kept free for the next requests; what is beyond is left to the garbage collector. */
const maxIdleBytes = 16 * 2 ** 20

/**
 * Buffers for request bodies and records, used again and again. V8 answers every few dozen MiB of new ArrayBuffers with
 * a mark-compact of some 5 ms: without the pool a worker at 50 k metrics/s spends 1 % of its requests waiting for one,
 * which sets the 99th percentile (14 ms; with it 6 ms), and at full load carries an eighth less (bench/NOTES.md).
 */
export class BufferPool {
  readonly #idle = new Map<number, ArrayBufferLike[]>()
  #idleBytes = 0

  /** A buffer of this length, with arbitrary content. */
  take(length: number): Buffer {
    const capacity = capacityFor(length)
    const memory = this.#idle.get(capacity)?.pop()
    if (memory === undefined) return Buffer.from(new ArrayBuffer(capacity), 0, length)
    this.#idleBytes -= capacity
    return Buffer.from(memory, 0, length)
  }

  /** Returns a buffer from `take` to the pool. It must not be used any more. */
  give({ buffer: memory }: Buffer): void {
    const capacity = memory.byteLength
    if (this.#idleBytes + capacity > maxIdleBytes) return
    this.#idleBytes += capacity
    const idle = this.#idle.get(capacity)
    if (idle === undefined) this.#idle.set(capacity, [memory])
    else idle.push(memory)
  }
}

/** Four sizes for each power of two, so that at most a fifth of a large buffer is unused. */
function capacityFor(length: number): number {
  if (length <= smallestBytes) return smallestBytes
  const step = 2 ** (29 - Math.clz32(length - 1))
  return Math.ceil(length / step) * step
}
