import type { Config } from '../../config/config.js'
import type { Delivery } from '../../delivery/delivery.js'
import type { Condition } from '../../telemetry/condition.js'
import type { PrimaryLink } from '../primary-link.js'

/** What routes are made from. */
export type RouteContext = {
  config: Config
  delivery: Delivery
  primary: PrimaryLink
  /** How this worker is now. */
  condition: () => Condition
  /** Started with --dev: Kafka is the embedded one. */
  dev: boolean
}
