/**
 * Fixed work, much like that of the hot path: parsing, a scan byte by byte, small copies. None of it is code of the
 * collector, so its cost shows only how fast the machine is at the moment: neighbours on a shared machine take caches and clock
 * rate, which changes the speed by a third within minutes.
 */
const text = JSON.stringify(
  Array.from({ length: 100 }, (_, n) => ({
    name: `metric-${n}`,
    value: n * 1.1,
    tags: { host: `host-${n}`, zone: 'a' },
  })),
)
const bytes = Buffer.from(text)
const copy = Buffer.alloc(bytes.length)

export function yardstickWork(): number {
  let braces = JSON.parse(text).length
  for (let at = 0; at < bytes.length; at++) if (bytes[at] === 0x7d) braces++
  for (let at = 0; at < bytes.length; at += 80) bytes.copy(copy, at, at, at + 80)
  return braces
}

/** CPU time of one call in microseconds, by calling for `blockMs`. Waiting for a CPU is not in it. */
export function cpuMicroseconds(run: () => unknown, blockMs: number): number {
  const before = process.cpuUsage()
  const startedAt = performance.now()
  let calls = 0
  for (; performance.now() - startedAt < blockMs; calls++) run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / calls
}

/** What `measure` found, and what fixed work cost beside it: the mean of one call's microseconds before and after. */
export async function besideYardstick<T>(
  yardstickMs: number,
  measure: () => Promise<T>,
): Promise<{ found: T; yardstick: number }> {
  const before = cpuMicroseconds(yardstickWork, yardstickMs)
  const found = await measure()
  return { found, yardstick: (before + cpuMicroseconds(yardstickWork, yardstickMs)) / 2 }
}
