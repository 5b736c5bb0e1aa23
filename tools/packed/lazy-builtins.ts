import type { Plugin } from 'esbuild'

/**
 * Modules of Node for encrypted transports: they take 5 ms of CPU to load (HTTP/2: 7 ms), in each thread. With their
 * exports in the Node that packages include: those of the Node that builds would make its bundle another one.
 */
export const LAZY: Readonly<Record<string, readonly string[]>> = {
  tls: [
    ...['CLIENT_RENEG_LIMIT', 'CLIENT_RENEG_WINDOW', 'DEFAULT_CIPHERS', 'DEFAULT_ECDH_CURVE'],
    ...['DEFAULT_MAX_VERSION', 'DEFAULT_MIN_VERSION', 'SecureContext', 'Server', 'TLSSocket'],
    ...['checkServerIdentity', 'connect', 'convertALPNProtocols', 'createSecureContext'],
    ...['createServer', 'getCACertificates', 'getCertificateCompressionAlgorithms', 'getCiphers'],
    ...['rootCertificates', 'setDefaultCACertificates']
  ],
  https: ['Agent', 'Server', 'createServer', 'get', 'globalAgent', 'request'],
  http2: [
    ...['Http2ServerRequest', 'Http2ServerResponse', 'connect', 'constants', 'createSecureServer'],
    ...['createServer', 'getDefaultSettings', 'getPackedSettings', 'getUnpackedSettings'],
    ...['performServerHandshake', 'sensitiveHeaders']
  ]
}

/**
 * Loads these modules when one of their exports is first used. The bundler's code gets exports of other modules by name
 * wherever it uses them, so that getters do it.
 */
export const lazyBuiltins: Plugin = {
  name: 'lazy built-in modules',
  setup: bundler => {
    bundler.onResolve({ filter: /^node:(tls|https|http2)$/ }, ({ path }) => ({
      // Without `node:`, which would be resolved to this module when it is required.
      path: path.replace('node:', ''),
      namespace: 'lazy'
    }))
    bundler.onLoad({ filter: /^/, namespace: 'lazy' }, ({ path }) => {
      const getters = LAZY[path]!.map(name => `get ${name}() { return load().${name} }`)
      const load = `const load = () => require('${path}')`
      return { contents: `${load}\nmodule.exports = { ${getters.join(', ')} }` }
    })
  }
}
