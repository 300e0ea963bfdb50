import { readFileSync, statSync } from 'node:fs'
import { parseEnv } from 'node:util'

type Environment = Readonly<Record<string, string | undefined>>

/** What --dev changes where the environment does not say otherwise: its Kafka is gone with it, so a journal is no use. */
const developmentDefaults: Environment = { VANTAGE_JOURNAL_DIR: '' }

/** The environment, and outside production a `.env` file of the working directory beneath it. */
export function readEnvironment(dev: boolean): Environment {
  return { ...(dev && developmentDefaults), ...readFile(), ...process.env }
}

function readFile(): Environment {
  // Some have a directory of that name, for Python's virtual environments.
  const isThere = statSync('.env', { throwIfNoEntry: false })?.isDirectory() === false
  if (process.env.VANTAGE_ENVIRONMENT?.trim() === 'production' || !isThere) return {}
  return parseEnv(readFileSync('.env', 'utf8'))
}
