import { checkTogether, checkValues } from './check.js'
import { journalDirectoryOf, usualJournalPlaces } from './journal-places.js'
import { readSettings } from './read.js'
import type { Config } from './schema.js'
import { doubtsAbout } from './warn.js'

export type { Config } from './schema.js'

/** `otherJournals`: where a journal of this user may lie, too, with metrics that wait for a collector that reads it. */
export type ParsedConfig = { config: Config; otherJournals: string[]; warnings: string[]; mistakes: string[] }

/**
 * The configuration that the environment variables set. Never throws on a wrong value: `mistakes` has one line for each,
 * and `config` has the default in its place, so that it must not be used unless there is none. `warnings` name variables
 * with the prefix that nothing reads, and settings that are no use.
 */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): ParsedConfig {
  const reading = readSettings(env)
  const { values, ...checked } = checkValues(reading)
  const mistakes = [...reading.mistakes, ...checked.mistakes, ...checkTogether(values, reading.properties)]
  const doubts = mistakes.length === 0 ? doubtsAbout(values, reading.properties) : []
  return {
    config: Object.freeze({
      ...values,
      journalDir: journalDirectoryOf(values.journalDir, env),
      kafkaProperties: Object.freeze(reading.properties),
    }),
    otherJournals: usualJournalPlaces(env),
    warnings: [...reading.warnings, ...checked.warnings, ...doubts],
    mistakes,
  }
}
