import type { Config } from '../../config/config.js'
import type { BufferPool } from '../../shared/buffer-pool.js'
import { createOtlp } from './otlp/otlp.js'
import { createVantage } from './vantage/vantage.js'

/** Every format that agents may speak. */
export type Formats = ReturnType<typeof createFormats>

export type FormatLimits = {
  maxBodyBytes: number
  /** The longest record that Kafka takes. */
  maxRecordBytes: number
}

/** @param pool where the bytes of records come from */
export function createFormats(config: Config, limits: FormatLimits, pool: BufferPool) {
  const options = { ...config, ...limits }
  const otlp = createOtlp(config, options, pool)
  return { ...otlp, vantage: createVantage(config, options, otlp.otlpJson, pool) }
}
