import { accessSync, constants } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'

type Environment = Readonly<Record<string, string | undefined>>

/** The value of VANTAGE_JOURNAL_DIR that leaves the place to the collector. */
export const automaticJournal = 'auto'

const systemState = '/var/lib/vantage-collector'
/** Where versions before 0.2 kept it: below whatever directory they were started in. */
const formerPlace = 'vantage-journal'

/** The journal's directory as an absolute path, so that it is the same from wherever the collector is started; '' for none. */
export function journalDirectoryOf(setting: string, env: Environment): string {
  if (setting === '') return ''
  return setting === automaticJournal ? automaticPlace(env) : resolve(setting)
}

/** Where a journal of this user may lie that was started otherwise. */
export function usualJournalPlaces(env: Environment): string[] {
  return [...new Set([resolve(formerPlace), inState(systemState), inState(userState(env)), inState(homeState(env))])]
}

function automaticPlace(env: Environment): string {
  return inState(hasStateHome(env) || !isSystemService() ? userState(env) : systemState)
}

function inState(directory: string): string {
  return join(directory, 'journal')
}

/** Root, or a user for whom that directory was made. */
function isSystemService(): boolean {
  try {
    if (process.getuid?.() !== 0) accessSync(systemState, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** XDG Base Directory Specification: a relative path has to be ignored. */
function hasStateHome({ XDG_STATE_HOME = '' }: Environment): boolean {
  return isAbsolute(XDG_STATE_HOME)
}

function userState(env: Environment): string {
  return hasStateHome(env) ? join(String(env.XDG_STATE_HOME), 'vantage-collector') : homeState(env)
}

function homeState({ HOME = homedir() }: Environment): string {
  return resolve(HOME, '.local/state/vantage-collector')
}
