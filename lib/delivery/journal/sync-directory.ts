import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { codeOf, isMissing } from '../../shared/errors.js'

/** Resolves when the names in a directory are on disk: a new file's content alone is not enough to find it again. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/**
 * Makes a directory, and those above it, where they are not there. Resolves when their names are on disk. Not by the
 * `recursive` of mkdir, which calls a disk without inodes ENOENT.
 *
 * @throws {Error} with the system's code, such as ENOSPC or EROFS
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await makeOne(path)
  } catch (error) {
    if (!isMissing(error) || dirname(path) === path) throw error
    await makeDirectory(dirname(path))
    await makeOne(path)
  }
}

async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path, 0o750)
    await syncDirectory(dirname(path))
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
}
