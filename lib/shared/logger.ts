import { type Logger, pino, stdTimeFunctions } from 'pino'
import type { LogOutput } from './log-output.js'

export type { Logger }

/** Logs one line of JSON for each event, or readable lines. Bodies and secrets are never logged. */
export async function createLogger(
  config: { serviceName: string; debug: boolean },
  output: LogOutput,
  readable: boolean,
): Promise<Logger> {
  const options = {
    level: config.debug ? 'debug' : 'info',
    base: { service: config.serviceName, pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  const logger = pino(options, readable ? await readableLines(output) : output)
  output.onRecovered((lines) => logger.warn({ lines }, 'lines of this log were dropped, because nothing read them'))
  return logger
}

async function readableLines(output: LogOutput) {
  const { prettyFactory } = await import('pino-pretty')
  const readable = prettyFactory({ ignore: 'service,pid', translateTime: 'SYS:HH:MM:ss' })
  return { write: (line: string) => output.write(readable(line)) }
}
