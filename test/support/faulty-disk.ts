import { execFileSync } from 'node:child_process'
import { renameSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { makeDirectory } from './directory.js'

export type DiskCall = 'open' | 'create' | 'list' | 'read' | 'write' | 'sync' | 'rename' | 'mkdir' | 'remove' | 'access'
/** `at`: a part of the path of the file or directory that the call is for. */
export type DiskFault = { call: DiskCall; fault: keyof typeof constants.errno | 'hang'; at: string }

/** Has calls of a process to the file system fail or hang, whichever user runs it: by a library that is preloaded. */
export class FaultyDisk {
  /** What the process has to have in its environment. */
  readonly env: Record<string, string>
  readonly #rules: string

  private constructor(library: string, rules: string) {
    this.#rules = rules
    this.env = { LD_PRELOAD: library, FAULTY_DISK_RULES: rules }
  }

  static async make(t: Test): Promise<FaultyDisk> {
    const directory = await makeDirectory(t)
    const library = join(directory, 'faulty-disk.so')
    const source = 'test/support/native/faulty-disk.c'
    execFileSync('cc', ['-shared', '-fPIC', '-O2', '-o', library, source, '-ldl'])
    return new FaultyDisk(library, join(directory, 'rules'))
  }

  /** From now on, these and no others. */
  set(...faults: DiskFault[]): void {
    const lines = faults.map(({ call, fault, at }) => `${call} ${numberOf(fault)} ${at}\n`)
    // At once, since the process reads it all the time.
    writeFileSync(`${this.#rules}.new`, lines.join(''))
    renameSync(`${this.#rules}.new`, this.#rules)
  }

  mend(): void {
    this.set()
  }
}

function numberOf(fault: DiskFault['fault']): string {
  return fault === 'hang' ? fault : String(constants.errno[fault])
}
