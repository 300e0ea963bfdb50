import type { Config } from '../config/config.js'
import { Delivery } from '../delivery/delivery.js'
import { BufferPool } from '../shared/buffer-pool.js'
import { LogOutput } from '../shared/log-output.js'
import { createLogger } from '../shared/logger.js'
import { Telemetry } from '../telemetry/telemetry.js'

/** The delivery of a worker, for a command that tells in its own words what goes wrong. */
export async function createSilentDelivery(config: Config): Promise<{ delivery: Delivery; telemetry: Telemetry }> {
  const logger = await createLogger(config, new LogOutput(), false)
  logger.level = 'silent'
  const telemetry = new Telemetry()
  return { delivery: new Delivery(config, telemetry, new BufferPool(), logger), telemetry }
}
