import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** Where Linux says how much of the CPUs a container may use (cgroup v2). */
const quotaFile = '/sys/fs/cgroup/cpu.max'

/** The CPUs this process may use: those of its affinity, and no more than the quota of its container. */
export function countCpus(file = quotaFile): number {
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(readQuota(file))))
}

/** Of "150000 100000" (microseconds of CPU time in a period), 1.5; of "max 100000", or without the file, no limit. */
function readQuota(file: string): number {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    // Not Linux, or cgroup v1: the affinity decides alone.
    return Infinity
  }
  const [quota = NaN, period = NaN] = text.trim().split(' ').map(Number)
  return Number.isNaN(quota) ? Infinity : quota / period
}
