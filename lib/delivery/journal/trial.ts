import { constants } from 'node:fs'
import { access, mkdir, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { codeOf, isMissing, messageOf } from '../../shared/errors.js'
import { assertKnownFormat } from './directory.js'
import { doubtAbout } from './file-system.js'

/** `mistakes` keep a journal from working until somebody mends the setting or the directory; `doubts` may pass, or be meant. */
export type JournalTrial = { mistakes: string[]; doubts: string[] }

const mebibyte = 2 ** 20
const trialBytes = 64 * 1024
/** Of the disk, not of the directory: a restart should not fail because a disk is full, or has a bad day. */
const passing = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE'])

/** Does in the directory, or where it would be made, what a journal needs, and leaves no trace. */
export async function tryJournal(path: string, maxBytes: number): Promise<JournalTrial> {
  try {
    const existing = await nearestDirectory(resolve(path))
    if (existing === resolve(path)) await tryJournalIn(existing)
    await tryWriting(existing)
    return { mistakes: [], doubts: await doubtsAbout(existing, maxBytes) }
  } catch (error) {
    const isPassing = passing.has(String(codeOf(error)))
    return isPassing ? { mistakes: [], doubts: [messageOf(error)] } : { mistakes: [messageOf(error)], doubts: [] }
  }
}

/** The directory itself, or the one above it in which it would be made. */
async function nearestDirectory(path: string): Promise<string> {
  const found = await stat(path).catch((error) => {
    // Missing, or below a file.
    if (isMissing(error) || codeOf(error) === 'ENOTDIR') return undefined
    throw error
  })
  if (found === undefined) return nearestDirectory(dirname(path))
  if (!found.isDirectory()) throw new Error(`${path} is a file, not a directory`)
  return path
}

/** Another user may have made the journal, or a newer version may have written it. */
async function tryJournalIn(path: string): Promise<void> {
  await assertKnownFormat(path)
  for (const part of ['logs', 'dead']) {
    await access(join(path, part), constants.R_OK | constants.W_OK | constants.X_OK).catch((error) => {
      if (!isMissing(error)) throw error
    })
  }
}

async function tryWriting(directory: string): Promise<void> {
  const trial = join(directory, `.vantage-trial-${process.pid}`)
  await mkdir(trial)
  try {
    await writeFile(join(trial, 'trial'), Buffer.alloc(trialBytes), { flush: true })
  } finally {
    await rm(trial, { recursive: true, force: true })
  }
}

async function doubtsAbout(directory: string, maxBytes: number): Promise<string[]> {
  const doubt = await doubtAbout(directory)
  const { bavail, bsize } = await statfs(directory)
  const freeMiB = Math.floor((bavail * bsize) / mebibyte)
  return [
    ...(doubt === undefined ? [] : [`it lies on ${doubt}`]),
    ...(freeMiB * mebibyte >= maxBytes
      ? []
      : [`its disk has ${freeMiB} MiB free, and VANTAGE_JOURNAL_MAX_MB asks for more`]),
  ]
}
