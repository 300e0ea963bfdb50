import { constants } from 'node:fs'
import { access, open, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing, messageOf } from '../../shared/errors.js'
import { DeadSpace } from './dead-space.js'
import { identityForm, ownIdentity, rememberAlive } from './process-identity.js'
import { makeDirectory } from './sync-directory.js'

/** The version of the layout of a journal directory: raised when an older collector could not read it. */
export const journalFormat = 1

/** The logs of one journal: who writes each, and how many bytes all of them take. */
export type LogOwner = { name: string; path: string; pid: number; alive: boolean }

/** `<identity of its process>.<number>`: the name says whose a log is, so that renaming it hands it over. */
const logName = new RegExp(String.raw`^(${identityForm})\.\d+$`)

/**
 * What a journal has on disk, for all processes of this machine:
 *
 * - FORMAT: the version
 * - logs/: a directory for each process that writes (log.ts)
 * - dead/: records that the brokers refuse (dead-space.ts)
 * - damaged/: files with unreadable bytes, kept for the operator; nothing deletes them
 */
export class JournalDirectory {
  readonly path: string
  readonly dead: DeadSpace
  #logs = 0

  private constructor(path: string) {
    this.path = path
    this.dead = new DeadSpace(this.deadPath)
  }

  /**
   * Opens the directory, which is made if need be.
   *
   * @throws {Error} whose message says why it cannot be used, and what to do
   */
  static async open(path: string): Promise<JournalDirectory> {
    const directory = new JournalDirectory(path)
    await directory.make()
    return directory
  }

  /**
   * Opens a directory that is there, to look at it.
   *
   * @throws {Error} when it is not there, or cannot be read
   */
  static async openExisting(path: string): Promise<JournalDirectory> {
    const directory = new JournalDirectory(path)
    try {
      await access(directory.logsPath, constants.R_OK)
      await directory.#checkFormat()
    } catch (error) {
      throw new Error(
        isMissing(error) ? `There is no journal in ${path}; VANTAGE_JOURNAL_DIR names it` : explain(error, path),
      )
    }
    return directory
  }

  /**
   * Makes what is missing of it.
   *
   * @throws {Error} whose message says why it cannot be used, and what to do
   */
  async make(): Promise<void> {
    try {
      await makeDirectory(this.logsPath)
      await makeDirectory(this.deadPath)
      await access(this.logsPath, constants.W_OK)
      await this.#checkFormat()
      await this.dead.removeUnfinished()
    } catch (error) {
      throw new Error(explain(error, this.path))
    }
  }

  get logsPath(): string {
    return join(this.path, 'logs')
  }

  get deadPath(): string {
    return join(this.path, 'dead')
  }

  get damagedPath(): string {
    return join(this.path, 'damaged')
  }

  /** A path for a further log of this process. */
  nextLogPath(): string {
    return join(this.logsPath, `${ownIdentity()}.${this.#logs++}`)
  }

  async owners(): Promise<LogOwner[]> {
    const isAlive = rememberAlive()
    const names = await this.#logNames()
    return names.map((name) => {
      const [, identity = '', pid] = logName.exec(name) ?? []
      return { name, path: join(this.logsPath, name), pid: Number(pid), alive: isAlive(identity) }
    })
  }

  /**
   * Takes over a log whose process has ended, and gives its new path; undefined if another process was quicker. Of several
   * that try, one gets it: renaming is atomic.
   *
   * @throws {Error} with the system's code when this process cannot read it; then it is left to one that can
   */
  async adopt(path: string): Promise<string | undefined> {
    try {
      await assertReadable(path)
      const adopted = this.nextLogPath()
      await rename(path, adopted)
      return adopted
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  /** What all logs take on disk, but for those at these paths. One file after the other: a disk that hangs holds one thread. */
  async logBytesBeside(paths: ReadonlySet<string>): Promise<number> {
    let bytes = 0
    // The search for logs to adopt reports a directory that cannot be listed.
    for (const name of await this.#logNames().catch(() => [])) {
      const path = join(this.logsPath, name)
      if (!paths.has(path)) bytes += await bytesIn(path)
    }
    return bytes
  }

  async #logNames(): Promise<string[]> {
    const names = await readdir(this.logsPath).catch((error): string[] => {
      if (isMissing(error)) return []
      throw error
    })
    return names.filter((name) => logName.test(name))
  }

  async #checkFormat(): Promise<void> {
    if (!(await assertKnownFormat(this.path))) await writeFile(formatFile(this.path), `${journalFormat}\n`)
  }
}

function formatFile(path: string): string {
  return join(path, 'FORMAT')
}

/**
 * Resolves with whether the journal says which version has written it.
 *
 * @throws {Error} when that is a newer one
 */
export async function assertKnownFormat(path: string): Promise<boolean> {
  const text = await readFile(formatFile(path), 'utf8').catch((error) => {
    if (isMissing(error)) return undefined
    throw error
  })
  if (text === undefined || Number(text) <= journalFormat) return text !== undefined
  throw new Error(
    `it was written by a newer version of the collector (format ${text.trim()}; this one reads ${journalFormat}); ` +
      'run that version until the journal is empty, or name another directory',
  )
}

/** Before it is taken over: its files may have another owner, or lie on a bad part of the disk. */
async function assertReadable(log: string): Promise<void> {
  await access(log, constants.R_OK | constants.W_OK | constants.X_OK)
  for (const name of await readdir(log)) await (await open(join(log, name), 'r')).close()
}

/** Of what can be seen: files go meanwhile, and another user's log is no reason to take no batches. */
async function bytesIn(path: string): Promise<number> {
  const names = await readdir(path).catch(() => [])
  let bytes = 0
  for (const name of names) bytes += (await stat(join(path, name)).catch(() => ({ size: 0 }))).size
  return bytes
}

function explain(error: unknown, path: string): string {
  return `The journal in ${path} cannot be used: ${messageOf(error)}`
}
