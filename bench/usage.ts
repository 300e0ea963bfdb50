import { readdirSync, readFileSync } from 'node:fs'

/** What the processes of a server have used so far, by Linux's /proc. */
export type Usage = { cpuSeconds: number; residentMiB: number }

/** sysconf(_SC_CLK_TCK), which is 100 on every Linux that Node runs on. */
const ticksPerSecond = 100
const pageMiB = 4096 / 2 ** 20

/** Of a process and all its descendants. What has ended is not in it. */
export function usageOf(pid: number): Usage {
  const usages = familyOf(pid).map(readUsage)
  return {
    cpuSeconds: usages.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    residentMiB: usages.reduce((sum, { residentMiB }) => sum + residentMiB, 0),
  }
}

/** The process and its descendants. */
export function familyOf(pid: number): number[] {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => statOf(candidate)?.[1] === String(pid))
  return [pid, ...children.flatMap(familyOf)]
}

function readUsage(pid: number): Usage {
  const stat = statOf(pid)
  const field = (index: number) => Number(stat?.[index] ?? 0)
  return { cpuSeconds: (field(11) + field(12)) / ticksPerSecond, residentMiB: field(21) * pageMiB }
}

/** The fields of /proc/PID/stat from the third on: state, parent, … (proc(5)); undefined when the process has gone. */
function statOf(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}
