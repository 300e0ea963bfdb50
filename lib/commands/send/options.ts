import { parseArgs } from 'node:util'
import type { Config } from '../../config/config.js'
import { readApiKey, routeUrl } from '../collector-access.js'
import { UsageError } from '../command.js'
import { integerFlag } from '../flags.js'
import type { Envelope } from './read-entries.js'

export type SendOptions = {
  /** A path, or - for standard input. */
  file: string
  /** Where batches are posted. */
  url: URL
  apiKey: string
  compress: boolean
  batchSize: number
  lingerMs: number
  connections: number
  maxWaitMs: number
  /** Where batches go that are given up. */
  undelivered: string | undefined
  /** Take precedence over what the input says. */
  envelope: Partial<Envelope>
  json: boolean
}

/** @throws {UsageError} for arguments that make no sense */
export async function readSendOptions(args: string[], readConfig: () => Config): Promise<SendOptions> {
  const { values: flags, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      url: { type: 'string' },
      'key-file': { type: 'string' },
      gzip: { type: 'boolean', default: false },
      'batch-size': { type: 'string', default: '1000' },
      'linger-ms': { type: 'string', default: '1000' },
      connections: { type: 'string', default: '1' },
      'max-wait-seconds': { type: 'string', default: '300' },
      undelivered: { type: 'string' },
      service: { type: 'string' },
      environment: { type: 'string' },
      'agent-version': { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const [file] = positionals
  if (file === undefined || positionals.length > 1) throw new UsageError('send takes one FILE, or - for standard input')
  const config = readConfig()
  return {
    file,
    url: routeUrl(flags.url, config, '/v1/metrics'),
    apiKey: await readApiKey(flags['key-file'], config),
    compress: flags.gzip,
    batchSize: integerFlag('--batch-size', flags['batch-size'], 1, 100_000),
    lingerMs: integerFlag('--linger-ms', flags['linger-ms'], 0, 3_600_000),
    connections: integerFlag('--connections', flags.connections, 1, 256),
    maxWaitMs: integerFlag('--max-wait-seconds', flags['max-wait-seconds'], 0, 86_400) * 1000,
    undelivered: flags.undelivered,
    envelope: {
      ...(flags.service !== undefined && { service_name: flags.service }),
      ...(flags.environment !== undefined && { environment: flags.environment }),
      ...(flags['agent-version'] !== undefined && { agent_version: flags['agent-version'] }),
    },
    json: flags.json,
  }
}
