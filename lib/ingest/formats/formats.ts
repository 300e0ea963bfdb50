import type { Config } from '../../config/config.js'
import type { BufferPool } from '../../shared/buffer-pool.js'
import { createVantage } from './vantage/vantage.js'

/** Every format that agents may speak. */
export type Formats = ReturnType<typeof createFormats>

/**
 * @param maxRecordBytes the longest record that Kafka takes
 * @param pool where the bytes of records come from
 */
export function createFormats(config: Config, maxRecordBytes: number, pool: BufferPool) {
  return { vantage: createVantage(config, { ...config, maxRecordBytes }, pool) }
}
