import { createHash } from 'node:crypto'
import { LANGUAGES, type Language } from '../../policy/rules/model/user-explanation.js'
import { TOKENS } from '../../analysis/report/output/tokens.js'
import type { PublicBan } from './public-bans.js'
import { TEXTS } from './texts.js'

/** HTML with nothing left to escape. */
export interface Html {
  readonly html: string
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;'
}

/** Template of HTML: texts are escaped, lists joined, and undefined values left out. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  return {
    html: parts.map((part, i) => part + (i < values.length ? shown(values[i]) : '')).join('')
  }
}

type Value = string | Html | readonly Html[] | undefined

function shown(value: Value): string {
  if (value === undefined) return ''
  if (typeof value === 'string') return value.replaceAll(/[&<>"']/g, sign => ENTITIES[sign]!)
  return 'html' in value ? value.html : value.map(({ html }) => html).join('')
}

const STYLE = `${TOKENS}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 1rem/1.55 var(--sans); }
.column { max-width: 46rem; margin: 0 auto; padding: 1.25rem 1.25rem 2.5rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: 0; padding: 0; list-style: none; }
nav a, nav span { display: inline-block; padding: .35rem 0; }
nav [aria-current] { font-weight: 600; color: var(--ink); text-decoration: none; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 1rem 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 2rem 0 .75rem; }
h3 { font-size: 1.05rem; line-height: 1.35; margin: 0 0 .25rem; overflow-wrap: anywhere; }
p { margin: 0 0 .75rem; overflow-wrap: anywhere; }
a { color: var(--accent); text-underline-offset: .15em; }
a:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 2px; }
ul.bans { margin: 0; padding: 0; list-style: none; display: grid; gap: .75rem; }
.card { background: var(--paper); border: 1px solid var(--rule); border-radius: var(--radius); padding: 1rem 1.15rem; }
.card p:last-child { margin: 0; }
.card + p { margin-top: 1rem; }
.meta::first-letter { text-transform: uppercase; }
.meta, footer { color: var(--faint); font-size: .9rem; }
dl { margin: 0; display: grid; gap: .5rem; }
.pair { display: grid; grid-template-columns: minmax(7rem, 10rem) 1fr; gap: 0 1.25rem; }
dt { color: var(--faint); }
dd { margin: 0; overflow-wrap: anywhere; }
dd p { margin: 0; }
.state { display: inline-block; padding: .05rem .6rem; border-radius: 999px; font-size: .85rem; font-weight: 600; }
.in-force { background: var(--warn-shade); color: var(--warn); }
.ended, .upcoming { background: var(--shade); color: var(--faint); }
.why { font-size: 1.15rem; }
.language { margin-top: 1.5rem; }
footer { margin-top: 2.5rem; border-top: 1px solid var(--rule); padding-top: .75rem; }
@media (max-width: 30rem) { .pair { grid-template-columns: 1fr; } }
@media print { nav { display: none; } .card { break-inside: avoid; } }
`
/** Apart from the page, in which white space around it would change its digest. */
const STYLE_ELEMENT: Html = { html: `<style>${STYLE}</style>` }
/** Allows the style sheet and nothing else. CSP 3 §2.3.1. */
export const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'`

/** A whole page. @param nav above the content */
export function page(language: Language, title: string, nav: Html, main: Html, end: Html): string {
  const { html: text } = html`<!doctype html>
    <html lang="${language}">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        ${STYLE_ELEMENT}
      </head>
      <body>
        <div class="column">
          <header>${nav}</header>
          <main>${main}</main>
          <footer>${end}</footer>
        </div>
      </body>
    </html> `
  return text
}

/** Links to the same page in the other languages. @param urlIn of the page in a language */
export function languageLinks(current: Language, urlIn: (language: Language) => string): Html {
  const items = LANGUAGES.map(it => {
    const here = it === current ? html` aria-current="page"` : undefined
    return html`<li>
      <a href="${urlIn(it)}" lang="${it}" hreflang="${it}" ${here}>${TEXTS[it].name}</a>
    </li>`
  })
  return html`<nav aria-label="${TEXTS[current].languages}">
    <ul>
      ${items}
    </ul>
  </nav>`
}

const STATES = { 'in force': 'inForce', upcoming: 'upcoming', ended: 'ended' } as const

export function stateOf({ state }: PublicBan, language: Language): Html {
  return html`<span class="state ${state.replace(' ', '-')}"
    >${TEXTS[language][STATES[state]]}</span
  >`
}

/** Everything about a ban, as pairs. */
export function factsOf(ban: PublicBan, language: Language): Html {
  const texts = TEXTS[language]
  const { contact, organization, title, hours, networks, ...text } = ban.texts[language]
  const authority = ban.authority && (text.authority ?? ban.authority)
  const legalBasis = ban.legalBasis && (text.legalBasis ?? ban.legalBasis)
  const pair = (label: string, value: string | Html | undefined): Html[] =>
    value === undefined
      ? []
      : [
          html`<div class="pair">
            <dt>${label}</dt>
            <dd>${value}</dd>
          </div>`
        ]
  const decision = ban.decision && (text.reference ?? ban.decision)
  const { decisionUrl } = ban
  const linked =
    decision !== undefined && decisionUrl !== undefined
      ? html`<a href="${decisionUrl}">${decision}</a>`
      : decision
  const contacts = contact.map(
    uri => html`<p><a href="${uri}">${uri.replace(/^(mailto|tel):/, '')}</a></p>`
  )
  return html`<dl>
    ${[
      ...pair(texts.status, stateOf(ban, language)),
      ...pair(texts.what, title),
      ...pair(texts.except, ban.except.length === 0 ? undefined : ban.except.join(', ')),
      ...pair(texts.authority, authority),
      ...pair(texts.decision, linked),
      ...pair(texts.legalBasis, legalBasis),
      ...pair(texts.from, ban.from ?? texts.always),
      ...pair(texts.until, ban.lastDay ?? texts.open),
      ...pair(texts.hours, hours),
      ...pair(texts.scope, networks.join(', ')),
      ...pair(texts.organization, organization),
      ...pair(texts.contact, contacts.length === 0 ? undefined : html`${contacts}`),
      ...pair(texts.reference, ban.reference)
    ]}
  </dl>`
}
