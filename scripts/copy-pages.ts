// Puts beside the compiled scripts of the pages what is not compiled: their HTML and CSS, and the libraries they use. Those
// are development dependencies, so that installing the collector does not bring what they in turn depend on. Part of
// npm run build.

import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const pages = 'lib/pages'
const target = 'dist/lib/pages'
const vendor = join(target, 'vendor')

const libraries = [
  'uplot/dist/uPlot.iife.min.js',
  'uplot/dist/uPlot.min.css',
  'uplot/LICENSE',
  'swagger-ui-dist/swagger-ui-bundle.js',
  'swagger-ui-dist/swagger-ui.css',
  'swagger-ui-dist/LICENSE',
  'swagger-ui-dist/NOTICE',
  'redoc/bundles/redoc.standalone.js',
  'redoc/bundles/redoc.standalone.js.LICENSE.txt',
  'redoc/LICENSE',
]

mkdirSync(vendor, { recursive: true })
for (const file of readdirSync(pages)) {
  if (/\.(html|css|svg)$/.test(file)) copyFileSync(join(pages, file), join(target, file))
}
for (const path of libraries) {
  const [name = ''] = path.split('/')
  const file = basename(path)
  const isTerms = /^(LICENSE|NOTICE)$/.test(file)
  copyFileSync(join('node_modules', path), join(vendor, isTerms ? `${name}-${file}.txt` : file))
}

// ReDoc shows its makers' logo from their server, which the pages' policy forbids, and which would tell them who looks.
const redoc = join(vendor, 'redoc.standalone.js')
const emptyImage = 'data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=='
writeFileSync(
  redoc,
  readFileSync(redoc, 'utf8').replaceAll('https://cdn.redoc.ly/redoc/logo-mini.svg', () => emptyImage),
)
