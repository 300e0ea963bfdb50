import { type Logger, pino, stdTimeFunctions } from 'pino'
import type { Config } from '../config/config.js'

export type { Logger }

/**
 * One line of JSON an event on standard output; readable lines when `readable`. Bodies and secrets are never given to
 * it.
 */
export async function createLogger(config: Pick<Config, 'serviceName' | 'debug'>, readable: boolean): Promise<Logger> {
  const options = {
    level: config.debug ? 'debug' : 'info',
    base: { service: config.serviceName, pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  if (!readable) return pino(options)
  const { default: pretty } = await import('pino-pretty')
  return pino(options, pretty({ ignore: 'service,pid', translateTime: 'SYS:HH:MM:ss', sync: true }))
}
