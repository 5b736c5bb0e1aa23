import { LANGUAGES, type Language } from '../../policy/rules/model/user-explanation.js'
import { factsOf, html, languageLinks, page, stateOf, type Html } from './register-page.js'
import type { PublicBan } from './public-bans.js'
import { TEXTS } from './texts.js'

/**
 * The register as files of a web site, by path. All links are relative, so that the site works under any
 * URL.
 *
 * - `index.html`                the list in the default language
 * - `LANGUAGE/index.html`       the list
 * - `bans/REFERENCE/index.html` a ban in all languages: the stable URL that structured errors name
 * - `LANGUAGE/bans/REFERENCE/index.html`  a ban
 * - `bans.json`                 all bans, for programs
 *
 * @param asOf the day, in the time zone of the rules
 */
export function registerSite(
  bans: readonly PublicBan[],
  language: Language,
  asOf: string
): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  files.set('index.html', listPage(bans, language, './', asOf))
  for (const it of LANGUAGES) {
    files.set(`${it}/index.html`, listPage(bans, it, '../', asOf))
    for (const ban of bans)
      files.set(`${it}/bans/${ban.reference}/index.html`, banPage(ban, it, asOf))
  }
  for (const ban of bans) {
    files.set(`bans/${ban.reference}/index.html`, everyLanguagePage(ban, language, asOf))
  }
  files.set('bans.json', `${JSON.stringify({ asOf, bans }, undefined, 2)}\n`)
  return files
}

/** @param top relative URL of the top of the site */
function listPage(
  bans: readonly PublicBan[],
  language: Language,
  top: string,
  asOf: string
): string {
  const texts = TEXTS[language]
  const nav = languageLinks(language, it => `${top}${it}/`)
  const section = (title: string, state: PublicBan['state']): Html => {
    const shown = bans.filter(ban => ban.state === state)
    // An empty part is worth a word only where visitors look for one.
    if (shown.length === 0 && state !== 'in force') return html``
    const items = shown.map(ban =>
      listItem(ban, language, `${top}${language}/bans/${ban.reference}/`)
    )
    const list =
      items.length === 0
        ? html`<p>${texts.none}</p>`
        : html`<ul class="bans">
            ${items}
          </ul>`
    return html`<h2>${title}</h2>
      ${list} `
  }
  const main = html`<h1>${texts.title}</h1>
    <p>${texts.intro}</p>
    ${section(texts.inForce, 'in force')}${section(texts.upcoming, 'upcoming')}${section(texts.ended, 'ended')}`
  return page(language, texts.title, nav, main, footer(language, asOf))
}

function listItem(ban: PublicBan, language: Language, url: string): Html {
  const texts = TEXTS[language]
  const from = ban.from === undefined ? [] : [`${texts.from} ${ban.from}`]
  const until = ban.lastDay === undefined ? texts.open : `${texts.until} ${ban.lastDay}`
  const term = [...from, until].join(', ')
  return html`<li class="card">
    <h3><a href="${url}">${ban.texts[language].title}</a></h3>
    <p>${ban.texts[language].justification}</p>
    <p class="meta">${term}</p>
  </li> `
}

function banPage(ban: PublicBan, language: Language, asOf: string): string {
  const texts = TEXTS[language]
  const { title } = ban.texts[language]
  const nav = languageLinks(language, it => `../../../${it}/bans/${ban.reference}/`)
  const main = html`<p><a href="../../">${texts.back}</a></p>
    <h1>${title}</h1>
    <p class="why">${ban.texts[language].justification}</p>
    <div class="card">${factsOf(ban, language)}</div>`
  return page(language, `${title} – ${texts.title}`, nav, main, footer(language, asOf))
}

/** @param language the first of the page */
function everyLanguagePage(ban: PublicBan, language: Language, asOf: string): string {
  const { title } = ban.texts[language]
  const ordered = [language, ...LANGUAGES.filter(it => it !== language)]
  const nav = languageLinks(language, it => `../../${it}/bans/${ban.reference}/`)
  const parts = ordered.map(
    it =>
      html`<section class="language" lang="${it}">
        <h2>${TEXTS[it].name}</h2>
        <p>${ban.texts[it].justification}</p>
        <div class="card">${factsOf(ban, it)}</div>
      </section> `
  )
  const main = html`<h1>${title} ${stateOf(ban, language)}</h1>
    ${parts}`
  return page(language, `${title} – ${TEXTS[language].title}`, nav, main, footer(language, asOf))
}

function footer(language: Language, asOf: string): Html {
  return html`<p>${TEXTS[language].asOf} <time datetime="${asOf}">${asOf}</time></p>`
}
