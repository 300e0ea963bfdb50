import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace'
import type { Config } from '../../config/config.js'

/** The sampler that OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG name, as OpenTelemetry defines them. */
export function createSampler({ otelTracesSampler, otelTracesSamplerArg }: Config): Sampler {
  const roots: Record<Config['otelTracesSampler'], () => Sampler> = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(otelTracesSamplerArg),
    parentbased_always_on: () => new ParentBasedSampler({ root: roots.always_on() }),
    parentbased_always_off: () => new ParentBasedSampler({ root: roots.always_off() }),
    parentbased_traceidratio: () => new ParentBasedSampler({ root: roots.traceidratio() }),
  }
  return roots[otelTracesSampler]()
}
