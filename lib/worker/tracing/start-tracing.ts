import type { Config } from '../../config/config.js'
import type { Logger } from '../../shared/logger.js'
import { noTracing, type Tracing } from './tracing.js'

/** OpenTelemetry is loaded only where its spans go somewhere: it costs memory and time to start. */
export async function startTracing(config: Config, logger: Logger): Promise<Tracing> {
  if (config.otelExporterOtlpEndpoint === '') return noTracing
  const { OpenTelemetryTracing } = await import('./open-telemetry.js')
  return new OpenTelemetryTracing(config, logger)
}
