import { createRequire } from 'node:module'

type Versions = Readonly<Record<string, string>>
type Manifest = { version: string; dependencies: Versions; optionalDependencies: Versions }
const manifest: Manifest = createRequire(import.meta.url)('vantage-collector/package.json')

/** The version of this package. */
export const { version } = manifest

/** The exact versions of the packages that it depends on. */
export const dependencies: Versions = { ...manifest.optionalDependencies, ...manifest.dependencies }
