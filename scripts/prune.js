// Deletes from an installation what only compiling it needed, and what is for other machines: `npm run prune`. It keeps what
// runs, the licences, and the types that `npm run build` reads; the addons cannot be compiled again until the next npm ci.
import { existsSync, lstatSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, relative } from 'node:path'

const { platform, arch, versions } = process
const modules = createRequire(import.meta.url)
  .resolve.paths('node-rdkafka')
  .find((folder) => existsSync(join(folder, 'node-rdkafka')))
if (modules === undefined) throw new Error('node-rdkafka is not installed')

/** Which files of a folder stay, by their paths in it. Of all other packages only source maps go. */
const kept = {
  [join(import.meta.dirname, '../build')]: [/^Release\/\w+\.node$/],
  [join(modules, 'node-rdkafka')]: [
    /^(lib\/.*|librdkafka\.js|package\.json|LICENSE\.txt|\w+\.d\.ts)$/,
    /^build\/Release\/node-librdkafka\.node$/,
    /^build\/deps\/librdkafka(\+\+)?(\.1)?\.(so(\.1)?|dylib)$/,
    /^deps\/librdkafka\/LICENSES?(\.\w+)?$/,
  ],
  [join(modules, 'uws-pack')]: [
    /^(?!dist\/bin\/)/,
    new RegExp(`^dist/bin/uws_${platform}_${arch}_${versions.modules}\\.node$`),
  ],
}

let freed = 0
for (const [folder, patterns] of Object.entries(kept)) {
  if (existsSync(folder))
    deleteFrom(folder, (path) => !patterns.some((pattern) => pattern.test(relative(folder, path))))
}
deleteFrom(modules, (path) => path.endsWith('.map'))
console.log(`${Math.round(freed / 1e6)} MB deleted from ${modules}`)

/** Deletes files, and folders that have become empty. */
function deleteFrom(folder, isSuperfluous) {
  for (const { name } of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, name)
    const stat = lstatSync(path)
    if (stat.isDirectory()) deleteFrom(path, isSuperfluous)
    else if (isSuperfluous(path)) {
      freed += stat.size
      rmSync(path)
    }
  }
  if (readdirSync(folder).length === 0) rmdirSync(folder)
}
