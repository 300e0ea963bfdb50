import { createRequire } from 'node:module'

type Manifest = { version: string; dependencies: Readonly<Record<string, string>> }
const manifest: Manifest = createRequire(import.meta.url)('vantage-collector/package.json')

/** The version of this package, and the exact versions of those that it depends on. */
export const { version, dependencies } = manifest
