import type { Plugin } from 'esbuild'

/** Modules of Node for encrypted transports: they take 5 ms of CPU to load (HTTP/2: 7 ms), in each thread. */
const LAZY = /^node:(tls|https|http2)$/

/**
 * Loads these modules when one of their exports is first used. The bundler's code gets exports of other modules by name
 * wherever it uses them, so that getters do it.
 */
export const lazyBuiltins: Plugin = {
  name: 'lazy built-in modules',
  setup: bundler => {
    bundler.onResolve({ filter: LAZY }, ({ path }) => ({ path, namespace: 'lazy' }))
    bundler.onLoad({ filter: LAZY, namespace: 'lazy' }, async ({ path }) => {
      const names = Object.keys((await import(path)) as object).filter(name => name !== 'default')
      const getters = names.map(name => `get ${name}() { return load().${name} }`)
      // Without `node:`, which would be resolved to this module.
      const load = `const load = () => require('${path.replace('node:', '')}')`
      return { contents: `${load}\nmodule.exports = { ${getters.join(', ')} }` }
    })
  }
}
