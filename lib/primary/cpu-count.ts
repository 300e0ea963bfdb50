import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'

/** Where Linux lists the control groups of a process, and where it mounts them. */
const membershipFile = 'proc/self/cgroup'
const hierarchies = 'sys/fs/cgroup'

/**
 * The CPUs this process may use: those of its affinity, and no more than the quota of its container or service.
 *
 * @param root the root of the file system
 */
export function countCpus(root = '/'): number {
  const quotas = controlGroups(root).map(quotaOf)
  return Math.max(1, Math.min(availableParallelism(), ...quotas.map(Math.ceil)))
}

type ControlGroup = { directory: string; version: 1 | 2 }

/**
 * The groups that may bound the CPU time of this process, parents included. A container sees its own group at the root of the
 * hierarchy, although its path may be the one of the host.
 */
function controlGroups(root: string): ControlGroup[] {
  // A line a hierarchy: number:controllers:path. Version 2 names no controllers.
  const lines = (readText(join(root, membershipFile)) ?? '0::/').trim().split('\n')
  return lines.flatMap((line) => {
    const [, controllers = '', path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    const version = controllers === '' ? 2 : 1
    if (version === 1 && !controllers.split(',').includes('cpu')) return []
    const hierarchy = join(root, hierarchies, controllers)
    return withParents(path).map((group) => ({ directory: join(hierarchy, group), version }) as const)
  })
}

function withParents(path: string): string[] {
  return path === dirname(path) ? [path] : [path, ...withParents(dirname(path))]
}

/** In CPUs: 1.5 for 150 ms of CPU time in each 100 ms; Infinity for none. */
function quotaOf({ directory, version }: ControlGroup): number {
  const [quota = NaN, period = NaN] = version === 2 ? limitsOf(directory) : limitsOfVersion1(directory)
  // Version 1 writes -1 where version 2 writes "max".
  return quota > 0 && period > 0 ? quota / period : Infinity
}

/** "150000 100000", in microseconds. */
function limitsOf(directory: string): number[] {
  return (readText(join(directory, 'cpu.max')) ?? '').trim().split(' ').map(Number)
}

function limitsOfVersion1(directory: string): number[] {
  return ['cpu.cfs_quota_us', 'cpu.cfs_period_us'].map((name) => Number(readText(join(directory, name)) ?? NaN))
}

/** Undefined if the file does not exist: this is not Linux, or the group has no quota. */
function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
