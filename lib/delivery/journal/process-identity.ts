import { readFileSync } from 'node:fs'
import { codeOf, isMissing } from '../../shared/errors.js'

/** Tells a process apart from a later one that was given the same number: "4711-1f3a9c2e-8842713". */
export type ProcessIdentity = string

/** Where a file's name has an identity: a regular expression, with the number as its only group. */
export const identityForm = String.raw`(\d+)(?:-[\da-f]{8}-\d+)?`

const own = identityOf(process.pid) ?? `${process.pid}`

/** This process. */
export function ownIdentity(): ProcessIdentity {
  return own
}

/** Whether the process of this identity still runs. What cannot be found out counts as yes: it keeps what is its own. */
export function isAlive(identity: ProcessIdentity): boolean {
  const pid = Number(identity.split('-')[0])
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false
  }
  try {
    return (identityOf(pid) ?? `${pid}`) === identity
  } catch {
    return true
  }
}

/** As `isAlive`, for a look at many names: asks the kernel once for each process. */
export function rememberAlive(): (identity: ProcessIdentity) => boolean {
  const known = new Map<ProcessIdentity, boolean>()
  return (identity) => {
    const alive = known.get(identity) ?? isAlive(identity)
    known.set(identity, alive)
    return alive
  }
}

/**
 * Number, boot and start of a process as the kernel knows them. Undefined for a process that has ended but not been
 * waited for, and where there is no /proc (macOS): there, the number alone has to do.
 *
 * @throws {Error} with the system's code, such as EMFILE
 *
 * Source: proc(5), /proc/pid/stat, fields 3 (state) and 22 (starttime, in ticks since boot).
 */
function identityOf(pid: number): ProcessIdentity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (state === 'Z' || state === 'X') return `${pid}-ended`
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')
    return `${pid}-${bootId.slice(0, 8)}-${rest[18]}`
  } catch (error) {
    if (isMissing(error) || codeOf(error) === 'ESRCH') return undefined
    throw error
  }
}
