import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { basename, extname } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { build, type Plugin } from 'esbuild'
import type { Asset } from '../../src/admin/server/dashboard.js'
import { PAGES } from '../../src/admin/web/pages.js'
import { TOKENS } from '../../src/analysis/report/output/tokens.js'

/** The dashboard in browsers: TypeScript, which esbuild reads. */
const SOURCE = 'src/admin/dashboard'
const ASSETS = '/assets/'
const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml'
}

/** Makes `tokens.css`, which is a module for reports. */
const tokens: Plugin = {
  name: 'design tokens',
  setup: bundler => {
    bundler.onResolve({ filter: /^tokens\.css$/ }, () => ({
      path: 'tokens.css',
      namespace: 'tokens'
    }))
    bundler.onLoad({ filter: /.*/, namespace: 'tokens' }, () => ({
      contents: TOKENS,
      loader: 'css'
    }))
  }
}

const SCHEMAS = 'docs/reference/schemas'

/** Puts the JSON Schemas of rule files into the module that exports them. */
const schemas: Plugin = {
  name: 'schemas of rule files',
  setup: bundler => {
    bundler.onLoad({ filter: /[/\\]rule-schemas\.ts$/ }, () => {
      const texts = ['networks', 'app', 'evidence', 'mandate', 'tests'].map(name => {
        const schema: unknown = JSON.parse(readFileSync(`${SCHEMAS}/${name}.schema.json`, 'utf8'))
        return [name, schema]
      })
      const contents = `export const SCHEMAS = ${JSON.stringify(Object.fromEntries(texts))}`
      return { contents, loader: 'ts' }
    })
  }
}

/** Bundles the dashboard. @returns all of its files, compressed */
export async function bundleDashboard(): Promise<readonly Asset[]> {
  const { outputFiles, metafile } = await build({
    entryPoints: { main: `${SOURCE}/main.tsx` },
    outdir: 'assets',
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    // With what all browsers have had since 2023.
    target: ['chrome117', 'firefox117', 'safari16.4'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    minify: true,
    legalComments: 'none',
    charset: 'utf8',
    write: false,
    metafile: true,
    plugins: [tokens, schemas],
    logLevel: 'warning'
  })
  const output = Object.entries(metafile.outputs)
  const nameOf = (wanted: (path: string) => boolean): string =>
    basename(output.find(([path]) => wanted(path))![0])
  const main = output.find(([, { entryPoint }]) => entryPoint === `${SOURCE}/main.tsx`)!
  // What the first script imports at once would be asked for only after it has arrived.
  const parts = main[1].imports.filter(({ kind }) => kind === 'import-statement')
  const icon = readFileSync(`${SOURCE}/icon.svg`)
  const iconName = `icon-${digestOf(icon).slice(0, 8)}.svg`
  const page = pageOf({
    script: basename(main[0]),
    style: nameOf(path => path.endsWith('.css')),
    icon: iconName,
    parts: parts.map(({ path }) => basename(path))
  })
  return Promise.all([
    compressed(
      PAGES.map(({ path }) => path),
      'text/html; charset=utf-8',
      page
    ),
    compressed([ASSETS + iconName], TYPES['.svg']!, icon),
    ...outputFiles.map(({ path, contents }) =>
      compressed([ASSETS + basename(path)], TYPES[extname(path)]!, contents)
    )
  ])
}

interface Parts {
  readonly script: string
  readonly style: string
  readonly icon: string
  readonly parts: readonly string[]
}

function pageOf({ script, style, icon, parts }: Parts): Buffer {
  const preloads = parts.map(part => `<link rel="modulepreload" href="${ASSETS}${part}">`)
  const text = readFileSync(`${SOURCE}/page.html`, 'utf8')
    .replace('<!-- head -->', preloads.join('\n'))
    .replace('main.js', ASSETS + script)
    .replace('main.css', ASSETS + style)
    .replace('icon.svg', ASSETS + icon)
  return Buffer.from(text)
}

const digestOf = (content: Uint8Array): string =>
  createHash('sha256').update(content).digest('base64url')

async function compressed(
  paths: readonly string[],
  type: string,
  content: Uint8Array
): Promise<Asset> {
  const params = {
    [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
    [constants.BROTLI_PARAM_SIZE_HINT]: content.length
  }
  const [br, gz] = await Promise.all([
    promisify(brotliCompress)(content, { params }),
    promisify(gzip)(content, { level: 9 })
  ])
  return {
    paths,
    type,
    br: br.toString('base64'),
    gzip: gz.toString('base64'),
    etag: digestOf(content).slice(0, 22)
  }
}
