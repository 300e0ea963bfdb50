import { open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { identityForm, isAlive, ownIdentity } from './process-identity.js'
import { syncDirectory } from './sync-directory.js'

/** A record that was promised to its agent and that the brokers refuse for good. */
export type DeadRecord = {
  /** In the broker's words. */
  reason: string
  /** Kafka's name for the error, such as MSG_SIZE_TOO_LARGE. */
  errorCode: string
  /** When the collector took it, Unix ms. */
  firstSeenMs: number
  /** The topic that it was for. */
  topic: string
  key: string | null
  value: string
}

/** Records of one file, which is all or nothing. `refused`: the dead-letter topic would not take them either. */
export type DeadFile = { name: string; records: DeadRecord[]; refused: boolean }

const fileName = new RegExp(String.raw`^(${identityForm})\.(\d+)(\.refused)?\.ndjson$`)

/** A file that is being written, under the name that it will have. */
const unfinishedName = new RegExp(String.raw`^(${identityForm})\..*\.unfinished$`)

/** Where records lie that nobody will take: a file of JSON lines for each lot of them, there as a whole or not at all. */
export class DeadSpace {
  readonly #path: string
  #files = 0

  constructor(path: string) {
    this.#path = path
  }

  /**
   * Resolves when the records are on disk.
   *
   * @throws {Error} with the system's code, such as ENOSPC
   */
  async bury(records: readonly DeadRecord[], { refused = false } = {}): Promise<void> {
    const name = `${ownIdentity()}.${Date.now()}${this.#files++}${refused ? '.refused' : ''}.ndjson`
    const path = join(this.#path, name)
    const unfinished = `${path}.unfinished`
    try {
      await writeSynced(unfinished, records.map((record) => `${JSON.stringify(record)}\n`).join(''))
      await rename(unfinished, path)
      await syncDirectory(this.#path)
    } catch (error) {
      await rm(unfinished, { force: true })
      throw error
    }
  }

  /** Deletes what processes were writing when they ended: nobody was promised that it is there. */
  async removeUnfinished(): Promise<void> {
    for (const name of await readdir(this.#path)) {
      const [, identity] = unfinishedName.exec(name) ?? []
      if (identity !== undefined && !isAlive(identity)) await rm(join(this.#path, name), { force: true })
    }
  }

  /** Everything that is dead, whichever process buried it. */
  async list(): Promise<DeadFile[]> {
    return Promise.all((await this.#names()).map((name) => this.#read(name)))
  }

  async drop(file: DeadFile): Promise<void> {
    await rm(join(this.#path, file.name), { force: true })
  }

  /** Files for the dead-letter topic that this process may send: its own, and those of processes that have ended. */
  async claim(): Promise<DeadFile[]> {
    const claimed: DeadFile[] = []
    for (const name of await this.#names()) {
      const [, identity = '', , number, refused] = fileName.exec(name) ?? []
      if (refused !== undefined) continue
      if (identity === ownIdentity()) claimed.push(await this.#read(name))
      else if (!isAlive(identity)) {
        const own = `${ownIdentity()}.${number}.ndjson`
        // Another process may have been quicker.
        const renamed = await rename(join(this.#path, name), join(this.#path, own)).then(
          () => true,
          () => false,
        )
        if (renamed) claimed.push(await this.#read(own))
      }
    }
    return claimed
  }

  async #names(): Promise<string[]> {
    return (await readdir(this.#path)).filter((name) => fileName.test(name)).sort()
  }

  async #read(name: string): Promise<DeadFile> {
    const lines = (await readFile(join(this.#path, name), 'utf8')).split('\n').filter((line) => line !== '')
    // A line that a disk has damaged is not worth the others.
    const records = lines.flatMap((line) => parseLine(line) ?? [])
    return { name, records, refused: name.includes('.refused.') }
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o640)
  try {
    await file.writeFile(text)
    await file.datasync()
  } finally {
    await file.close()
  }
}

function parseLine(line: string): DeadRecord | undefined {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
