import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

const quotaFile = '/sys/fs/cgroup/cpu.max'

/**
 * The CPUs this process may use: its affinity, and the quota of its container (cgroup v2, "max 100000" or "150000
 * 100000").
 */
export function countCpus(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(cpuQuota())))
}

function cpuQuota(): number {
  let text: string
  try {
    text = readFileSync(quotaFile, 'utf8')
  } catch {
    // Not Linux, or cgroup v1: the affinity decides alone.
    return Infinity
  }
  const [quota, period] = text.trim().split(' ').map(Number)
  return quota === undefined || period === undefined || Number.isNaN(quota) ? Infinity : quota / period
}
