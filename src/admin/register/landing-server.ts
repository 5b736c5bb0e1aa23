import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { addressWords, readAddress } from '../../base/values/address.js'
import type { Seconds } from '../../base/units.js'
import { readName } from '../../wire/dns/name/name.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import { Evaluator } from '../../policy/evaluate/evaluator.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { LANGUAGES, type Language } from '../../policy/rules/model/user-explanation.js'
import { publicReference } from '../../policy/rules/model/public-reference.js'
import { preferredLanguage } from './accept-language.js'
import { factsOf, html, page, POLICY, type Html } from './register-page.js'
import type { PublicBan } from './public-bans.js'
import { TEXTS } from './texts.js'

/** What the landing page knows; replaced as a whole when the rules change. */
export interface LandingRules {
  readonly snapshot: Snapshot
  readonly bans: readonly PublicBan[]
  /** Base URL of the register, ending with `/`. */
  readonly register: string | undefined
}

/** Limits of a server that anybody can reach: requests are small, and nothing is read from their bodies. */
const LIMITS = { headersTimeout: 5000, requestTimeout: 5000, keepAliveTimeout: 2000 } as const
const MAX_HEADER_SIZE = 8192
const MAX_CONNECTIONS = 512

/**
 * The web server to which `sinkhole` and `cname` bans lead. It finds the rule by the name in the request
 * and the visitor's address, as the gateway does, and explains it in the visitor's language.
 *
 * HTTP only: a browser that opens https:// demands a certificate for the name it wants, which only the
 * owner of the name can get.
 */
export class LandingServer {
  private readonly server: Server
  private evaluator: Evaluator

  /** @param now Unix time */
  constructor(
    private rules: LandingRules,
    private readonly now: () => Seconds
  ) {
    this.evaluator = new Evaluator(rules.snapshot)
    const options = { maxHeaderSize: MAX_HEADER_SIZE, ...LIMITS }
    this.server = createServer(options, (request, response) => this.answer(request, response))
    this.server.maxConnections = MAX_CONNECTIONS
  }

  /** @returns the port @throws the error of the socket */
  listen(address: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen(port, address, () => {
        const bound = this.server.address()
        resolve(typeof bound === 'object' && bound !== null ? bound.port : port)
      })
    })
  }

  replace(rules: LandingRules): void {
    this.rules = rules
    this.evaluator = new Evaluator(rules.snapshot)
  }

  close(): Promise<void> {
    this.server.closeAllConnections()
    return new Promise(resolve => void this.server.close(() => resolve()))
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const { method, headers, socket } = request
    if (method !== 'GET' && method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD', connection: 'close' }).end()
      return
    }
    const name = nameIn(headers.host)
    const found = this.find(name, socket.remoteAddress ?? '')
    const fallback = LANGUAGES[found.language]!
    const language = preferredLanguage(headers['accept-language'], fallback)
    const { register } = this.rules
    const body = bodyOf(name, found, language, this.rules)
    // RFC 7725 §3, §4: who blocks, for what the law demands.
    const isBan = found.ban !== undefined
    const blockedBy = register === undefined ? {} : { link: `<${register}>; rel="blocked-by"` }
    const status = isBan ? 451 : found.isBlocked ? 403 : 404
    response.writeHead(status, {
      'content-type': 'text/html; charset=utf-8',
      'content-language': language,
      'content-security-policy': POLICY,
      'cache-control': 'no-store',
      vary: 'accept-language, host',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      ...(isBan ? blockedBy : {})
    })
    response.end(method === 'HEAD' ? undefined : body)
  }

  private find(name: string | undefined, address: string): Found {
    const { evaluator } = this
    const { policy } = evaluator
    const client = policy.classOf(addressWords(readAddress(address)), 0)
    const language = policy.languageFor(client)
    if (name === undefined) return { language, ban: undefined, isBlocked: false }
    const subject = { kind: 'name', octets: readName(name) } as const
    const { verdict, claim } = evaluator.evaluate(subject, RRTYPE.A, client, this.now())
    const isBlocked = verdict === 'blocked'
    const reference = isBlocked && claim?.kind === 'ban' ? publicReference(claim.ruleId) : undefined
    const ban = this.rules.bans.find(ban => ban.reference === reference)
    return { language, ban, isBlocked }
  }
}

interface Found {
  /** Index in `LANGUAGES`: that of the visitor's network. */
  readonly language: number
  readonly ban: PublicBan | undefined
  readonly isBlocked: boolean
}

/** The name in a Host header, without port; undefined: none, or an address. RFC 9110 §7.2. */
function nameIn(host: string | undefined): string | undefined {
  const name = host?.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase() ?? ''
  if (!/^(?=.*[a-z])[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(name)) return undefined
  try {
    return readName(name).length > 0 ? name : undefined
  } catch {
    return undefined
  }
}

function bodyOf(
  name: string | undefined,
  { ban, isBlocked }: Found,
  language: Language,
  { bans, register }: LandingRules
): string {
  const texts = TEXTS[language]
  const heading = isBlocked ? texts.blocked : texts.notBlocked
  const title = name === undefined ? texts.title : heading.replace('{}', name)
  const url = register !== undefined && ban && `${register}${language}/bans/${ban.reference}/`
  const link = url ? html`<p><a href="${url}">${texts.details}</a></p>` : undefined
  const main =
    ban === undefined
      ? html`<h1>${title}</h1>
          ${name === undefined || isBlocked ? undefined : html`<p>${texts.notBlockedWhy}</p>`}
          ${name === undefined ? inForce(bans, language, register) : undefined}`
      : html`<h1>${title}</h1>
          <p class="why">${ban.texts[language].justification}</p>
          <div class="card">${factsOf(ban, language)}</div>
          ${link}`
  const end =
    register === undefined ? html`` : html`<p><a href="${register}">${texts.title}</a></p>`
  return page(language, title, html``, main, end)
}

function inForce(
  bans: readonly PublicBan[],
  language: Language,
  register: string | undefined
): Html {
  const items = bans
    .filter(({ state }) => state === 'in force')
    .map(({ reference, texts }) => {
      const { title } = texts[language]
      const url = register && `${register}${language}/bans/${reference}/`
      const heading = url ? html`<a href="${url}">${title}</a>` : title
      return html`<li class="card">
        <h3>${heading}</h3>
        <p>${texts[language].justification}</p>
      </li>`
    })
  return html`<h2>${TEXTS[language].otherBans}</h2>
    <ul class="bans">
      ${items}
    </ul>`
}
