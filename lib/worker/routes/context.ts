import type { Delivery } from '../../delivery/delivery.js'
import type { Config } from '../../shared/config.js'
import type { PrimaryLink } from '../primary-link.js'

/** What routes are made from. */
export type RouteContext = {
  config: Config
  delivery: Delivery
  primary: PrimaryLink
  draining: () => boolean
  /** Started with --dev: Kafka is the embedded one. */
  dev: boolean
}
